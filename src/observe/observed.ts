// What is, as data. Partial results are normal: an unreachable machine is a value here, not an exception.
import type { ErrorData } from '../core/events.ts';
import type { PowerState } from '../machines/machine.ts';

/** A managed file as it lies on a machine. */
export interface FileState {
  /** Hex SHA-256 of the content. */
  readonly sha256: string;
  /** Permission bits. */
  readonly mode: number;
  /** Last change of the content, milliseconds since the Unix epoch. */
  readonly mtimeMs: number;
}

/** A systemd unit on a machine. */
export interface UnitState {
  readonly active: boolean;
  readonly enabled: boolean;
  /** When it last became active, milliseconds since the Unix epoch; 0 when it never did. */
  readonly activeSinceMs: number;
  /** systemd's word: active, inactive, failed, activating … */
  readonly state: string;
}

/** What a machine is and can do; read once an observation, by one script (machine-facts.sh). */
export interface MachineFacts {
  readonly hostname: string;
  readonly os: { readonly id: string; readonly versionId: string; readonly name: string };
  readonly kernel: string;
  /** Go's word for it: amd64, arm64. */
  readonly arch: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Free bytes where /var/lib lives. */
  readonly diskFreeBytes: number;
  readonly cgroup: 'v1' | 'v2';
  /** false: OOM scores and such cannot be lowered (MACHINES.md): containerd and kubelet must be told. */
  readonly hasCapSysResource: boolean;
  /** Hard limit of open files; HAProxy's maxconn has to fit it. */
  readonly nofileHard: number;
  /** The network interface that carries the machine's address. */
  readonly interface: string;
  /** Every IPv4 address on the machine, the VIP included when it is held. */
  readonly addresses: readonly string[];
  /** The machine's clock minus this host's, milliseconds; positive is ahead. Good to the round-trip time. */
  readonly clockSkewMs: number;
  readonly swap: boolean;
  /** Managed files by absolute path. */
  readonly files: Readonly<Record<string, FileState>>;
  readonly units: Readonly<Record<string, UnitState>>;
  /** Public certificates by absolute path, PEM; for kubeconfigs the embedded client certificate. */
  readonly certificates: Readonly<Record<string, string>>;
  /** Image references in containerd's k8s.io namespace; empty while containerd is down. */
  readonly images: readonly string[];
  /** SHA-256 of installed binaries by install path, from the stamp that the installer leaves. */
  readonly binaries: Readonly<Record<string, string>>;
  /** True when /var/lib/etcd/member exists. */
  readonly hasEtcdData: boolean;
}

export interface ObservedMachine {
  readonly name: string;
  readonly state: PowerState;
  /** Present exactly when state is running and the machine answered. */
  readonly facts?: MachineFacts;
  /** Why there are no facts. */
  readonly error?: ErrorData;
}

export interface ObservedMember {
  /** Hexadecimal, as etcdctl prints it. */
  readonly id: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly isLearner: boolean;
  /** From its own status; absent when it did not answer. */
  readonly status?: {
    readonly version: string;
    readonly dbSizeBytes: number;
    readonly dbInUseBytes: number;
    readonly leaderId: string;
    readonly raftTerm: number;
    readonly raftIndex: number;
    readonly errors: readonly string[];
  };
  readonly error?: string;
}

export interface ObservedEtcd {
  readonly members: readonly ObservedMember[];
  readonly alarms: readonly { readonly memberId: string; readonly alarm: string }[];
}

export interface ObservedNode {
  readonly name: string;
  readonly ready: boolean;
  readonly schedulable: boolean;
  readonly roles: readonly string[];
  readonly version: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  /** Why it is not Ready. */
  readonly reason?: string;
}

/** One API server, asked directly and through the machine's own load balancer. */
export interface ObservedApiServer {
  readonly machine: string;
  readonly ready: boolean;
  readonly detail?: string;
}

export interface ObservedKube {
  /** kubelet-visible version of the answering API server. */
  readonly version: string;
  readonly nodes: readonly ObservedNode[];
  /** Holder's identity up to the first underscore (the machine's name), by lease name. */
  readonly leases: Readonly<
    Record<string, { readonly holder: string; readonly renewedMs: number; readonly transitions: number }>
  >;
  /** Digest annotation of every add-on object that quorate applied, by `kind/namespace/name`. */
  readonly addons: Readonly<Record<string, string>>;
}

export interface Observed {
  /** Milliseconds since the Unix epoch. */
  readonly takenAtMs: number;
  readonly machines: Readonly<Record<string, ObservedMachine>>;
  /** True when the driver's host side (image, network, settings) needs nothing. */
  readonly hostPrepared: boolean;
  readonly etcd?: ObservedEtcd;
  readonly apiServers: readonly ObservedApiServer[];
  readonly kube?: ObservedKube;
  /** The control plane that holds the VIP; more than one is a fault. */
  readonly vipHolders: readonly string[];
}
