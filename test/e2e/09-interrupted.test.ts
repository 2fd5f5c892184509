// The operator's process dies in every phase; the same command goes on each time, and the cluster ends as if nothing had been.
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustRun, quorate, start } from './support/cli.ts';
import { traces } from './support/host-state.ts';

const NAME = 'kill';
const FILE = resolve(import.meta.dirname, 'clusters/kill.yaml');
const UP = ['up', '--yes', '-f', FILE, '-o', 'plain'];
/** Into the middle of a phase: the quickest one takes about half a second. */
const INTO_PHASE_MS = 200;
const RUN_DEADLINE_MS = 300_000;

/** In order, as `quorate plan` names them. */
const PHASES = [
  'Prepare this host',
  'Start the machines',
  'Install the software',
  'Distribute certificates',
  'Start the control plane',
  'Set up the cluster',
  'Join the workers',
];

beforeAll(() => down());
afterAll(() => down());

describe('a run that is ended', () => {
  it('knows these phases', async () => {
    const plan = JSON.parse((await mustRun(['plan', '-f', FILE, '-o', 'json'])).stdout) as {
      phases: { title: string }[];
    };
    expect(plan.phases.map(({ title }) => title)).toEqual(expect.arrayContaining(PHASES));
  });

  it('by Ctrl-C stops in order, with exit code 130, and says how to go on', async () => {
    const run = await endIn('Start the machines', 'SIGINT');
    expect(run.exitCode).toBe(130);
    expect(run.all).toContain('stopping');
    expect(run.all).toContain('code: ABORTED (exit 130)');
    expect(run.all).toContain('the same command continues where this one ended');
  });

  it.each(PHASES)('by kill -9 in "%s" goes on with the same command', async (phase) => {
    const run = await endIn(phase, 'SIGKILL');
    // A phase that had nothing left to do was never begun; then the run went through.
    if (run.signal !== 'SIGKILL') expect(run.exitCode, run.all).toBe(0);
  });

  it('ends with a healthy cluster', async () => {
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

/** Runs `up` and sends the signal shortly after the phase has begun; returns how it ended. */
async function endIn(phase: string, signal: 'SIGINT' | 'SIGKILL') {
  const run = start(UP);
  const deadline = setTimeout(() => run.kill('SIGKILL'), RUN_DEADLINE_MS);
  let said = '';
  let isSent = false;
  run.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (isSent || !new RegExp(`^${phase}: \\d+ steps?$`, 'm').test(said)) return;
    isSent = true;
    setTimeout(() => run.kill(signal), INTO_PHASE_MS);
  });
  const { exitCode, signal: endedBy, all } = await run;
  clearTimeout(deadline);
  return { exitCode, signal: endedBy, all };
}

async function down(): Promise<void> {
  await mustRun(['down', '--yes', '-f', FILE]);
}
