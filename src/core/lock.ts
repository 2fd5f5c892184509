// One process at a time: a lock is a file that names its owner; a dead owner's lock is taken over.
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Context } from './context.ts';
import { QuorateError } from './errors.ts';
import { isProcessAlive, type ProcessIdentity, processIdentity } from './process.ts';
import { formatDuration, waitFor } from './wait.ts';

interface Owner extends ProcessIdentity {
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Longer than any cold build of everything on a slow machine. */
const DEADLINE_MS = 2 * 60 * 60_000;
const OWNER_GONE = 'the last owner is gone';

/**
 * Runs `work` while holding the lock file. Another living owner is waited for (`busy: 'wait'`, saying who it is and since
 * when) or makes it throw LOCKED (`busy: 'fail'`); a dead one's lock is taken over. Throws WAIT_TIMED_OUT, ABORTED too.
 */
export async function withLock<T>(
  ctx: Context,
  path: string,
  what: string,
  work: () => Promise<T>,
  busy: 'wait' | 'fail' = 'wait',
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const claim = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  const owner: Owner = { ...(await processIdentity(process.pid)), since: Date.now() };
  await writeFile(claim, JSON.stringify(owner));
  try {
    await take(ctx, claim, path, what, busy);
  } finally {
    await rm(claim, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(ctx: Context, claim: string, path: string, what: string, busy: 'wait' | 'fail'): Promise<void> {
  let reason = await tryLock(claim, path);
  // The second attempt follows the removal of a dead owner's lock.
  if (reason === OWNER_GONE) reason = await tryLock(claim, path);
  if (reason === true) return;
  if (busy === 'fail') throw new QuorateError('LOCKED', `${what} is in use: ${reason}`);
  await waitForLock(ctx, claim, path, what);
}

async function waitForLock(ctx: Context, claim: string, path: string, what: string): Promise<void> {
  await waitFor(ctx, { condition: `${what} is free`, deadlineMs: DEADLINE_MS, intervalMs: 300 }, () =>
    tryLock(claim, path),
  );
}

/** link(2) makes name and content appear at once, and fails where the name exists. */
async function tryLock(claim: string, path: string): Promise<true | string> {
  try {
    await link(claim, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const text = await readFile(path, 'utf8').catch(() => '');
  const owner = parseOwner(text);
  if (owner && (await isProcessAlive(owner))) {
    const minutes = Math.floor((Date.now() - owner.since) / 60_000);
    const since = minutes === 0 ? 'less than a minute' : formatDuration(minutes * 60_000);
    return `process ${owner.pid} has been working on it for ${since}`;
  }
  await removeStale(path, text);
  return OWNER_GONE;
}

/** Moves the lock aside and looks what was moved: somebody else may have replaced the dead lock by a living one. */
async function removeStale(path: string, staleText: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8').catch(() => '')) !== staleText) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

function parseOwner(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}
