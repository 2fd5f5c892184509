// The load client against the shared cluster, and what is demanded of every change under it.
import { readFile } from 'node:fs/promises';
import { expect, inject, vi } from 'vitest';
import { apply, get, kubectl, type List } from './kubectl.ts';
import { type Load, type LoadReport, loadText, startLoad, targetsOf } from './load-client.ts';

/**
 * The goal is none, and a quiet run has none (docs/benchmarks.md). Here up to eight machines start API servers on the two cores that the
 * client itself runs on: an answer that took more than five seconds twice is not taken for an outage.
 */
const MAX_FAILED_SHARE = 0.005;

/** Runs `work` under load; prints what the client saw, and fails when a request failed twice or an acknowledged write is lost. */
export async function underLoad(name: string, work: (load: Pick<Load, 'use'>) => Promise<void>): Promise<LoadReport> {
  await createTarget(name);
  const load = startLoad(await readFile(inject('kubectl').kubeconfig, 'utf8'), name);
  let report: LoadReport;
  try {
    await work(load);
  } finally {
    report = await load.stop();
    process.stdout.write(`${name}, a client through the virtual IP:\n${loadText(report)}\n`);
  }
  const all = Object.values(report.series);
  const failures = all.reduce((sum, series) => sum + series.failures, 0);
  const requests = all.reduce((sum, series) => sum + series.requests, 0);
  expect(failures).toBeLessThanOrEqual(requests * MAX_FAILED_SHARE);
  await expectNothingLost(name, report);
  await kubectl(['delete', 'configmap', ...targetsOf(name)]);
  return report;
}

/**
 * The objects that the load client writes to. A test may have killed a machine a moment ago, and this is no part of what the client measures:
 * it waits, at most half a minute, until the API takes writes.
 */
function createTarget(name: string): Promise<void> {
  return vi.waitFor(
    async () => {
      // A run that was ended may have left it.
      await kubectl(['delete', 'configmap', ...targetsOf(name), '--ignore-not-found']);
      await apply(
        ...targetsOf(name).map((target) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: target } })),
      );
    },
    { timeout: 30_000, interval: 500 },
  );
}

async function expectNothingLost(name: string, { acknowledged }: LoadReport): Promise<void> {
  const { items } = await get<List<{ data?: Record<string, string> }>>('configmap', ...targetsOf(name));
  const data = Object.assign({}, ...items.map((item) => item.data)) as Record<string, string>;
  const lost = [...acknowledged].filter(([key, number]) => Number(data[key] ?? -1) < number);
  expect(lost).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(10);
}
