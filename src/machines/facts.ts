// What a machine is and has, as data. Quirks of hosts are facts that are detected, never constants.

/** Which binaries lie on a machine, as JSON by install path; written by whoever installs them. */
export const BINARIES_STAMP = '/usr/local/share/quorate/binaries.json';

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
  /** When it last became active or was reloaded, milliseconds since the Unix epoch; 0 when it never was. */
  readonly activeSinceMs: number;
  /** systemd's word: active, inactive, failed, activating … */
  readonly state: string;
}

/** How the last attempt of a control plane to make a backup ended (manifests/backup.ts writes it), and the last rehearsal. Times are ISO 8601. */
export interface BackupState {
  /** When it began. */
  readonly lastAttempt: string;
  readonly outcome: 'running' | 'ok' | 'failed';
  /** The last one that succeeded: when its snapshot was taken, and its archive's file name. */
  readonly lastSuccess?: string;
  readonly archive?: string;
  /** Of that archive, bytes. */
  readonly sizeBytes?: number;
  /** Why the last attempt failed. */
  readonly error?: string;
}

/** What a rehearsal of a restore found (`quorate etcd snapshot rehearse`), left on the control planes. Times are ISO 8601. */
export interface RehearsalState {
  readonly at: string;
  readonly outcome: 'ok' | 'failed';
  readonly archive: string;
  /** When the snapshot in it was taken. */
  readonly takenAt?: string;
  /** From the opened archive to an API server that answers. */
  readonly restoreMs?: number;
  readonly error?: string;
}

/** How a machine's own timer last renewed certificates (manifests/renew-certificates.ts writes it). Times are ISO 8601. */
export interface RenewalState {
  readonly lastAttempt: string;
  /** postponed: something was due, and the cluster was not well enough or somebody was changing it; it is tried again within a day. */
  readonly outcome: 'ok' | 'failed' | 'postponed';
  /** Names of the certificates that were renewed, as kubeadm has them. */
  readonly renewed: readonly string[];
  /** Why it failed or was postponed. */
  readonly error?: string;
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
  /** The least by which the machine's clock is off this host's, milliseconds; positive is ahead. */
  readonly clockSkewMs: number;
  readonly swap: boolean;
  /** Managed files by absolute path. */
  readonly files: Readonly<Record<string, FileState>>;
  readonly units: Readonly<Record<string, UnitState>>;
  /** Public certificates by absolute path, PEM; for kubeconfigs the embedded client certificate. */
  readonly certificates: Readonly<Record<string, string>>;
  /** The authorities that kubeconfigs on it trust, by absolute path, PEM. */
  readonly authorities: Readonly<Record<string, string>>;
  /** Image references in containerd's k8s.io namespace; empty while containerd is down. */
  readonly images: readonly string[];
  /** Installed binaries by install path, from the stamp that the installer leaves. sha256 is hex. */
  readonly binaries: Readonly<Record<string, { readonly version: string; readonly sha256: string }>>;
  /** What the machine's own HAProxy says of each API server behind it: UP, DOWN, `UP 1/2` …; empty where none runs. */
  readonly backends: Readonly<Record<string, string>>;
  /** Installed Debian packages, among those that quorate may need (ssh/packages.ts). */
  readonly packages: readonly string[];
  /** The cluster that it is part of, as the machine itself says; absent before it is part of one. */
  readonly cluster?: string;
  /** True when its member of etcd has a log: without one etcd begins anew, whatever else is left (server/etcdserver/bootstrap.go, haveWAL). */
  readonly hasEtcdData: boolean;
  /** Programs of the control plane that run as processes now, whoever started them: `etcd`, `kube-apiserver`. */
  readonly running: readonly string[];
  /** Its last backup; absent before the first attempt. */
  readonly backup?: BackupState;
  /** The last rehearsal that somebody ran; absent before the first. */
  readonly rehearsal?: RehearsalState;
  /** The last time that its own timer had certificates to renew; absent before the first. */
  readonly renewal?: RenewalState;
  /** How its etcd member was told to begin: flags by name (`initial-cluster`, …), from its manifest or unit; empty where there is none. */
  readonly etcdFlags: Readonly<Record<string, string>>;
}
