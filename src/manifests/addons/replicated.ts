// Add-ons that run twice, on two machines: what their pods have in common.
import type { ClusterSpec } from '../../spec/types.ts';
import type { KubeObject } from '../object.ts';

const COPIES = 2;
/** A copy leaves a lost node after half a minute, not after five: names must resolve before anything else recovers. */
const LOST_NODE_SECONDS = 30;

/** Two, or one where a second copy would have no machine of its own. */
export function copies(spec: ClusterSpec): number {
  const nodes = spec.machines.filter(({ role }) => role === 'control-plane' || role === 'worker');
  return Math.min(COPIES, nodes.length);
}

/**
 * Never two on one machine, if possible not in one zone. Required and not preferred: at bring-up the first Ready node would get both
 * and keep them (kubeadm #1931).
 */
export function spread(labels: Readonly<Record<string, string>>): Record<string, unknown> {
  const labelSelector = { matchLabels: labels };
  return {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector, topologyKey: 'kubernetes.io/hostname' }],
      },
    },
    topologySpreadConstraints: [
      { labelSelector, maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
    ],
  };
}

/** Tolerations of an add-on that may run on control planes. */
export function addonTolerations(): readonly object[] {
  const lost = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: LOST_NODE_SECONDS };
  return [
    { key: 'CriticalAddonsOnly', operator: 'Exists' },
    { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/not-ready', ...lost },
    { key: 'node.kubernetes.io/unreachable', ...lost },
  ];
}

/** Keeps one copy up while nodes are drained; none where there is only one copy, which it would pin for ever. */
export function disruptionBudget(
  spec: ClusterSpec,
  name: string,
  labels: Readonly<Record<string, string>>,
): readonly KubeObject[] {
  if (copies(spec) < COPIES) return [];
  return [
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace: 'kube-system', labels },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    },
  ];
}

/** One copy after the other, the old one first: with two machines a third copy would find no place. */
export const ONE_AT_A_TIME = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } as const;
