// What the four static pods have in common, in the form that kubeadm writes (cmd/kubeadm/app/util/staticpod).
import { createHash } from 'node:crypto';
import type { KubeObject } from './object.ts';

/** Flags of a component by name, without the dashes. */
export type Flags = Readonly<Record<string, string>>;

/** A host directory or file that is mounted at the same path. */
export interface HostMount {
  readonly name: string;
  readonly path: string;
  readonly type: 'DirectoryOrCreate' | 'FileOrCreate' | 'Directory' | 'File';
  readonly readOnly?: boolean;
}

/** Where the kubelet asks whether a component works. */
export interface ProbeTarget {
  readonly host: string;
  readonly path: string;
  readonly scheme: 'HTTP' | 'HTTPS';
}

/** What tells one component from another. */
export interface StaticPodOptions {
  /** etcd, kube-apiserver, … : pod name, container name and label `component`. */
  readonly component: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly image: string;
  readonly flags: Flags;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly probePort: number;
  readonly startup: ProbeTarget;
  readonly liveness: ProbeTarget;
  readonly readiness?: ProbeTarget;
  readonly requests: { readonly cpu: string; readonly memory: string };
  /** Memory only: a CPU limit would throttle heartbeats and lease renewals, and so cause failovers. */
  readonly memoryLimit: string;
  readonly mounts: readonly HostMount[];
  /** Contents of files that the component reads only when it starts: when one changes, the pod has to. */
  readonly readsAtStart?: readonly string[];
}

/**
 * Annotation with the hex SHA-256 of everything that the pod was rendered from. The kubelet copies it to the pod that the API shows,
 * so that anyone can tell whether what runs is what the manifest says.
 */
export const POD_DIGEST_ANNOTATION = 'quorate/digest';

/** The pod object. */
export function staticPod(options: StaticPodOptions): KubeObject {
  const spec = podSpec(options);
  const digest = createHash('sha256').update(JSON.stringify([spec, options.readsAtStart ?? []]));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: options.component,
      namespace: 'kube-system',
      labels: { component: options.component, tier: 'control-plane' },
      annotations: { ...options.annotations, [POD_DIGEST_ANNOTATION]: digest.digest('hex') },
    },
    spec,
  };
}

/** The digest in a static pod's annotations. */
export function podDigest(pod: KubeObject): string {
  return pod.metadata.annotations?.[POD_DIGEST_ANNOTATION] ?? '';
}

function podSpec(options: StaticPodOptions): Record<string, unknown> {
  return {
    containers: [container(options)],
    hostNetwork: true,
    // Value of system-node-critical; the API server's admission does not see static pods, so kubeadm writes it too.
    priority: 2_000_001_000,
    priorityClassName: 'system-node-critical',
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    volumes: options.mounts.map(({ name, path, type }) => ({ name, hostPath: { path, type } })),
  };
}

/** `--name=value`, sorted by name. */
export function flagArguments(flags: Flags): readonly string[] {
  return Object.keys(flags)
    .sort()
    .map((name) => `--${name}=${flags[name]}`);
}

function container(options: StaticPodOptions): Record<string, unknown> {
  return {
    name: options.component,
    image: options.image,
    imagePullPolicy: 'IfNotPresent',
    command: [options.component, ...flagArguments(options.flags)],
    ...(options.env ? { env: options.env } : {}),
    ports: [{ name: 'probe-port', containerPort: options.probePort, protocol: 'TCP' }],
    resources: { requests: options.requests, limits: { memory: options.memoryLimit } },
    // kubeadm waits 10 s before the first look and between looks. The same four minutes, looked at every two seconds.
    startupProbe: { ...probe(options.startup), periodSeconds: 2, failureThreshold: 120 },
    livenessProbe: { ...probe(options.liveness), initialDelaySeconds: 10, periodSeconds: 10, failureThreshold: 8 },
    ...(options.readiness
      ? { readinessProbe: { ...probe(options.readiness), periodSeconds: 1, failureThreshold: 3 } }
      : {}),
    volumeMounts: options.mounts.map(({ name, path, readOnly }) => ({
      name,
      mountPath: path,
      ...(readOnly ? { readOnly } : {}),
    })),
  };
}

function probe(target: ProbeTarget): Record<string, unknown> {
  return { httpGet: { ...target, port: 'probe-port' }, timeoutSeconds: 15 };
}

/** Certificate authorities of the operating system, as kubeadm mounts them: webhooks and OIDC issuers outside the cluster need them. */
export const SYSTEM_CA_MOUNTS: readonly HostMount[] = [
  { name: 'ca-certs', path: '/etc/ssl/certs', type: 'DirectoryOrCreate', readOnly: true },
  { name: 'etc-ca-certificates', path: '/etc/ca-certificates', type: 'DirectoryOrCreate', readOnly: true },
  {
    name: 'usr-local-share-ca-certificates',
    path: '/usr/local/share/ca-certificates',
    type: 'DirectoryOrCreate',
    readOnly: true,
  },
  { name: 'usr-share-ca-certificates', path: '/usr/share/ca-certificates', type: 'DirectoryOrCreate', readOnly: true },
];
