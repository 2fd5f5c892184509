// Sets the stage once a size, and runs every verb several times, each time in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GrowthOptions, Verb } from './options.ts';
import { growthSpec } from './spec.ts';
import { setStage } from './stage.ts';

/** One verb, once. */
export interface Act {
  readonly ms: number;
  /** Peak resident memory of the process, bytes. */
  readonly peakBytes: number;
}

/** What a verb, or reading cluster.yaml, took with so many machines. */
export interface Sized {
  readonly machines: number;
  readonly acts: Readonly<Record<Verb | 'read', readonly Act[]>>;
}

/** Loopback addresses that nothing else uses. */
const NETWORK = '127.88.0';

/** Measures one size. Throws RangeError when a verb found something to do. */
export async function measureSize(machines: number, options: GrowthOptions): Promise<Sized> {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-growth-'));
  try {
    const close = await setStage(growthSpec(machines, NETWORK), directory);
    try {
      const acts = { read: [] as Act[], plan: [] as Act[], up: [] as Act[], status: [] as Act[] };
      for (let run = 0; run < options.runs; run++) {
        for (const verb of ['read', 'plan', 'up', 'status'] as const) {
          acts[verb].push(await performApart(verb, directory, machines, options));
        }
      }
      return { machines, acts };
    } finally {
      await close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** This very program again, as `--perform VERB DIRECTORY`; Node's settings are those of the launcher ./quorate. */
async function performApart(
  verb: Verb | 'read',
  directory: string,
  machines: number,
  { profile }: GrowthOptions,
): Promise<Act> {
  const profiling =
    profile === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${verb}-${machines}-${Date.now()}.cpuprofile`];
  const argv = ['--max-semi-space-size=4', ...profiling, process.argv[1] ?? '', '--perform', verb, directory];
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, QUORATE_RUNTIME_DIR: directory, QUORATE_STATE_DIR: directory },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new RangeError(`${verb} with ${machines} machines ended with exit code ${code}`);
  return JSON.parse(output) as Act;
}
