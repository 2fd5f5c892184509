// Which process is which, and does it still run? Answered from /proc, never from a bare process id: ids are reused.
import { readFile, readlink } from 'node:fs/promises';

/** What tells one process from every other one, also across reboots and hosts. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time of the process in clock ticks since boot (proc_pid_stat(5), field 22): a reused pid has another one. */
  readonly startTicks: string;
  readonly bootId: string;
  /** The process numbers of another namespace (a container) mean nothing here (pid_namespaces(7)). */
  readonly pidNamespace: string;
}

/** What is needed of /proc/PID/stat (proc_pid_stat(5)). */
export interface ProcessStat {
  /** One letter: R, S, D, … */
  readonly state: string;
  readonly ppid: number;
  /** Clock ticks since boot. */
  readonly startTicks: string;
}

/** Clock ticks a second in /proc (USER_HZ): 100 on every architecture that we run on (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
/** `btime` of /proc/stat is in whole seconds. */
const ROUNDING_MS = 1_000;

/** Reads /proc/PID/stat. The command's name, its second field, may hold spaces and brackets: it ends at the last one. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', ppid: Number(fields[1]), startTicks: fields[19] ?? '' };
}

/** Identity of a process of this host. Throws when there is none of that number. */
export async function processIdentity(pid: number): Promise<ProcessIdentity> {
  const { startTicks } = parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
  return { pid, startTicks, bootId: await readBootId(), pidNamespace: await readlink('/proc/self/ns/pid') };
}

/** True while that very process runs on this host. What was killed and only waits for its parent (a zombie) is dead. */
export async function isProcessAlive(owner: Omit<ProcessIdentity, 'pidNamespace'>): Promise<boolean> {
  const now = await readLiving(owner.pid);
  return now !== undefined && now.startTicks === owner.startTicks && (await readBootId()) === owner.bootId;
}

/** Whether the process that had this pid at a moment (milliseconds since the Unix epoch) still runs; a later one does not count. */
export async function isStillRunning(pid: number, atMs: number): Promise<boolean> {
  const own = await readLiving(pid);
  if (own === undefined) return false;
  const bootSeconds = Number(/^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1]);
  return (bootSeconds + Number(own.startTicks) / TICKS_PER_SECOND) * 1000 <= atMs + ROUNDING_MS;
}

/** Undefined for a process that is gone, or as good as gone: Z is a zombie, X dead. */
async function readLiving(pid: number): Promise<ProcessStat | undefined> {
  try {
    const stat = parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
    return stat.state === 'Z' || stat.state === 'X' ? undefined : stat;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it has ended between open and read. Any other failure says nothing about the process.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
