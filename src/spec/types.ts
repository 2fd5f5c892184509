// The resolved cluster specification: cluster.yaml with every default filled in, frozen. Everything downstream reads this.
import { perObject } from '../core/per-object.ts';

/** What a machine is for. Nodes of Kubernetes are control planes and workers only (isNode). */
export type Role = 'control-plane' | 'worker' | 'etcd' | 'loadbalancer';
/** How a machine is reached: made on this host, over SSH, or imitated in memory for tests. */
export type DriverKind = 'local' | 'ssh' | 'fake';

/** As on a Node object (kubernetes.io/docs, "Taints and Tolerations"). */
export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** One machine: a host of the cluster, whatever it carries. */
export interface MachineSpec {
  /** Host name, node name and etcd member name. An RFC 1123 label. */
  readonly name: string;
  readonly role: Role;
  /** Failure zone; becomes the label topology.kubernetes.io/zone. */
  readonly zone?: string;
  /** IPv4 address that the other machines reach it by. */
  readonly address: string;
  /** Node labels beyond those of the role. */
  readonly labels: Readonly<Record<string, string>>;
  /** Node taints beyond those of the role. */
  readonly taints: readonly Taint[];
  readonly driver: DriverKind;
  /** driver local: what this host gives the machine. */
  readonly local?: { readonly memoryBytes?: number; readonly cpus?: number };
  /** driver ssh: how to reach it. */
  readonly ssh?: { readonly host: string; readonly user: string; readonly port: number; readonly keyPath?: string };
  /** driver fake (tests): how long each command takes, milliseconds. */
  readonly fake?: { readonly latencyMs: number };
}

/** The one address that clients of the cluster use; control planes come and go behind it. */
export interface Endpoint {
  /** The virtual IP or a DNS name. */
  readonly host: string;
  readonly port: number;
  /** host:port */
  readonly authority: string;
  /** https://host:port */
  readonly url: string;
  /** The virtual IP, when host is an IPv4 address. */
  readonly vip?: string;
}

/** Networks inside the cluster; of Pods and Services, not of machines. */
export interface Networking {
  /** CIDRs. */
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  readonly dnsDomain: string;
  readonly cni: 'flannel';
  /** First address of serviceSubnet: the Service `kubernetes`. */
  readonly apiServiceIP: string;
  /** Tenth address of serviceSubnet: the cluster's DNS, as kubeadm chooses it. */
  readonly dnsServiceIP: string;
}

/** Regular backups: when, for how long, who can open them, and where they lie (ADR 0012). */
export interface SnapshotSpec {
  /** Five cron fields, UTC. */
  readonly schedule: string;
  /** Age at which archives are removed: 7d. The newest one always stays. */
  readonly retention: string;
  /** age recipients (`age1…`); empty: the identity that quorate makes on the operator's host. */
  readonly recipients: readonly string[];
  /** Where archives lie on each control plane, absolute. */
  readonly directory: string;
  /** A bucket that every archive is copied to. */
  readonly s3?: S3Spec;
}

/** A bucket of any S3-compatible store. */
export interface S3Spec {
  /** https://s3.example.com */
  readonly endpoint: string;
  readonly bucket: string;
  /** Put before the names of archives; empty or without a trailing slash. */
  readonly prefix: string;
  readonly region: string;
  /** On the operator's host: AWS shared credentials (INI with aws_access_key_id and aws_secret_access_key). */
  readonly credentialsFile: string;
}

/** What a cluster is to be. Frozen; whoever wants another one makes a copy. */
export interface ClusterSpec {
  readonly name: string;
  /** With the v: v1.36.3. */
  readonly kubernetesVersion: string;
  readonly endpoint: Endpoint;
  /** Extra names and addresses on the API servers' serving certificates. */
  readonly certSANs: readonly string[];
  readonly networking: Networking;
  readonly loadBalancer: { readonly type: 'haproxy' | 'nginx' | 'external' };
  readonly etcd: {
    readonly topology: 'stacked' | 'external';
    readonly snapshots: SnapshotSpec;
  };
  readonly failover: 'default' | 'fast';
  readonly machines: readonly MachineSpec[];
  /** The machines' own network, on this host: a /24 that holds endpoint and machines. Only with local machines. */
  readonly machineNetwork?: { readonly subnet: string; readonly gateway: string; readonly prefixLength: number };
  /** Where the file was read from; absent for the built-in demo. */
  readonly file?: string;
}

/** The machines of one role, in the order of cluster.yaml. */
export function machinesOf(spec: ClusterSpec, role: Role): readonly MachineSpec[] {
  return byRole(spec.machines).get(role) ?? [];
}

/** Asked several times for every machine of a plan. */
const byRole = perObject((machines: readonly MachineSpec[]) => {
  const roles = new Set(machines.map(({ role }) => role));
  return new Map([...roles].map((role) => [role, machines.filter((machine) => machine.role === role)]));
});

/** Control planes, the machines that carry API servers. */
export function controlPlanes(spec: ClusterSpec): readonly MachineSpec[] {
  return machinesOf(spec, 'control-plane');
}

/** The machines that carry etcd members: the control planes (stacked), or machines of their own (external). */
export function etcdMachines(spec: ClusterSpec): readonly MachineSpec[] {
  return spec.etcd.topology === 'external' ? machinesOf(spec, 'etcd') : controlPlanes(spec);
}

/**
 * The machines that balance the API servers and may hold the virtual IP: those of role loadbalancer where there are any, else the
 * control planes; none when the owner brings a load balancer (external).
 */
export function loadBalancers(spec: ClusterSpec): readonly MachineSpec[] {
  if (spec.loadBalancer.type === 'external') return [];
  const dedicated = machinesOf(spec, 'loadbalancer');
  return dedicated.length > 0 ? dedicated : controlPlanes(spec);
}

/** True for machines that carry a node of Kubernetes: containerd, kubelet and pods. */
export function isNode(machine: Pick<MachineSpec, 'role'>): boolean {
  return machine.role === 'control-plane' || machine.role === 'worker';
}
