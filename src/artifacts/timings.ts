// How long work took last time on this host, for progress lines: cacheDir()/timings.json, a map from task to milliseconds.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../core/paths.ts';
import { writeFileAtomic } from './files.ts';

/** Milliseconds that the task took last time; undefined before the first time. */
export async function lastDuration(task: string): Promise<number | undefined> {
  const value = (await readTimings())[task];
  return typeof value === 'number' && value > 0 ? value : undefined;
}

let pending: Promise<void> = Promise.resolve();

/** Records how long a task took. A lost update between two processes costs only an estimate. */
export function recordDuration(task: string, durationMs: number): Promise<void> {
  pending = pending.then(async () => {
    const timings = { ...(await readTimings()), [task]: Math.round(durationMs) };
    await writeFileAtomic(timingsPath(), `${JSON.stringify(timings, null, 1)}\n`).catch(() => {});
  });
  return pending;
}

function timingsPath(): string {
  return join(cacheDir(), 'timings.json');
}

async function readTimings(): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(timingsPath(), 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
