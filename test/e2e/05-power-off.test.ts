// The power of each control plane is cut in turn, the holder of the virtual IP among them; a client outside keeps going.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CONTROL_PLANES, ENDPOINT, json, onCluster } from './support/cli.ts';
import { probeEndpoint } from './support/endpoint-probe.ts';
import { expectHealthy, useHealthyCluster } from './support/health.ts';
import { get, kubectl } from './support/kubectl.ts';
import { until } from './support/wait.ts';
import { startWriting } from './support/writer.ts';

const NAME = 'e2e-power-off';
/** Measured on two cores at rest: 1 to 2 s. The bound leaves room for a busy host. */
const MAX_GAP_MS = 10_000;
/** A lease lasts 15 s, and is tried for every 2 s. */
const LEASE_DEADLINE_MS = 60_000;

interface Status {
  readonly endpoint: { readonly vipHolders: readonly string[] };
  readonly quorum: { readonly up: number; readonly survives: number };
  readonly leases: readonly { readonly name: string; readonly holder: string }[];
}

useHealthyCluster();

beforeAll(async () => {
  // A run that was ended may have left it.
  await kubectl(['delete', 'configmap', NAME, '--ignore-not-found']);
  await kubectl(['create', 'configmap', NAME]);
});

afterAll(async () => {
  await kubectl(['delete', 'configmap', NAME]);
});

// With one still down from a test that failed, the next power cut would cost the quorum.
beforeEach(() => expectHealthy());
afterEach(() => onCluster('machine', 'start'));

describe.each(CONTROL_PLANES)('the power of %s is cut', (name) => {
  it('the API answers and takes writes, standbys take over, and the cluster heals by itself', async () => {
    const before = await json<Status>('status');
    const probe = probeEndpoint(ENDPOINT);
    const writer = await startWriting(NAME);
    await onCluster('machine', 'kill', name, '--yes');
    await sleep(10_000);
    const during = await until(`leases and virtual IP have left ${name}`, LEASE_DEADLINE_MS, async () => {
      const status = await json<Status>('status');
      const holders = [...status.endpoint.vipHolders, ...status.leases.map(({ holder }) => holder)];
      return holders.length === 3 && !holders.includes(name) ? status : undefined;
    });
    const [seen, written] = await Promise.all([probe.stop(), writer.stop()]);
    report(name, before, seen, written);
    expect(during.quorum).toMatchObject({ up: 2, survives: 0 });
    expect(seen.longestGapMs).toBeLessThanOrEqual(MAX_GAP_MS);
    expect(written.longestGapMs).toBeLessThanOrEqual(MAX_GAP_MS);
    expect(written.acknowledged.length).toBeGreaterThan(5);
    const { data } = await get<{ data: Record<string, string> }>('configmap', NAME);
    expect(written.acknowledged.filter((number) => !(`w${number}` in data))).toEqual([]);
    await onCluster('machine', 'start', name);
    await expectHealthy('2m');
  });
});

/** The measured numbers belong in the output of every run. */
function report(
  name: string,
  { endpoint, leases }: Status,
  seen: { requests: number; failures: number; longestGapMs: number },
  written: { acknowledged: readonly number[]; failures: number; longestGapMs: number },
): void {
  const held = [
    ...(endpoint.vipHolders.includes(name) ? ['the virtual IP'] : []),
    ...leases.filter(({ holder }) => holder === name).map((lease) => lease.name),
  ];
  process.stdout.write(
    `power-off of ${name} (held ${held.join(', ') || 'nothing'}): ` +
      `${seen.failures} of ${seen.requests} requests failed, longest gap ${seen.longestGapMs} ms; ` +
      `${written.failures} of ${written.acknowledged.length + written.failures} writes failed, longest gap ${written.longestGapMs} ms\n`,
  );
}
