// Memory limits of the control plane's pods. A limit is there to protect the machine from a runaway process, not to ration:
// an OOM kill of etcd or an API server is an outage that we would have made ourselves.

const GIB = 1024 ** 3;
/** Least memory, GiB, for which limits are computed; smaller machines use the same. */
const SMALLEST_CLASS = 4;

/** Share of the machine's memory class, and the floor below which no limit goes (GiB). Idle use: API server about 0.4, the rest below 0.15 GiB. */
const SHARES = {
  'kube-apiserver': { share: 1 / 2, floor: 2 },
  etcd: { share: 1 / 4, floor: 2 },
  'kube-controller-manager': { share: 1 / 8, floor: 1 },
  'kube-scheduler': { share: 1 / 8, floor: 1 },
} as const;

/** Names of the four static pods. */
export type ControlPlaneComponent = keyof typeof SHARES;

/**
 * Kubernetes quantity, for example `8Gi`. The class is the largest power of two that fits the memory: what the kernel reports
 * differs by some megabytes from boot to boot, and that must not change a manifest and so restart a control plane.
 */
export function memoryLimit(component: ControlPlaneComponent, memoryBytes: number): string {
  const { share, floor } = SHARES[component];
  const memoryClass = Math.max(SMALLEST_CLASS, 2 ** Math.floor(Math.log2(Math.max(1, memoryBytes / GIB))));
  return `${Math.max(floor, Math.floor(memoryClass * share))}Gi`;
}
