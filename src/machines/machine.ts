// The contract between quorate and a host. A driver knows how to reach hosts of one kind; nothing above this folder knows which.
import type { ExecOptions, ExecResult } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import type { FileContent } from '../core/file.ts';
import type { ClusterSpec, DriverKind, MachineSpec } from '../spec/types.ts';
import type { LogOptions } from './journal.ts';

export type { FileContent };

/** A host that commands can be run on, as root. Every method throws MACHINE_UNREACHABLE when the host does not answer. */
export interface Machine {
  readonly name: string;
  /** The address that the other machines reach it by (IPv4). */
  readonly address: string;
  /** Runs argv (no shell). Throws COMMAND_FAILED on a non-zero exit code unless `allowFailure`. */
  exec(ctx: Context, argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /**
   * Writes small files (configuration, certificates), each one atomically: a reader sees the old or the new content, never
   * half of it, whatever is killed. Files appear in the order given.
   */
  writeFiles(ctx: Context, files: readonly FileContent[]): Promise<void>;
  /** The whole content of a file, or undefined where there is none. */
  readFile(ctx: Context, path: string): Promise<Uint8Array | undefined>;
  /** Copies a large file from this host (binaries, images), atomically. */
  upload(ctx: Context, localPath: string, remotePath: string, mode: number): Promise<void>;
}

/** absent: never made. stopped: made, not running. running: booted or booting. unreachable: cannot be told. */
export type PowerState = 'absent' | 'stopped' | 'running' | 'unreachable';

/** What a driver reports about one machine without running anything on it. */
export interface MachineStatus {
  readonly name: string;
  readonly state: PowerState;
  readonly address: string;
  /** Process id of the machine's supervisor on this host, where there is one. */
  readonly pid?: number;
  readonly detail?: string;
}

/** The power that a driver has over machines which it makes itself. Drivers for hosts that others own have none. */
export interface MachineProvider {
  /**
   * Everything on this host that the cluster's machines need before the first one starts: the operating system image,
   * network, kernel settings. Idempotent; mends what a crashed host left half-made.
   */
  prepareHost(ctx: Context, spec: ClusterSpec): Promise<void>;
  /** True when prepareHost has nothing to do. */
  isHostPrepared(ctx: Context, spec: ClusterSpec): Promise<boolean>;
  /** Makes the machine's disk. Idempotent. */
  create(ctx: Context, spec: ClusterSpec, machine: MachineSpec): Promise<void>;
  /** Boots it and returns when its init system says that it is up. Idempotent. Throws MACHINE_FAILED. */
  start(ctx: Context, spec: ClusterSpec, machine: MachineSpec): Promise<void>;
  /** Shuts down cleanly; after `timeoutMs` (default 30 000) it is killed. Idempotent. */
  stop(ctx: Context, spec: ClusterSpec, machine: MachineSpec, timeoutMs?: number): Promise<void>;
  /** Pulls the plug: its network goes silent first (no RST reaches any peer), then every process is killed. */
  kill(ctx: Context, spec: ClusterSpec, machine: MachineSpec): Promise<void>;
  /** Kills it and removes its disk. Idempotent. */
  destroy(ctx: Context, spec: ClusterSpec, machine: MachineSpec): Promise<void>;
  status(ctx: Context, spec: ClusterSpec): Promise<readonly MachineStatus[]>;
  /**
   * Undoes prepareHost when no machine of the specification is left, and destroys machines of the cluster that it does not
   * name any more. Idempotent.
   */
  releaseHost(ctx: Context, spec: ClusterSpec): Promise<void>;
  /** What the machine's console and journal said last; works when it is down. */
  logs(ctx: Context, spec: ClusterSpec, machine: MachineSpec, options: LogOptions): Promise<void>;
  /** argv on this host that opens a root shell in the machine, for `stdio: 'inherit'`. */
  shellArgv(ctx: Context, spec: ClusterSpec, machine: MachineSpec): Promise<readonly string[]>;
}

/** One way to reach machines, and to make them where that can be. test/contract holds all drivers to the same behaviour. */
export interface MachineDriver {
  readonly kind: DriverKind;
  /** A handle; does not connect until it is used. */
  machine(spec: ClusterSpec, machine: MachineSpec): Machine;
  /** Only for drivers that make their machines. */
  readonly provider?: MachineProvider;
}
