// Which machines are in the cluster although cluster.yaml does not name them any more.
import { peerAddress } from '../etcd/members.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import type { Observed } from './observed.ts';

/**
 * The machines that are to leave, as the cluster's own record knows them; without a record (the cluster is older than it) the
 * members of etcd that the specification does not name. Nodes that somebody else has joined are not quorate's to remove.
 */
export function leavingMachines(spec: ClusterSpec, observed: Observed): readonly MachineSpec[] {
  const named = new Set(spec.machines.map(({ name }) => name));
  const record = observed.kube?.record;
  if (record !== undefined) return record.machines.filter(({ name }) => !named.has(name));
  const addresses = new Set(spec.machines.map(({ address }) => address));
  const strangers = (observed.etcd?.members ?? []).flatMap((member) => {
    const address = peerAddress(member);
    return addresses.has(address) || named.has(member.name) ? [] : [{ name: member.name, address }];
  });
  return strangers.map(({ name, address }) => strayMachine(spec, name, address));
}

/**
 * Those among them that may be taken out. The others are only let in: as long as the record cannot be read, nobody knows whether a
 * member that the specification does not name is quorate's.
 */
export function retiring({ leaving, kube }: Pick<Observed, 'leaving' | 'kube'>): readonly MachineSpec[] {
  if (kube === undefined) return [];
  const recorded = kube.record?.machines.map(({ name }) => name);
  return recorded === undefined ? leaving : leaving.filter(({ name }) => recorded.includes(name));
}

/** What can be said of a machine that is known by its member only. */
function strayMachine(spec: ClusterSpec, name: string, address: string): MachineSpec {
  const driver = spec.machines[0]?.driver ?? 'local';
  return {
    name: name === '' ? address : name,
    role: spec.etcd.topology === 'external' ? 'etcd' : 'control-plane',
    address,
    labels: {},
    taints: [],
    driver,
    ...(driver === 'ssh' ? { ssh: { host: address, user: 'root', port: 22 } } : {}),
  };
}
