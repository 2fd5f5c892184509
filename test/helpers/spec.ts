// Resolved specifications made by hand, for tests that do not read cluster.yaml.
import type { ClusterSpec, DriverKind, MachineSpec, Role } from '../../src/spec/types.ts';

export interface SpecOptions {
  readonly name?: string;
  /** First three bytes of the machines' /24. */
  readonly prefix?: string;
  readonly driver?: DriverKind;
  readonly controlPlanes?: number;
  readonly workers?: number;
  /** Machines of role loadbalancer; default none. */
  readonly loadBalancers?: number;
  /** Machines of role etcd; any make the topology external. Default none. */
  readonly etcdMachines?: number;
  /** Replaces fields of the result. */
  readonly overrides?: Partial<ClusterSpec>;
}

/** A cluster of `controlPlanes` (3) and `workers` (2) with the addresses and names that defaults give. */
export function makeSpec(options: SpecOptions = {}): ClusterSpec {
  const {
    name = 'demo',
    prefix = '10.88.0',
    driver = 'fake',
    controlPlanes = 3,
    workers = 2,
    loadBalancers = 0,
    etcdMachines = 0,
  } = options;
  const host = `${prefix}.10`;
  const group = (role: Role, stem: string, count: number, first: number) =>
    Array.from({ length: count }, (_, index) =>
      makeMachine({ name: `${stem}${index + 1}`, role, address: `${prefix}.${first + index}`, driver }),
    );
  return {
    name,
    kubernetesVersion: 'v1.36.3',
    endpoint: { host, port: 6443, authority: `${host}:6443`, url: `https://${host}:6443`, vip: host },
    certSANs: ['localhost', '127.0.0.1'],
    networking: {
      podSubnet: '10.42.0.0/16',
      serviceSubnet: '10.43.0.0/16',
      dnsDomain: 'cluster.local',
      cni: 'flannel',
      apiServiceIP: '10.43.0.1',
      dnsServiceIP: '10.43.0.10',
    },
    loadBalancer: { type: 'haproxy' },
    etcd: {
      topology: etcdMachines > 0 ? 'external' : 'stacked',
      snapshots: { schedule: '0 */6 * * *', retention: '7d', recipients: [], directory: '/var/lib/quorate/backups' },
    },
    failover: 'default',
    machines: [
      ...group('control-plane', 'cp', controlPlanes, 11),
      ...group('worker', 'w', workers, 21),
      ...group('etcd', 'etcd', etcdMachines, 31),
      ...group('loadbalancer', 'lb', loadBalancers, 41),
    ],
    machineNetwork: { subnet: `${prefix}.0/24`, gateway: `${prefix}.1`, prefixLength: 24 },
    ...options.overrides,
  };
}

/** One machine; a control plane on the fake driver unless told otherwise. */
export function makeMachine(fields: Partial<MachineSpec> & { readonly name: string }): MachineSpec {
  const driver = fields.driver ?? 'fake';
  return {
    role: 'control-plane',
    address: '10.88.0.11',
    labels: {},
    taints: [],
    driver,
    ...(driver === 'local' ? { local: {} } : {}),
    ...fields,
  };
}
