import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../core/context.ts';
import { messageOf } from '../../core/errors.ts';
import { stateDir } from '../../core/paths.ts';
import { throwIfAborted } from '../../core/wait.ts';
import { nearestExisting } from './host.ts';
import { type HostCheck, type HostFinding, ok, skipped, warning } from './types.ts';

// etcd's own recipe (etcd.io FAQ, "How to test disk": fio --rw=write --ioengine=sync --fdatasync=1 --bs=2300 --size=22m):
// each write of 2300 bytes is followed by fdatasync, and the 99th percentile should stay below 10 ms.
const BLOCK_BYTES = 2300;
const P99_LIMIT_MS = 10;
/** fewer than fio's 10 000: enough for a 99th percentile, and over in a few seconds on a slow disk. */
const MAX_WRITES = 1000;
const MAX_MS = 4000;
const MIN_WRITES = 100;

/** How long writes take until they are on the disk, milliseconds. */
export interface SyncLatency {
  readonly writes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Measures writes + fdatasync in a scratch file below `directory`, and removes it again. */
export async function measureSync(ctx: Pick<Context, 'signal'>, directory: string): Promise<SyncLatency> {
  const scratch = join(directory, `.quorate-fsync-${process.pid}`);
  await mkdir(scratch, { recursive: true });
  try {
    return summarise(await timeWrites(ctx, join(scratch, 'probe')));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function timeWrites(ctx: Pick<Context, 'signal'>, path: string): Promise<number[]> {
  const block = randomBytes(BLOCK_BYTES);
  const file = await open(path, 'w');
  const times: number[] = [];
  try {
    const start = performance.now();
    while (times.length < MAX_WRITES && performance.now() - start < MAX_MS) {
      throwIfAborted(ctx);
      const before = performance.now();
      await file.write(block);
      await file.datasync();
      times.push(performance.now() - before);
    }
  } finally {
    await file.close();
  }
  return times;
}

/** Percentiles of single durations, milliseconds. */
export function summarise(times: readonly number[]): SyncLatency {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { writes: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 };
}

/** What a measurement means for etcd. */
export function judgeLatency(latency: SyncLatency, directory: string): HostFinding {
  const { writes, p50Ms, p99Ms, maxMs } = latency;
  const evidence = `fdatasync of ${writes} writes in ${directory}: median ${p50Ms.toFixed(1)} ms, 99th percentile ${p99Ms.toFixed(1)} ms, worst ${maxMs.toFixed(1)} ms`;
  if (writes < MIN_WRITES) return warning(`${evidence}; the disk is very slow`, FIX);
  if (p99Ms <= P99_LIMIT_MS) return ok(`${evidence} (etcd wants less than ${P99_LIMIT_MS} ms)`);
  return warning(`${evidence}; etcd wants less than ${P99_LIMIT_MS} ms, above it leaders are lost under load`, FIX);
}

const FIX =
  'put the machines on a faster disk: export QUORATE_STATE_DIR=/path/on/an/ssd   # and see what else writes: iostat -x 1';

/** etcd answers a write only when a majority has it on disk: a slow disk means lost leaders and lease holders. */
export const diskLatencyCheck: HostCheck = {
  id: 'disk-latency',
  title: 'the disk is fast enough for etcd',
  onlyLocal: true,
  run: async (ctx) => {
    const directory = await nearestExisting(stateDir());
    try {
      return judgeLatency(await measureSync(ctx, directory), stateDir());
    } catch (error) {
      throwIfAborted(ctx);
      return skipped(`could not be measured: ${messageOf(error)}`);
    }
  },
};
