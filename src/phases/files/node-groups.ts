// The groups of files that a machine's programs are run by, each with its units: what phases write, compare and roll out.
import type { MachineFacts } from '../../machines/facts.ts';
import { withLeaving } from '../../machines/fleet.ts';
import { backupFiles } from '../../manifests/backup.ts';
import { BACKUP_TIMER } from '../../manifests/backup-units.ts';
import { type EtcdBootstrap, initialCluster } from '../../manifests/etcd.ts';
import {
  containerRuntimeFiles,
  etcdServiceFiles,
  kubeletFiles,
  networkFiles,
  operatorConvenienceFiles,
  staticPodFiles,
} from '../../manifests/node-files.ts';
import { RENEW_TIMER } from '../../manifests/renew-certificates.ts';
import type { Observed } from '../../observe/observed.ts';
import { certificatePath, KUBELET_CLIENT_LINK, KUBELET_SERVER_LINK } from '../../pki/names.ts';
import { etcdClusterToken } from '../../pki/shared.ts';
import { type ClusterSpec, etcdMachines, isNode, type MachineSpec } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import type { ManagedFiles } from './managed-files.ts';

/** What a group is rendered from. */
export interface GroupInput {
  readonly spec: ClusterSpec;
  readonly observed: Observed;
  readonly machine: MachineSpec;
  readonly facts: MachineFacts;
}

/** What the groups of a machine are rendered from; undefined for one of which nothing can be said now. */
export function groupInput(spec: ClusterSpec, observed: Observed, machine: MachineSpec): GroupInput | undefined {
  const facts = planningFacts(observed, machine);
  return facts === undefined ? undefined : { spec, observed, machine, facts };
}

/** Kernel settings and firewall. Machines that leave are let in until they are gone. */
export function networkGroup({ spec, observed, machine }: GroupInput): ManagedFiles {
  return {
    id: 'network',
    what: 'network rules',
    files: networkFiles(withLeaving(spec, observed.leaving), machine),
    units: ['quorate-network.service', ...(isNode(machine) ? ['flannel-cni.path'] : [])],
  };
}

/** containerd, on every node. */
export function runtimeGroup({ spec, machine, facts }: GroupInput): ManagedFiles {
  return {
    id: 'containerd',
    what: 'containerd configuration',
    files: isNode(machine) ? containerRuntimeFiles(spec, facts) : [],
    units: isNode(machine) ? ['containerd.service'] : [],
  };
}

/** What a person finds on a control plane, the approver of serving certificates, and the renewal of the machine's own certificates. */
export function operatorGroup({ spec, machine }: GroupInput): ManagedFiles {
  const isPlane = machine.role === 'control-plane';
  const renews = isPlane || machine.role === 'etcd';
  return {
    id: 'operator',
    what: isPlane ? 'shell profile, approval and renewal of certificates' : 'renewal of certificates',
    files: operatorConvenienceFiles(spec, machine),
    units: [...(isPlane ? ['quorate-approve-kubelet-serving.timer'] : []), ...(renews ? [RENEW_TIMER] : [])],
  };
}

/** Backups that a control plane makes by itself. Nothing that serves reads any of it. */
export function backupGroup({ spec, machine }: GroupInput): ManagedFiles {
  const isPlane = machine.role === 'control-plane';
  return {
    id: 'backup',
    what: 'configuration of backups',
    files: backupFiles(spec, machine),
    units: isPlane ? [BACKUP_TIMER] : [],
  };
}

/** The static pods of a control plane. */
export function staticPodGroup(input: GroupInput, bootstrap?: EtcdBootstrap): ManagedFiles {
  const { spec, machine, facts } = input;
  const isPlane = machine.role === 'control-plane';
  return {
    id: 'static-pods',
    what: 'static pods',
    // How members begin is in etcd's certificates, which take time to read: not for every worker.
    files: isPlane ? staticPodFiles(spec, machine, facts, bootstrap ?? bootstrapOf(input)) : [],
    units: [],
  };
}

/** etcd as a service of the system, on machines of role etcd. */
export function etcdServiceGroup(input: GroupInput, bootstrap?: EtcdBootstrap): ManagedFiles {
  const { spec, machine, facts } = input;
  const isMember = machine.role === 'etcd';
  return {
    id: 'etcd',
    what: 'etcd service',
    files: isMember ? etcdServiceFiles(spec, machine, facts, bootstrap ?? bootstrapOf(input)) : [],
    units: isMember ? ['etcd.service'] : [],
    watches: isMember ? [{ path: certificatePath('etcd/ca'), restarts: 'etcd.service' }] : [],
  };
}

/** The kubelet, on every node. */
export function kubeletGroup({ spec, machine, facts }: GroupInput): ManagedFiles {
  return {
    id: 'kubelet',
    what: 'kubelet configuration',
    files: isNode(machine) ? kubeletFiles(spec, machine, facts) : [],
    units: isNode(machine) ? ['kubelet.service'] : [],
    // Of its kubeconfig and certificates only what quorate writes: the kubelet itself writes its own beside it, when it joins and later.
    watches: isNode(machine)
      ? [certificatePath('ca'), KUBELET_CLIENT_LINK.target, KUBELET_SERVER_LINK.target].map((path) => ({
          path,
          restarts: 'kubelet.service',
        }))
      : [],
  };
}

/**
 * How the machine's member begins. One that has begun keeps the words it began with: etcd reads them only then, and a manifest
 * that changes with every machine that joins would restart every member. A first start that was interrupted goes on with the words
 * that the others were given.
 */
export function bootstrapOf({ spec, observed, machine, facts }: GroupInput): EtcdBootstrap {
  if (facts.hasEtcdData && facts.etcdFlags[INITIAL_CLUSTER] !== undefined) return asBootstrap(facts.etcdFlags);
  const machines = etcdMachines(spec);
  const peers = machines.map(({ name }) => observed.machines[name]?.facts?.etcdFlags ?? {});
  const begun = peers.find((flags) => flags['initial-cluster-state'] === 'new');
  const isNamed = begun?.[INITIAL_CLUSTER]?.split(',').includes(initialCluster([machine])) ?? false;
  if (begun !== undefined && isNamed) return asBootstrap(begun);
  return { etcdToken: tokenOf(spec, observed), initialClusterState: 'new', initialCluster: initialCluster(machines) };
}

const INITIAL_CLUSTER = 'initial-cluster';

function asBootstrap(flags: MachineFacts['etcdFlags']): EtcdBootstrap {
  return {
    etcdToken: flags['initial-cluster-token'] ?? '',
    initialClusterState: flags['initial-cluster-state'] === 'new' ? 'new' : 'existing',
    initialCluster: flags[INITIAL_CLUSTER] ?? '',
  };
}

/** The etcd token, from any machine's etcd authority; a placeholder in the plan of a cluster that has none yet. */
export function tokenOf(spec: ClusterSpec, observed: Observed): string {
  const path = certificatePath('etcd/ca');
  const pems = etcdMachines(spec).map(({ name }) => observed.machines[name]?.facts?.certificates[path]);
  const pem = pems.find((candidate) => candidate !== undefined);
  return pem === undefined ? `${spec.name}-new` : etcdClusterToken(pem, spec.name);
}
