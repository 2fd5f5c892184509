// The way back: from a resolved specification to a cluster.yaml that says everything, for those who were not there when it was written.
import { stringify } from 'yaml';
import type { ClusterSpec, MachineSpec, SnapshotSpec } from './types.ts';

const MIB = 2 ** 20;

/**
 * A complete cluster.yaml: addresses and defaults are spelled out, keys have a fixed order, and there are no comments, so that two
 * operators with the same cluster get the same text. Loading it gives the same specification, save the path that it was read from.
 */
export function clusterFileText(spec: ClusterSpec): string {
  const { podSubnet, serviceSubnet, dnsDomain, cni } = spec.networking;
  const file = {
    apiVersion: 'quorate/v1alpha1',
    kind: 'Cluster',
    metadata: { name: spec.name },
    spec: {
      kubernetesVersion: spec.kubernetesVersion,
      controlPlaneEndpoint: spec.endpoint.authority,
      certSANs: [...spec.certSANs],
      networking: { podSubnet, serviceSubnet, dnsDomain, cni },
      loadBalancer: { type: spec.loadBalancer.type },
      etcd: { topology: spec.etcd.topology, snapshots: snapshotsOf(spec.etcd.snapshots) },
      failover: spec.failover,
      machines: spec.machines.map(machineOf),
    },
  };
  // Two machines with the same labels are no reason for anchors, and a long line stays one.
  return stringify(file, { aliasDuplicateObjects: false, lineWidth: 0 });
}

function snapshotsOf({ schedule, retention, recipients, directory, s3 }: SnapshotSpec) {
  const base = { schedule, retention, recipients: [...recipients], directory };
  if (s3 === undefined) return base;
  const { endpoint, bucket, prefix, region, credentialsFile } = s3;
  return { ...base, s3: { endpoint, bucket, prefix, region, credentialsFile } };
}

function machineOf(machine: MachineSpec) {
  const { name, role, zone, address, labels, taints, local, ssh, fake } = machine;
  return withoutUndefined({
    name,
    role,
    zone,
    address,
    labels: Object.keys(labels).length === 0 ? undefined : sorted(labels),
    taints:
      taints.length === 0
        ? undefined
        : taints.map(({ key, value, effect }) => withoutUndefined({ key, value, effect })),
    local: local && withoutUndefined({ memory: memoryOf(local.memoryBytes), cpus: local.cpus }),
    ssh: ssh && withoutUndefined({ host: ssh.host, user: ssh.user, port: ssh.port, keyPath: ssh.keyPath }),
    fake: fake && { latencyMs: fake.latencyMs },
  });
}

function sorted(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A fraction of a MiB is written as one: its digits are exact in binary and in decimal. */
function memoryOf(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : `${bytes / MIB}MiB`;
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
