// The machine that a figure belongs to: without it a figure means nothing.
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../src/core/command.ts';
import type { Context } from '../src/core/context.ts';
import { stateDir } from '../src/core/paths.ts';
import { sleep } from '../src/core/wait.ts';
import { median } from './statistics.ts';

/** Name and value, in the order in which they are printed. */
export type HostFacts = readonly (readonly [name: string, value: string])[];

/** Describes this host. */
export async function describeHost(ctx: Context): Promise<HostFacts> {
  const { stdout } = await runCommand(ctx, ['findmnt', '-n', '-o', 'FSTYPE,SOURCE', '--target', stateDir()], {
    allowFailure: true,
  });
  const os = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  const model = cpus()[0]?.model ?? 'unknown';
  return [
    ['processor', `${model}, ${cpus().length} cores`],
    ['memory', `${(totalmem() / 1024 ** 3).toFixed(1)} GiB`],
    ['operating system', `${os}, Linux ${release()}`],
    ['disk of the machines', stdout.trim().replace(/\s+/g, ' on ')],
    ['fdatasync of 4 KiB there', `${fdatasyncMs().toFixed(2)} ms (median of 200; etcd waits for one at every write)`],
  ];
}

const SAMPLE_MS = 2_000;

/** How many processor cores are busy just now: what runs beside a measurement that is about to begin. */
export async function busyCores(ctx: Context): Promise<number> {
  const before = cpus();
  await sleep(SAMPLE_MS, ctx);
  const shares = cpus().map(({ times }, i) => {
    const sum = (of: typeof times) => of.user + of.nice + of.sys + of.irq;
    const earlier = before[i]?.times ?? times;
    const busy = sum(times) - sum(earlier);
    return busy / Math.max(1, busy + times.idle - earlier.idle);
  });
  return shares.reduce((total, share) => total + share, 0);
}

function fdatasyncMs(): number {
  const path = join(stateDir(), `.bench-${process.pid}`);
  const file = openSync(path, 'w', 0o600);
  try {
    const block = Buffer.alloc(4096);
    const times = Array.from({ length: 200 }, () => {
      const start = process.hrtime.bigint();
      writeSync(file, block);
      fdatasyncSync(file);
      return Number(process.hrtime.bigint() - start) / 1e6;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}
