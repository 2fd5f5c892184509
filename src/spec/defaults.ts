// Every value that cluster.yaml may leave out, in one place: the schema, the checks and `quorate init` read them from here.

/** Defaults of cluster.yaml. Subnets: outside the ranges that home and office networks usually have; requirements 2. */
export const DEFAULTS = {
  port: 6443,
  certSANs: ['localhost', '127.0.0.1'],
  podSubnet: '10.42.0.0/16',
  serviceSubnet: '10.43.0.0/16',
  dnsDomain: 'cluster.local',
  snapshotSchedule: '0 */6 * * *',
  snapshotRetention: '7d',
  snapshotDirectory: '/var/lib/quorate/backups',
  s3Region: 'us-east-1',
  sshUser: 'root',
  sshPort: 22,
} as const;

/** The demo cluster, which `quorate up` builds without a file. */
export const DEMO = {
  name: 'demo',
  subnet: '10.87.0.0/24',
  controlPlanes: 3,
  workers: 2,
} as const;

/** Local machines live in the /24 that holds the virtual IP; this host is its first address. */
export const LOCAL_PREFIX_LENGTH = 24;
/** Offset in that /24 of this host's own address, the machines' gateway. */
export const GATEWAY_OFFSET = 1;
/** Offset of the virtual IP in clusters that `quorate init` writes. */
export const VIP_OFFSET = 10;
/** Machines without an address get the next free one from here on, by role. */
export const FIRST_OFFSET = { 'control-plane': 11, worker: 21, etcd: 31, loadbalancer: 41 } as const;

/** Each node gets a pod network of this prefix length: the controller manager's default (kubeadm keeps it). */
export const NODE_CIDR_PREFIX_LENGTH = 24;

/**
 * The longest name of a cluster. It becomes part of names on hosts: directories, control groups, the kubeconfig context, and,
 * shortened by a digest where the kernel's 15 characters ask for it, network links.
 */
export const MAX_CLUSTER_NAME = 32;
