// Is a machine alive, and which process is its init?
import { readdir, rm } from 'node:fs/promises';
import { isProcessAlive, type ProcessIdentity, parseStat } from '../../core/process.ts';
import { readTextOrUndefined } from './records.ts';

/** The process that carries a machine: systemd-nspawn. Its file never leaves this host, so it names no namespace. */
export type Supervisor = Omit<ProcessIdentity, 'pidNamespace'>;

/** `pid starttime boot-id`, as the launcher writes it. Undefined for anything else. */
export function parseSupervisor(text: string): Supervisor | undefined {
  const match = /^([1-9]\d*) (\d+) ([0-9a-f-]{36})\n?$/.exec(text);
  if (!match) return undefined;
  const [, pid = '', startTicks = '', bootId = ''] = match;
  return { pid: Number(pid), startTicks, bootId };
}

/** The running supervisor that a file names; undefined when that process is gone or another has its id now. */
export async function liveSupervisor(file: string): Promise<Supervisor | undefined> {
  const recorded = parseSupervisor((await readTextOrUndefined(file)) ?? '');
  return recorded !== undefined && (await isProcessAlive(recorded)) ? recorded : undefined;
}

/**
 * The machine's init: the child of the supervisor that is process 1 of its own namespace. Undefined while it is not there,
 * and while that process is still systemd-nspawn: its root directory is this host's then.
 */
export async function findLeader(supervisor: Supervisor): Promise<number | undefined> {
  for (const pid of await childrenOf(supervisor.pid))
    if (isInit((await readTextOrUndefined(`/proc/${pid}/status`)) ?? '')) return pid;
  return undefined;
}

/** Judges /proc/PID/status: alive, process 1 of an inner namespace, and already the init program. */
export function isInit(status: string): boolean {
  const field = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
  const ids = field('NSpid').split(/\s+/);
  return (
    ids.length > 1 && ids.at(-1) === '1' && /^(systemd|init)$/.test(field('Name')) && !/^[ZX]/.test(field('State'))
  );
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  // Only with CONFIG_PROC_CHILDREN.
  const listed = await readTextOrUndefined(`/proc/${pid}/task/${pid}/children`);
  if (listed !== undefined)
    return listed
      .split(' ')
      .filter((word) => word.trim() !== '')
      .map(Number);
  const children: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readTextOrUndefined(`/proc/${name}/stat`);
    if (text !== undefined && parseStat(text).ppid === pid) children.push(Number(name));
  }
  return children;
}

/** Forgets a supervisor that is gone. */
export async function clearSupervisor(file: string): Promise<void> {
  await rm(file, { force: true });
}
