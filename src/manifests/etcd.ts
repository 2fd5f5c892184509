// The etcd member of a control plane as a static pod.
import { imageReference } from '../artifacts/catalog.ts';
import type { MachineFacts } from '../machines/facts.ts';
import { PKI_DIR } from '../pki/names.ts';
import { trustDigest } from '../pki/trust.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { failoverTimings } from './failover.ts';
import { memoryLimit } from './memory-limits.ts';
import type { KubeObject } from './object.ts';
import { ETCD_CLIENT_PORT, ETCD_DATA_DIR, ETCD_METRICS_PORT, ETCD_PEER_PORT } from './paths.ts';
import { type Flags, staticPod } from './static-pod.ts';

/** How a member comes into being. Once its data directory exists, etcd ignores all three. */
export interface EtcdBootstrap {
  /** Tells clusters apart, so that members of an earlier attempt are refused. A fresh one for every bootstrap and restore. */
  readonly etcdToken: string;
  /** new: all members start at once from one static list. existing: it joins a running cluster. */
  readonly initialClusterState: 'new' | 'existing';
  /** The membership to start from, as the flag's value; default: all machines that carry etcd. */
  readonly initialCluster?: string;
}

/** Value of `--initial-cluster`: `cp1=https://10.87.0.11:2380,cp2=…`. */
export function initialCluster(machines: readonly Pick<MachineSpec, 'name' | 'address'>[]): string {
  return machines.map((machine) => `${machine.name}=${peerURL(machine)}`).join(',');
}

/**
 * 8 GiB, the largest size that etcd's documentation suggests ("Storage size limit"). The default of 2 GiB ends in NOSPACE, which makes
 * a cluster read-only; the space is used only when there is data to fill it.
 */
export const QUOTA_BACKEND_BYTES = 8 * 1024 ** 3;

const ETCD_PKI = `${PKI_DIR}/etcd`;

/** The static pod of the machine's etcd member. */
export function etcdPod(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
  bootstrap: EtcdBootstrap,
): KubeObject {
  const target = { host: '127.0.0.1', scheme: 'HTTP' } as const;
  return staticPod({
    component: 'etcd',
    annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': clientURL(machine) },
    image: imageReference('etcd', spec.kubernetesVersion),
    flags: etcdFlags(spec, machine, bootstrap),
    probePort: ETCD_METRICS_PORT,
    startup: { ...target, path: '/readyz' },
    liveness: { ...target, path: '/livez' },
    readiness: { ...target, path: '/readyz' },
    requests: { cpu: '100m', memory: '100Mi' },
    memoryLimit: memoryLimit('etcd', facts.memoryBytes),
    // Its certificates it reads for every connection, the authority that it trusts once.
    readsAtStart: [trustDigest(facts.certificates[`${ETCD_PKI}/ca.crt`])],
    mounts: [
      { name: 'etcd-data', path: ETCD_DATA_DIR, type: 'DirectoryOrCreate' },
      { name: 'etcd-certs', path: ETCD_PKI, type: 'DirectoryOrCreate' },
    ],
  });
}

/**
 * Every flag of the machine's member. Not here: --auto-compaction-* (the API server compacts every five minutes), --snapshot-count
 * (3.6's default is right), and never --unsafe-no-fsync.
 */
export function etcdFlags(spec: ClusterSpec, machine: MachineSpec, bootstrap: EtcdBootstrap): Flags {
  return {
    name: machine.name,
    'data-dir': ETCD_DATA_DIR,
    ...urlFlags(machine),
    'initial-cluster': bootstrap.initialCluster ?? initialCluster(etcdMachines(spec)),
    'initial-cluster-state': bootstrap.initialClusterState,
    'initial-cluster-token': bootstrap.etcdToken,
    'cert-file': `${ETCD_PKI}/server.crt`,
    'key-file': `${ETCD_PKI}/server.key`,
    'trusted-ca-file': `${ETCD_PKI}/ca.crt`,
    'client-cert-auth': 'true',
    'peer-cert-file': `${ETCD_PKI}/peer.crt`,
    'peer-key-file': `${ETCD_PKI}/peer.key`,
    'peer-trusted-ca-file': `${ETCD_PKI}/ca.crt`,
    'peer-client-cert-auth': 'true',
    ...etcdExtraFlags(spec),
  };
}

/** Flags that are the same on every member and that kubeadm would not set by itself; they go into kubeadm's record too. */
export function etcdExtraFlags(spec: ClusterSpec): Flags {
  const timings = failoverTimings(spec);
  return {
    // A member compares its data with its peers before it serves: kubeadm and k3s switch it on too.
    'feature-gates': 'InitialCorruptCheck=true',
    'watch-progress-notify-interval': '5s',
    'quota-backend-bytes': String(QUOTA_BACKEND_BYTES),
    'heartbeat-interval': String(timings.etcdHeartbeatMs),
    'election-timeout': String(timings.etcdElectionMs),
  };
}

function urlFlags(machine: MachineSpec): Flags {
  return {
    'advertise-client-urls': clientURL(machine),
    'initial-advertise-peer-urls': peerURL(machine),
    'listen-client-urls': `https://127.0.0.1:${ETCD_CLIENT_PORT},${clientURL(machine)}`,
    'listen-peer-urls': peerURL(machine),
    // Plain HTTP, as requirements 2 and 3 read it; the firewall lets only the cluster's machines and pods in.
    'listen-metrics-urls': `http://127.0.0.1:${ETCD_METRICS_PORT},http://${machine.address}:${ETCD_METRICS_PORT}`,
  };
}

/** Where the API server reaches the machine's member. */
export function clientURL(machine: Pick<MachineSpec, 'address'>): string {
  return `https://${machine.address}:${ETCD_CLIENT_PORT}`;
}

/** Where the other members reach it. */
export function peerURL(machine: Pick<MachineSpec, 'address'>): string {
  return `https://${machine.address}:${ETCD_PEER_PORT}`;
}
