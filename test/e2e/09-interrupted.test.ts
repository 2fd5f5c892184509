// The operator's process dies in every phase; the same command goes on each time, and the cluster ends as if nothing had been.
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PHASES } from '../../src/phases/index.ts';
import { mustRun, quorate, start } from './support/cli.ts';
import { traces } from './support/host-state.ts';

const NAME = 'kill';
const FILE = resolve(import.meta.dirname, 'clusters/kill.yaml');
const UP = ['up', '--yes', '-f', FILE, '-o', 'plain'];
const RUN_DEADLINE_MS = 300_000;

/** Each phase shortly after it began, when some of its steps have run; the last, which is the longest, once more later on. */
const KILLS = [
  // Those for living clusters are ended in test/upgrades.
  ...PHASES.filter(({ isForLiving }) => !isForLiving).map(({ title }) => ({ phase: title, afterMs: 150 })),
  { phase: 'Form the cluster', afterMs: 800 },
];

beforeAll(() => down());
afterAll(() => down());

describe('a run that is ended', () => {
  it.each(KILLS)(
    'by kill -9 in "$phase" after $afterMs ms leaves work for the same command',
    async ({ phase, afterMs }) => {
      const run = await endIn(phase, afterMs, 'SIGKILL');
      expect(run.signal, run.all).toBe('SIGKILL');
    },
  );

  it('by Ctrl-C stops in order, with exit code 130, and says how to go on', async () => {
    const run = await endIn('Form the cluster', 200, 'SIGINT');
    expect(run.exitCode, run.all).toBe(130);
    expect(run.all).toContain('stopping');
    expect(run.all).toContain('code: ABORTED (exit 130)');
    expect(run.all).toContain('the same command continues where this one ended');
  });

  it('goes on with the same command and ends with a healthy cluster', async () => {
    await mustRun(UP, { timeoutMs: RUN_DEADLINE_MS });
    expect((await mustRun(['up', '--yes', '-f', FILE])).stdout).toContain('nothing to do');
    expect((await quorate(['health', '-f', FILE])).exitCode).toBe(0);
  });
});

describe('down', () => {
  it('that is killed is finished by the next one, and nothing is left', async () => {
    const run = start(['down', '--yes', '-f', FILE]);
    await sleep(700);
    run.kill('SIGKILL');
    await run;
    await mustRun(['down', '--yes', '-f', FILE]);
    expect(await traces(NAME)).toEqual([]);
  });
});

/** Runs `up` and sends the signal `afterMs` after the phase has begun; returns how it ended. */
async function endIn(phase: string, afterMs: number, signal: 'SIGINT' | 'SIGKILL') {
  const run = start(UP);
  const deadline = setTimeout(() => run.kill('SIGKILL'), RUN_DEADLINE_MS);
  let said = '';
  let isSent = false;
  run.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (isSent || !new RegExp(`^${phase}: \\d+ steps?$`, 'm').test(said)) return;
    isSent = true;
    setTimeout(() => run.kill(signal), afterMs);
  });
  const { exitCode, signal: endedBy, all } = await run;
  clearTimeout(deadline);
  return { exitCode, signal: endedBy, all };
}

async function down(): Promise<void> {
  await mustRun(['down', '--yes', '-f', FILE]);
}
