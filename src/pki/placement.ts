// Which of the cluster's secrets lie on which machine: no machine holds a key that it has no use for.
import { type ClusterSpec, controlPlanes, type MachineSpec, machinesOf } from '../spec/types.ts';
import { certificatePath, keyPath, SHARED_PATHS } from './names.ts';

/**
 * Shared files that a machine is to have. With stacked etcd a control plane has them all, as kubeadm does it; with external etcd the
 * key of etcd's authority stays on etcd's machines, and control planes only trust it.
 */
export function sharedPathsOf(spec: ClusterSpec, machine: MachineSpec): readonly string[] {
  if (machine.role === 'etcd') return [certificatePath('etcd/ca'), keyPath('etcd/ca')];
  if (machine.role !== 'control-plane') return [];
  return spec.etcd.topology === 'external' ? SHARED_PATHS.filter((path) => path !== keyPath('etcd/ca')) : SHARED_PATHS;
}

/** The machines that hold shared files. */
export function sharingMachines(spec: ClusterSpec): readonly MachineSpec[] {
  return [...controlPlanes(spec), ...machinesOf(spec, 'etcd')];
}
