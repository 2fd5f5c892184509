// Command lines of OpenSSH's client. The user's configuration, agent, jump hosts and known_hosts count: only what cluster.yaml
// says, and what running unattended needs, is passed on.
import { shellJoin } from '../../core/quote.ts';
import { DEFAULTS } from '../../spec/defaults.ts';
import { type SshTarget, socketPath, sshConfigFile } from './target.ts';

/** Seconds until a host that does not answer counts as gone. A TCP SYN is sent at 0, 1, 3 and 7 s (tcp(7)): four tries. */
export const CONNECT_TIMEOUT_S = 10;
/** A connection on which nothing comes back for 5 × 3 s is dead; TCP alone would take a quarter of an hour to notice. */
const SERVER_ALIVE_INTERVAL_S = 5;
const SERVER_ALIVE_COUNT = 3;
/** How long a connection stays open for the next command, seconds. */
const PERSIST_S = 60;

/**
 * auto: becomes the shared connection when there is none. no: uses it; 40 commands that all found it gone would otherwise
 * race to become it.
 */
export type Sharing = 'auto' | 'no';

/** How one call of ssh differs from another to the same host. */
export interface ClientOptions {
  readonly sharing: Sharing;
  /** true: the user's own StrictHostKeyChecking=yes stands. */
  readonly knownHostsOnly?: boolean;
  /** A terminal at the other end, when there is one at this end. */
  readonly terminal?: boolean;
}

/** argv that runs a command (argv) on the target. */
export function sshArgv(target: SshTarget, options: ClientOptions, remote: readonly string[]): readonly string[] {
  return [
    'ssh',
    ...(options.terminal ? ['-t'] : ['-T']),
    ...targetArguments(target),
    ...settings({
      ControlMaster: options.sharing,
      ...(options.sharing === 'auto' ? { ControlPersist: PERSIST_S } : {}),
      BatchMode: 'yes',
      ConnectTimeout: CONNECT_TIMEOUT_S,
      ServerAliveInterval: SERVER_ALIVE_INTERVAL_S,
      ServerAliveCountMax: SERVER_ALIVE_COUNT,
      // First contact: a key that was never seen is remembered; one that has changed is refused, always.
      ...(options.knownHostsOnly ? {} : { StrictHostKeyChecking: 'accept-new' }),
      // Leaves standard error to the remote command, and to what ends the connection.
      LogLevel: 'ERROR',
    }),
    '--',
    target.host,
    shellJoin(remote),
  ];
}

/** argv of a question to the shared connection (ssh -O): check whether there is one, or end it. No traffic for `check`. */
export function controlArgv(target: SshTarget, command: 'check' | 'exit'): readonly string[] {
  return ['ssh', '-O', command, ...targetArguments(target), '--', target.host];
}

/** argv that prints the settings which the user's configuration gives for the target (ssh -G). */
export function configArgv(target: SshTarget): readonly string[] {
  return ['ssh', '-G', ...targetArguments(target), '--', target.host];
}

/** True when output of `ssh -G` says StrictHostKeyChecking=yes: stricter than ours, so it stands. */
export function isStrict(settings: string): boolean {
  return /^stricthostkeychecking (yes|true)$/m.test(settings);
}

function targetArguments(target: SshTarget): readonly string[] {
  const config = sshConfigFile();
  return [
    ...(config === undefined ? [] : ['-F', config]),
    ...['-l', target.user],
    // The default is left out, so that an alias in the user's configuration can have a port of its own.
    ...(target.port === DEFAULTS.sshPort ? [] : ['-p', String(target.port)]),
    ...(target.keyPath === undefined ? [] : ['-i', target.keyPath, ...settings({ IdentitiesOnly: 'yes' })]),
    ...settings({ ControlPath: socketPath(target).replaceAll('%', '%%') }),
  ];
}

function settings(values: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
