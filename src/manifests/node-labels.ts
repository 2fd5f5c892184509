// Labels and taints of nodes: requirements 2, section "Node Roles and Taints".
import type { MachineSpec, Taint } from '../spec/types.ts';

const ROLE_LABELS: Readonly<Record<MachineSpec['role'], readonly string[]>> = {
  // The old role name stays as a label because requirements 2 asks for it; charts still select on it.
  'control-plane': ['control-plane', 'master', 'etcd'],
  worker: ['worker'],
  etcd: ['etcd'],
  loadbalancer: [],
};

/** kubeadm's label that keeps cloud load balancers off control planes. */
const EXCLUDE_FROM_LOAD_BALANCERS = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Labels of the machine's zone and from cluster.yaml. A kubelet sets those at registration that NodeRestriction lets it set. */
function ownLabels(machine: MachineSpec): Record<string, string> {
  return { ...(machine.zone ? { 'topology.kubernetes.io/zone': machine.zone } : {}), ...machine.labels };
}

/**
 * Every label that a node is to have, role labels included. A kubelet may not set `node-role.kubernetes.io/…`
 * (NodeRestriction), so these are applied through the API.
 */
export function nodeLabels(machine: MachineSpec): Readonly<Record<string, string>> {
  const roles = ROLE_LABELS[machine.role].map((role) => [`node-role.kubernetes.io/${role}`, 'true']);
  const excluded = machine.role === 'control-plane' ? { [EXCLUDE_FROM_LOAD_BALANCERS]: '' } : {};
  return { ...Object.fromEntries(roles), ...excluded, ...ownLabels(machine) };
}

/** Labels that the kubelet itself sets at registration (`--node-labels`): present before the first pod is scheduled. */
export function kubeletLabels(machine: MachineSpec): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(ownLabels(machine)).filter(([key]) => mayKubeletSet(key)));
}

// Keys and suffixes that kubelets may use (k8s.io/kubernetes pkg/kubelet/apis/well_known_labels.go, IsKubeletLabel).
const KUBELET_LABELS = /^(topology\.kubernetes\.io\/(zone|region)|node\.kubernetes\.io\/instance-type)$/;
const KUBELET_NAMESPACES = /(^|\.)(kubelet|node)\.kubernetes\.io$/;
const RESERVED_NAMESPACES = /(^|\.)(kubernetes|k8s)\.io$/;

function mayKubeletSet(key: string): boolean {
  const namespace = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
  if (!RESERVED_NAMESPACES.test(namespace)) return true;
  return KUBELET_LABELS.test(key) || KUBELET_NAMESPACES.test(namespace);
}

/** Taints of the role first, then those of cluster.yaml. */
export function nodeTaints(machine: MachineSpec): readonly Taint[] {
  if (machine.role !== 'control-plane') return machine.taints;
  return [
    { key: 'CriticalAddonsOnly', value: 'true', effect: 'NoExecute' },
    { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    ...machine.taints,
  ];
}
