// The version in cluster.yaml and the one that runs go on saying the same; and what is said while no API answers.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChangeOptions, ChangeReport } from '../../../src/actions/carry-out.ts';
import { upgrade, upgradeReport } from '../../../src/actions/upgrade.ts';
import { supportedKubernetesVersions } from '../../../src/artifacts/catalog.ts';
import { renderUpgrade } from '../../../src/cli/results/upgrade.ts';
import { silentContext } from '../../../src/core/context.ts';
import type { ClusterRecord } from '../../../src/manifests/cluster-record.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const seen = vi.hoisted(() => ({ observed: undefined as unknown, wanted: [] as string[], changes: 0, fails: false }));
vi.mock('../../../src/actions/cluster.ts', () => ({ openCluster: async () => ({ observed: seen.observed }) }));
vi.mock('../../../src/actions/up.ts', () => ({
  up: async (_ctx: unknown, { kubernetesVersion }: ClusterSpec, { confirm }: ChangeOptions) => {
    seen.wanted.push(kubernetesVersion);
    if (seen.changes > 0) await confirm({} as never);
    if (seen.fails) throw new Error('killed');
    return { changes: seen.changes } as ChangeReport;
  },
}));

const ctx = silentContext();
let healthy: Observed;
let dir: string;
let spec: ClusterSpec;

beforeAll(async () => {
  healthy = await healthyCluster(makeSpec());
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'upgrade-'));
  const file = join(dir, 'cluster.yaml');
  writeFileSync(file, 'spec:\n  kubernetesVersion: v1.36.1 # ours\n');
  spec = { ...makeSpec(), kubernetesVersion: 'v1.36.1', file };
  Object.assign(seen, { observed: healthy, wanted: [], changes: 0, fails: false });
});
afterEach(() => rmSync(dir, { recursive: true }));

const text = () => readFileSync(join(dir, 'cluster.yaml'), 'utf8');
const confirm = async () => {};
const recorded = (versions: Partial<ClusterRecord>): Observed => {
  const kube = healthy.kube ?? expect.fail('answers');
  return { ...healthy, kube: { ...kube, record: { ...(kube.record ?? expect.fail('is there')), ...versions } } };
};
const mute = (): Observed => {
  const { kube: _kube, ...rest } = healthy;
  return rest;
};

describe('upgrade', () => {
  it('writes the version into the file also when the cluster runs it already', async () => {
    await upgrade(ctx, spec, { to: 'v1.36.3', confirm });
    expect(text()).toBe('spec:\n  kubernetesVersion: v1.36.3 # ours\n');
  });

  it('writes it before the first change: a run that is killed is continued by apply', async () => {
    Object.assign(seen, { changes: 3, fails: true });
    await expect(upgrade(ctx, spec, { to: 'v1.36.3', confirm })).rejects.toThrow('killed');
    expect(text()).toContain('v1.36.3');
  });

  it('leaves the file as it is when the answer is no', async () => {
    seen.changes = 1;
    const no = async () => {
      throw new Error('declined');
    };
    await expect(upgrade(ctx, spec, { to: 'v1.36.3', confirm: no })).rejects.toThrow('declined');
    expect(text()).toContain('v1.36.1');
  });

  it('needs no file: the demo has none', async () => {
    const { file: _file, ...demo } = spec;
    await upgrade(ctx, demo, { to: 'v1.36.3', confirm });
    expect(seen.wanted).toEqual(['v1.36.3']);
  });
});

describe('upgrade --rollback', () => {
  it('goes on to where an interrupted way back was going, and writes that', async () => {
    seen.observed = recorded({ kubernetesVersion: 'v1.36.3', previousVersion: 'v1.36.0', rollingBackTo: 'v1.36.2' });
    await upgrade(ctx, spec, { to: 'previous', confirm });
    expect(seen.wanted).toEqual(['v1.36.2']);
    expect(text()).toContain('v1.36.2');
  });

  it('says so when there is nothing to undo', async () => {
    await expect(upgrade(ctx, spec, { to: 'previous', confirm })).rejects.toMatchObject({
      code: 'VERSION_SKEW',
      hint: expect.stringContaining('quorate upgrade'),
    });
  });

  it('points to quorate recover when no API answers that could tell', async () => {
    seen.observed = mute();
    await expect(upgrade(ctx, spec, { to: 'previous', confirm })).rejects.toMatchObject({
      code: 'API_UNREACHABLE',
      hint: expect.stringContaining('quorate recover'),
    });
  });
});

describe('the report of versions', () => {
  it('lists what this release can install also when no API answers, and says where to look', async () => {
    seen.observed = mute();
    const report = await upgradeReport(ctx, spec);
    expect(report.targets.map(({ version }) => version)).toEqual(supportedKubernetesVersions());
    expect(report.targets.filter(({ ok }) => ok)).toEqual([]);
    const screen = renderUpgrade(report, PLAIN_THEME);
    expect(screen).toContain('the API does not answer; look at: quorate status');
    expect(screen).toContain('v1.36.3');
    expect(screen).not.toContain('Nodes');
  });

  it('says that a way back has not ended', async () => {
    seen.observed = recorded({ rollingBackTo: 'v1.36.1' });
    const report = await upgradeReport(ctx, spec);
    expect(report).toMatchObject({ version: 'v1.36.3', rollingBackTo: 'v1.36.1', previous: 'v1.36.1' });
    expect(report).not.toHaveProperty('problem');
    expect(renderUpgrade(report, PLAIN_THEME)).toContain('the way back to v1.36.1 has begun and not ended');
  });
});
