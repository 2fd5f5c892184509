import { readFile } from 'node:fs/promises';

/** Clock ticks a second in /proc (USER_HZ): 100 on every architecture that we run on (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
/** `btime` of /proc/stat is in whole seconds. */
const ROUNDING_MS = 1_000;

/** Whether the process that had this pid at a moment (milliseconds since the Unix epoch) still runs; a later one does not count. */
export async function isStillRunning(pid: number, atMs: number): Promise<boolean> {
  try {
    const [own, host] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile('/proc/stat', 'utf8')]);
    const bootSeconds = Number(/^btime (\d+)$/m.exec(host)?.[1]);
    // Field 22, starttime; the second one, the command's name in parentheses, may hold spaces: count from its end.
    const ticks = Number(own.slice(own.lastIndexOf(')') + 2).split(' ')[19]);
    return (bootSeconds + ticks / TICKS_PER_SECOND) * 1000 <= atMs + ROUNDING_MS;
  } catch {
    return false;
  }
}
