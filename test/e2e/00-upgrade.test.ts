// The shared cluster goes to the next patch release, while a client reads and writes. First with an API server that crashes.
import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import {
  BEFORE_VERSION,
  CLUSTER_FILE,
  CONTROL_PLANES,
  json,
  mustOnMachine,
  mustRun,
  onMachine,
  quorate,
  VERSION,
} from './support/cli.ts';
import { expectHealthy, useHealthyCluster } from './support/health.ts';
import { get, type List } from './support/kubectl.ts';
import { underLoad } from './support/load.ts';

useHealthyCluster();

interface Node {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: { readonly nodeInfo: { readonly kubeletVersion: string } };
}

interface UpgradeState {
  readonly version: string;
  readonly upgradingTo?: string;
}

const UP_DEADLINE_MS = 900_000;
const API_SERVER = `registry.k8s.io/kube-apiserver:${VERSION}`;

async function versions(): Promise<Record<string, string>> {
  const { items } = await get<List<Node>>('nodes');
  return Object.fromEntries(items.map(({ metadata, status }) => [metadata.name, status.nodeInfo.kubeletVersion]));
}

/** The machine that the plan changes first: followers come before the leader. */
async function firstToChange(): Promise<string> {
  const plan = await json<{ phases: { id: string; steps: { id: string; machine?: string }[] }[] }>('plan');
  const phase = plan.phases.find(({ id }) => id === 'roll-control-planes');
  return phase?.steps.find(({ id }) => id.endsWith('/roll'))?.machine ?? '';
}

afterAll(async () => {
  const { kubernetesVersion } = (parse(await readFile(CLUSTER_FILE, 'utf8')) as { spec: { kubernetesVersion: string } })
    .spec;
  expect(kubernetesVersion).toBe(VERSION);
});

describe.skipIf(!inject('isUpgraded'))('an upgrade whose API server crashes', () => {
  it('puts that machine back as it was, stops, and loses nothing', async ({ skip }) => {
    const before = await versions();
    // Only on a cluster that is still to be upgraded: one that a run has kept has been.
    skip(
      Object.values(before).every((version) => version === VERSION),
      'a cluster that an earlier run has kept is upgraded already',
    );
    const victim = await firstToChange();
    expect(CONTROL_PLANES as readonly string[]).toContain(victim);
    // pause is no API server: it ignores its arguments and listens to nobody.
    const pause = 'registry.k8s.io/pause:3.10.2';
    await mustOnMachine(victim, `ctr -n k8s.io images tag --force ${pause} ${API_SERVER}`);
    await underLoad('sabotage', async () => {
      const run = await quorate(['up', '--yes', '-f', CLUSTER_FILE, '-o', 'plain'], { timeoutMs: UP_DEADLINE_MS });
      expect(run.exitCode, run.stderr).toBe(7);
      expect(run.stderr).toContain('code: ROLLED_BACK');
      expect(run.stderr).toContain(victim);
      expect(run.stderr).toContain('quorate upgrade --rollback');
    });
    expect(Object.values(await versions())).toEqual(Object.values(before));
    expect(await json<UpgradeState>('upgrade')).toMatchObject({ version: BEFORE_VERSION, upgradingTo: VERSION });
    await expectHealthy();
    await mustOnMachine(victim, `ctr -n k8s.io images rm ${API_SERVER}`);
  });
});

describe.skipIf(!inject('isUpgraded'))('the upgrade', () => {
  it('goes through with the same command, one machine at a time, and a client that tries twice sees none of it', async ({
    skip,
  }) => {
    const { version } = await json<UpgradeState>('upgrade');
    skip(version === VERSION, 'a cluster that an earlier run has kept is upgraded already');
    await underLoad('upgrade', async () => {
      await mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: UP_DEADLINE_MS });
    });
    const { items } = await get<List<Node>>('nodes');
    expect(items.map(({ status }) => status.nodeInfo.kubeletVersion)).toEqual(items.map(() => VERSION));
    expect(items.filter(({ spec }) => spec.unschedulable)).toEqual([]);
    expect(await json<UpgradeState>('upgrade')).toMatchObject({ version: VERSION, previous: BEFORE_VERSION });
    const saved = `/var/lib/quorate/snapshots/before-${BEFORE_VERSION}-to-${VERSION}-*.db`;
    const found = await Promise.all(CONTROL_PLANES.map((name) => onMachine(name, `test -s ${saved}`)));
    expect(found.filter(({ exitCode }) => exitCode === 0)).not.toEqual([]);
    expect((await mustRun(['up', '--yes', '-f', CLUSTER_FILE])).stdout).toContain('nothing to do');
  });
});
