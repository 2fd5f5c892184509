// Private directories for work that leaves nothing behind: removed at the end, or by the next run when this one was killed.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive, parseStat, processIdentity } from './process.ts';

/** What the files that name a process of a scratch directory end in (core/background.ts writes them). */
export const PROCESS_SUFFIX = '.process';

/** A directory of one's own, mode 0700. */
export interface Scratch {
  readonly path: string;
  /** Removes it with all that is in it. Idempotent. */
  remove(): Promise<void>;
}

/** SIGKILL needs no grace; what it hits is gone within moments, unless the disk hangs. */
const KILL_WAIT_MS = 5_000;
const KILL_POLL_MS = 20;

/**
 * Makes a directory below `parent` that only this user can enter. What earlier processes left there under the same `kind` (a word) is
 * removed first, after the processes that they started. The owner is part of the name, so that there is no moment without one.
 */
export async function openScratch(parent: string, kind: string): Promise<Scratch> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await sweepScratch(parent, kind);
  const path = join(parent, await scratchName(kind));
  await mkdir(path, { mode: 0o700 });
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

async function scratchName(kind: string): Promise<string> {
  const { pid, startTicks, bootId, pidNamespace } = await processIdentity(process.pid);
  const namespace = /\d+/.exec(pidNamespace)?.[0] ?? '0';
  return [kind, pid, startTicks, bootId, namespace, randomBytes(4).toString('hex')].join('.');
}

/** Removes what dead processes left; see openScratch. */
export async function sweepScratch(parent: string, kind: string): Promise<void> {
  const own = await processIdentity(process.pid);
  for (const name of await readdir(parent).catch(() => [])) {
    const [word, pid, startTicks = '', bootId = '', namespace = ''] = name.split('.');
    if (word !== kind || !/^\d+$/.test(pid ?? '')) continue;
    // In another namespace the same number is another process: nobody here can tell whether it lives.
    if (bootId === own.bootId && !own.pidNamespace.includes(`[${namespace}]`)) continue;
    if (await isProcessAlive({ pid: Number(pid), startTicks, bootId })) continue;
    const path = join(parent, name);
    await endProcesses(path);
    await rm(path, { recursive: true, force: true });
  }
}

/** Kills the very processes that the files of a directory name, and waits until they are gone. */
export async function endProcesses(directory: string): Promise<void> {
  const files = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(PROCESS_SUFFIX));
  for (const file of files) {
    const identity = parseProcessFile(await readFile(join(directory, file), 'utf8').catch(() => ''));
    if (identity === undefined) continue;
    const end = Date.now() + KILL_WAIT_MS;
    while ((await isProcessAlive(identity)) && Date.now() < end) {
      try {
        process.kill(identity.pid, 'SIGKILL');
      } catch {
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, KILL_POLL_MS));
    }
  }
}

/** The boot's id, then the line of /proc/PID/stat. Undefined for anything else. */
export function parseProcessFile(text: string): { pid: number; startTicks: string; bootId: string } | undefined {
  const [bootId = '', line = ''] = text.split('\n');
  const pid = Number.parseInt(line, 10);
  const { startTicks } = parseStat(line);
  return pid > 1 && /^\d+$/.test(startTicks) && bootId.length === 36 ? { pid, startTicks, bootId } : undefined;
}

/** Bytes of a file; undefined where there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
