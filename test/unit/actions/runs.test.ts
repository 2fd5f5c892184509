import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listRuns, showRun } from '../../../src/actions/runs.ts';
import { renderRun, renderRuns } from '../../../src/cli/results/runs.ts';
import type { EventCode, EventData } from '../../../src/core/events.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import { cli } from '../cli/harness.ts';

const T = Date.parse('2026-11-20T19:30:00.000Z');
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runs-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

/** A line of a journal, `seconds` after the start. */
const line = <C extends EventCode>(seconds: number, code: C, data: EventData[C]) =>
  JSON.stringify({ t: T + seconds * 1000, code, data });
const journal = (id: string, lines: readonly string[], tail = '\n') =>
  writeFileSync(join(dir, `${id}.ndjson`), lines.join('\n') + tail);

const error = { code: 'COMMAND_FAILED', message: 'systemctl ended with 1\nno such unit', hint: 'x', family: 'command' };
const step = (machine: string, title: string) => ({ phase: 'start', step: `${machine}/${title}`, machine, title });
const FAILED = [
  line(0, 'run.started', { verb: 'up', cluster: 'demo', pid: 1 }),
  line(1, 'phase.started', { phase: 'start', title: 'Start control planes', steps: 2 }),
  line(1, 'step.started', step('cp1', 'write manifests')),
  line(2, 'step.started', step('cp2', 'write manifests')),
  line(3, 'step.finished', { ...step('cp1', 'write manifests'), outcome: 'ok', durationMs: 2_000 }),
  line(63, 'step.finished', { ...step('cp2', 'write manifests'), outcome: 'failed', durationMs: 61_000, error }),
  line(63, 'phase.finished', { phase: 'start', outcome: 'failed', durationMs: 62_000 }),
  line(64, 'run.finished', { outcome: 'failed', durationMs: 64_000, error }),
];
const OK = [
  line(0, 'run.started', { verb: 'down', cluster: 'x-demo' }),
  line(1, 'run.finished', { outcome: 'ok', durationMs: 1_000 }),
];

describe('the list of runs', () => {
  it('is empty where nothing ever ran', async () => {
    const runs = await listRuns({ dir: join(dir, 'none'), limit: 5 });
    expect(renderRuns(runs, PLAIN_THEME)).toBe('no runs are recorded');
  });

  it('shows the newest first, and what became of each', async () => {
    journal('20261120T193000.000Z-up-demo', FAILED);
    journal('20261120T200000.000Z-down-x-demo', OK);
    journal('20261120T210000.000Z-up-demo', FAILED.slice(0, 5), '\n{"t":17');
    journal('20261120T220000.000Z-up-demo', [], '');
    const runs = await listRuns({ dir, limit: 5 });
    expect(renderRuns(runs, PLAIN_THEME, T + 3 * 3_600_000)).toMatchInlineSnapshot(`
      "RUN                               VERB  CLUSTER  WHEN         TOOK  STEPS  OUTCOME
      20261120T210000.000Z-up-demo      up    demo     3h ago      3.0 s      1  interrupted
      20261120T200000.000Z-down-x-demo  down  x-demo   3h ago      1.0 s      0  ok
      20261120T193000.000Z-up-demo      up    demo     3h ago  1 min 4 s      1  failed"
    `);
  });

  it('keeps to one cluster and to a number', async () => {
    journal('20261120T193000.000Z-up-demo', FAILED);
    journal('20261120T200000.000Z-down-x-demo', OK);
    journal('20261120T210000.000Z-up-demo', FAILED);
    const ids = async (choice: { cluster?: string; limit: number }) =>
      (await listRuns({ dir, ...choice })).map(({ id }) => id);
    expect(await ids({ cluster: 'demo', limit: 5 })).toEqual([
      '20261120T210000.000Z-up-demo',
      '20261120T193000.000Z-up-demo',
    ]);
    expect(await ids({ cluster: 'demo', limit: 1 })).toEqual(['20261120T210000.000Z-up-demo']);
  });

  it('tells a run that is under way from one whose process is gone or another one', async () => {
    const begun = (pid: number, t: number) =>
      JSON.stringify({ t, code: 'run.started', data: { verb: 'up', cluster: 'demo', pid } });
    journal('1', [begun(process.pid, Date.now())]);
    journal('2', [begun(process.pid, 1_000)]);
    journal('3', [begun(2 ** 22 + 1, Date.now())]);
    const runs = await listRuns({ dir, limit: 5 });
    expect(runs.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['3', 'interrupted'],
      ['2', 'interrupted'],
      ['1', 'running'],
    ]);
  });
});

describe('one run', () => {
  it('shows phases and steps with times, and what failed', async () => {
    journal('20261120T193000.000Z-up-demo', FAILED);
    const text = renderRun(await showRun(undefined, { dir }), PLAIN_THEME).replace(dir, 'RUNS');
    expect(text).toMatchInlineSnapshot(`
      "run 20261120T193000.000Z-up-demo
      quorate up, cluster demo, 2026-11-20 19:30:00 UTC: failed after 1 min 4 s

      ✗ +1s     Start control planes  1 min 2 s
      ✓ +1s       cp1: write manifests  2.0 s
      ✗ +2s       cp2: write manifests  1 min 1 s
                 COMMAND_FAILED: systemctl ended with 1
                 no such unit

      error: systemctl ended with 1
        no such unit
        code: COMMAND_FAILED

      log: RUNS/20261120T193000.000Z-up-demo.ndjson"
    `);
  });

  it('says where a killed one stood, although its last line is damaged', async () => {
    journal('20261120T193000.000Z-up-demo', FAILED.slice(0, 5), '\n{"t":17');
    const run = await showRun(undefined, { dir });
    expect(run).toMatchObject({ outcome: 'interrupted', durationMs: 3_000, steps: 1, damagedLines: 1 });
    expect(run.phases[0]).toMatchObject({ outcome: 'interrupted' });
    expect(run.phases[0]?.steps.map(({ outcome }) => outcome)).toEqual(['ok', 'interrupted']);
    expect(renderRun(run, PLAIN_THEME)).toContain('1 damaged');
  });

  it('is found by the beginning of its name, when that is one run only', async () => {
    journal('20261120T193000.000Z-up-demo', FAILED);
    journal('20261120T200000.000Z-down-x-demo', OK);
    expect(await showRun('20261120T20', { dir })).toMatchObject({ verb: 'down' });
    await expect(showRun('20261120', { dir })).rejects.toThrow('is the beginning of 2 runs');
    await expect(showRun('2025', { dir })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await expect(showRun(undefined, { dir, cluster: 'other' })).rejects.toThrow('no run of cluster other');
  });
});

describe('quorate runs', () => {
  it('reads the journals of this host, and completes their names', async () => {
    vi.stubEnv('QUORATE_STATE_DIR', dir);
    const nothing = await cli(['runs', 'show']);
    expect([nothing.exitCode, nothing.stderr]).toEqual([3, expect.stringContaining('no run is recorded')]);
    expect(
      JSON.parse((await cli(['runs', 'list', '--cluster', 'demo', '-n', '3', '-o', 'json'])).stdout),
    ).toMatchObject({
      kind: 'RunList',
      runs: [],
    });
    expect((await cli(['runs', 'list', '-n', 'many'])).exitCode).toBe(2);
    mkdirSync(join(dir, 'runs'));
    writeFileSync(join(dir, 'runs', '20261120T193000.000Z-up-demo.ndjson'), `${FAILED.join('\n')}\n`);
    expect((await cli(['__complete', '--', 'runs', 'show', '2026'])).stdout).toBe('20261120T193000.000Z-up-demo\n');
    expect((await cli(['runs', 'show', '2026'])).stdout).toContain('failed after 1 min 4 s');
  });
});
