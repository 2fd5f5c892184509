// How a machine of cluster.yaml is reached, and where its shared connection lies on this host.
import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { QuorateError } from '../../core/errors.ts';
import { runtimeDir } from '../../core/paths.ts';
import type { MachineSpec } from '../../spec/types.ts';

/** A machine's `ssh:` part with its defaults filled in. */
export interface SshTarget {
  /** The machine's name in cluster.yaml. */
  readonly machine: string;
  /** Name or address; may be an alias of the user's ssh_config(5). */
  readonly host: string;
  readonly user: string;
  readonly port: number;
  /** Private key; absent: what the user's configuration and agent offer. */
  readonly keyPath?: string;
}

/**
 * Longest path of a control socket, bytes: sun_path has 108 (unix(7)), less on other systems (104), and ssh makes the socket
 * under a temporary name that is 17 characters longer first (mux.c).
 */
const MAX_SOCKET_PATH = 104 - 17 - 1;

/** Reads a machine's `ssh:` section. Throws RangeError for a machine of another driver: a defect. */
export function sshTarget({ name, ssh }: MachineSpec): SshTarget {
  if (ssh === undefined) throw new RangeError(`machine ${name} is not reached over SSH`);
  const { host, user, port, keyPath } = ssh;
  return { machine: name, host, user, port, ...(keyPath === undefined ? {} : { keyPath: expandHome(keyPath) }) };
}

/** `~` and `~/…` as a shell would: nothing else of a shell's expansions. */
export function expandHome(path: string, home: string = homedir()): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
}

/** The user's own configuration file instead of ~/.ssh/config: `ssh -F`. */
export function sshConfigFile(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env.QUORATE_SSH_CONFIG || undefined;
}

/** ControlPath: one connection for each way of reaching a host, shared by all commands of this user. */
export function socketPath(target: SshTarget, runtime: string = runtimeDir()): string {
  const { host, user, port, keyPath } = target;
  const identity = JSON.stringify([host, user, port, keyPath, sshConfigFile()]);
  const name = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  const path = join(runtime, 'ssh', name);
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH ? path : join(tmpdir(), `quorate-ssh-${process.getuid?.()}`, name);
}

/**
 * Makes the directory of a control socket. Whoever can open the socket can run commands as root: throws HOST_UNFIT when the
 * directory is not this user's alone.
 */
export async function makeSocketDirectory(socket: string): Promise<void> {
  const directory = dirname(socket);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(directory);
  if (uid === process.getuid?.() && (mode & 0o170077) === 0o040000) return;
  throw new QuorateError('HOST_UNFIT', `${directory} is not a directory of this user alone`, {
    hint: `remove it, or run: chmod 700 ${directory}`,
  });
}
