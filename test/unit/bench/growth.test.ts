// The short form of `make bench-growth`: the same code in this process, with limits that only a curve can break.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseOptions, VERBS } from '../../../bench/growth/options.ts';
import { perform } from '../../../bench/growth/perform.ts';
import { enterStage } from '../../../bench/growth/players.ts';
import { renderGrowth, violations } from '../../../bench/growth/report.ts';
import type { Act, Sized } from '../../../bench/growth/run.ts';
import { growthSpec, growthYaml } from '../../../bench/growth/spec.ts';
import { setStage } from '../../../bench/growth/stage.ts';
import { silentContext } from '../../../src/core/context.ts';
import { parseSpec } from '../../../src/spec/load.ts';

/** With 20 ms a command 100 machines take 0.8 s on two cores; a busy host has ten times that. */
const LIMIT_MS = 8_000;

describe.each([{ machines: 10 }, { machines: 100 }])(
  '$machines machines that are as they should be',
  ({ machines }) => {
    let directory = '';
    let close = async () => {};

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'quorate-growth-'));
      vi.stubEnv('QUORATE_RUNTIME_DIR', directory);
      close = await setStage(growthSpec(machines, '127.89.0'), directory);
    });

    afterAll(async () => {
      await close();
      vi.unstubAllEnvs();
      await rm(directory, { recursive: true, force: true });
    });

    it.each(VERBS)('%s finds nothing to do, in time', async (verb) => {
      const { spec, driver } = await enterStage(silentContext(), directory, 20);
      expect(await perform(verb, spec, driver, directory)).toBeLessThan(LIMIT_MS);
    });

    it('plan says what is not as it should be', async () => {
      const { spec, driver } = await enterStage(silentContext(), directory, 0);
      driver.inside(spec, 'worker2').failures.push({ operation: 'exec', code: 'MACHINE_UNREACHABLE' });
      await expect(perform('plan', spec, driver, directory)).rejects.toThrow(
        'plan found: worker2: exec on worker2 fails',
      );
    });
  },
);

describe('the cluster.yaml that is read', () => {
  it('is right, with as many machines', () => {
    const { spec, warnings } = parseSpec(growthYaml(500));
    expect(spec.machines).toHaveLength(500);
    expect(warnings).toEqual([]);
  });
});

describe('the curve', () => {
  const act = (ms: number, peakBytes = 100e6): Act => ({ ms, peakBytes });
  const sized = (machines: number, ms: number, peakBytes?: number): Sized => {
    const acts = [act(ms, peakBytes), act(ms * 1.2, peakBytes), act(ms, peakBytes)];
    return { machines, acts: { read: acts, plan: acts, up: acts, status: acts } };
  };

  it('may have fixed costs, and grow with the machines', () => {
    expect(violations([sized(10, 500), sized(100, 900), sized(500, 2_000)])).toEqual([]);
  });

  it('may not bend upwards by more than half', () => {
    expect(violations([sized(10, 100), sized(500, 7_600)])[0]).toBe(
      'read cluster.yaml: time per machine grows by 1.52',
    );
  });

  it('may not take longer than 30 s or more than 200 MB', () => {
    expect(violations([sized(10, 1_000), sized(500, 26_000)])[0]).toBe(
      'read cluster.yaml takes over 30 s with 500 machines',
    );
    expect(violations([sized(10, 100), sized(500, 900, 201e6)])[1]).toBe('plan takes over 200 MB with 500 machines');
  });

  it('is a table with median and worst', () => {
    const text = renderGrowth([sized(10, 500), sized(100, 900)]);
    expect(text).toContain('| 100 | 0.90 (1.08) | 0.90 (1.08) | 0.90 (1.08) | 0.90 (1.08) | 100 |');
    expect(text).toContain('| plan | 0.18 | 4.4 |');
  });
});

describe('options of the bench', () => {
  it('are three sizes and three runs', () => {
    expect(parseOptions([])).toEqual({ sizes: [10, 100, 500], runs: 3, write: true });
  });

  it('refuse what is no number of machines', () => {
    expect(() => parseOptions(['--sizes', '10,many'])).toThrow('whole numbers');
    expect(() => parseOptions(['--sizes', '3'])).toThrow('4 or more');
  });
});
