// Changes to machines that serve: upgrades, certificates, labels; and what a killed run has left.
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CORDON_MARK } from '../../../src/kube/cordon.ts';
import { backupFiles } from '../../../src/manifests/backup.ts';
import { announcedRecord, finishedRecord } from '../../../src/manifests/cluster-record.ts';
import { staticPodFiles } from '../../../src/manifests/node-files.ts';
import { LAST_GOOD_MARK } from '../../../src/manifests/paths.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { bootstrapOf } from '../../../src/phases/files/node-groups.ts';
import { prepareMachines } from '../../../src/phases/prepare-machines.ts';
import { rollWorkers } from '../../../src/phases/roll-workers.ts';
import type { ClusterSpec, MachineSpec } from '../../../src/spec/types.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { facing, ledBy, outline, planned, screen, withFacts, withNode } from './scenario.ts';

const spec = makeSpec();
const before = makeSpec({ overrides: { kubernetesVersion: 'v1.36.1' } });
let healthy: Observed;
let old: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
  old = await healthyCluster(before);
});

const of = (phase: string, lines: readonly string[]) =>
  lines.filter((line) => line.startsWith(`${phase}: `)).map((line) => line.slice(phase.length + 2));
const changing = (name: string, fields: Partial<MachineSpec>): ClusterSpec => ({
  ...spec,
  machines: spec.machines.map((machine) => (machine.name === name ? { ...machine, ...fields } : machine)),
});
const withRecord = (observed: Observed, of: ClusterSpec): Observed => ({
  ...observed,
  kube: { ...(observed.kube ?? expect.fail('answers')), record: finishedRecord(of, undefined) },
});

describe('an upgrade', () => {
  it('as people read it', async () => {
    await expect(screen(spec, ledBy(old, 'cp2'))).toMatchFileSnapshot('../../golden/plan/upgrade.txt');
  });

  it('saves a snapshot first, then goes machine by machine, the leader last, workers after the control plane', () => {
    const lines = outline(spec, ledBy(old, 'cp2'));
    expect(of('roll-control-planes', lines)).toEqual(['snapshot', 'cp1/roll', 'cp3/roll', 'cp2/roll']);
    expect(of('roll-workers', lines)).toEqual(['w1/roll', 'w2/roll']);
    expect(lines.indexOf('roll-workers: w1/roll')).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith('form-cluster')),
    );
    expect(lines.indexOf('roll-control-planes: cp2/roll')).toBeLessThan(
      lines.findIndex((line) => line.startsWith('form-cluster')),
    );
  });

  it('brings images beforehand, and touches no program of a machine that runs', () => {
    const lines = outline(spec, old);
    expect(of('prepare-machines', lines)).toEqual(spec.machines.map(({ name }) => `${name}/images`));
    expect(of('form-cluster', lines)).not.toContainEqual(expect.stringContaining('/kubelet'));
  });

  it('passes every control plane through the gate, and no worker', () => {
    const steps = planned(spec, old).filter(({ id }) => id.endsWith('/roll'));
    expect(steps.map(({ machine, quorum }) => [machine, quorum])).toEqual([
      ...['cp2', 'cp3', 'cp1'].map((name) => [name, '3 voters, 1 planned down, tolerance left 0']),
      ['w1', undefined],
      ['w2', undefined],
    ]);
    expect(steps.every(({ title }) => title === 'go from v1.36.1 to v1.36.3')).toBe(true);
    expect(steps[0]?.details).toContain('install kubelet, kubectl, kubeadm: v1.36.1 to v1.36.3');
  });

  it('that was ended goes on with those that are left, and keeps its announcement', () => {
    const kube = old.kube ?? expect.fail('answers');
    const record = announcedRecord(spec, kube.record ?? expect.fail('is there'), [], 0);
    // cp2 is through: programs, images, static pods and what its backups say are those of the new version.
    const cp2 = spec.machines.find(({ name }) => name === 'cp2') ?? expect.fail('is there');
    const done = withFacts(old, 'cp2', (facts) => {
      const bootstrap = bootstrapOf({ spec, observed: old, machine: cp2, facts });
      const written = [...staticPodFiles(spec, cp2, facts, bootstrap), ...backupFiles(spec, cp2)];
      const files = written.map(({ path, content, mode }) => {
        const sha256 = createHash('sha256').update(content).digest('hex');
        return [path, { sha256, mode, mtimeMs: 0 }] as const;
      });
      const { binaries = {}, images = [] } = healthy.machines.cp2?.facts ?? {};
      return { files: { ...facts.files, ...Object.fromEntries(files) }, binaries, images };
    });
    const half = withNode(done, 'cp2', { version: 'v1.36.3' });
    const lines = outline(spec, { ...half, kube: { ...(half.kube ?? kube), record } });
    expect(lines).not.toContain('announce-change: record');
    expect(of('roll-control-planes', lines)).toEqual(['snapshot', 'cp3/roll', 'cp1/roll']);
    expect(lines.at(-1)).toBe('finish-change: record');
  });

  it('back to the patch release before is planned alike', () => {
    const lines = outline(before, healthy);
    expect(of('roll-control-planes', lines)).toEqual(['snapshot', 'cp2/roll', 'cp3/roll', 'cp1/roll']);
  });

  it('of many workers takes a tenth of them at a time', () => {
    const many = makeSpec({ workers: 21 });
    const facts = healthy.machines.w1?.facts ?? expect.fail('answers');
    const kube = healthy.kube ?? expect.fail('answers');
    const workers = many.machines.filter(({ role }) => role === 'worker');
    const observed: Observed = {
      ...healthy,
      machines: Object.fromEntries(
        workers.map(({ name }) => [name, { name, state: 'running', facts: { ...facts, binaries: {} } }]),
      ),
      kube: {
        ...kube,
        nodes: workers.flatMap(({ name }) => kube.nodes.filter((n) => n.name === 'w1').map((n) => ({ ...n, name }))),
      },
    };
    const lanes = rollWorkers.plan(many, observed).map(({ lane }) => lane);
    expect(lanes).toHaveLength(21);
    expect(new Set(lanes)).toEqual(new Set(['batch-0', 'batch-1']));
  });
});

describe('a run that was killed while it waited for a machine to be good', () => {
  const mark = { sha256: '', mode: 0o600, mtimeMs: 0 };
  const unknown = (name: string) =>
    withFacts(healthy, name, ({ files }) => ({ files: { ...files, [LAST_GOOD_MARK]: mark } }));

  it('is continued: the machine is seen to be good, or put back, through the gate', () => {
    const [step, ...others] = planned(spec, unknown('cp2'));
    expect(others).toEqual([]);
    expect(step).toMatchObject({
      id: 'cp2/roll',
      disruptive: true,
      title: 'see that it is good after its last change',
      why: 'a run was ended before it was known to be good',
    });
    expect(outline(spec, unknown('w1'))).toEqual(['roll-workers: w1/roll']);
  });
});

describe('a machine that an ended run has begun', () => {
  it('comes before all others: as long as it is planned down, the gate lets no other go', () => {
    const begun = withNode(ledBy(old, 'cp3'), 'cp3', { schedulable: false, cordonedFor: CORDON_MARK });
    const rolls = of('roll-control-planes', outline(spec, begun));
    expect(rolls).toEqual(['snapshot', 'cp3/roll', 'cp1/roll', 'cp2/roll']);
  });
});

describe('a worker whose kubelet crashes', () => {
  it('keeps its programs until the control plane is through', () => {
    const state = { active: false, enabled: true, activeSinceMs: 0, state: 'activating' };
    const crashing = withFacts(old, 'w1', ({ units }) => ({ units: { ...units, 'kubelet.service': state } }));
    const lines = outline(spec, crashing);
    expect(lines).not.toContain('prepare-machines: w1/binaries');
    expect(lines.indexOf('form-cluster: w1/binaries')).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith('roll-control-planes')),
    );
  });
});

describe('a cluster whose etcd has machines of its own', () => {
  const external = makeSpec({ etcdMachines: 3 });

  it('needs nothing when it is as specified', async () => {
    expect(outline(external, await healthyCluster(external))).toEqual([]);
  });

  it('is upgraded members first, their leader last, and API servers pass the gate too', async () => {
    const observed = ledBy(await healthyCluster({ ...external, kubernetesVersion: 'v1.36.1' }), 'etcd1');
    const steps = planned(external, observed).filter(({ phase }) => phase === 'roll-control-planes');
    expect(steps.map(({ id, disruptive }) => `${id} ${disruptive}`)).toEqual([
      'snapshot false',
      'etcd2/roll true',
      'etcd3/roll true',
      'etcd1/roll true',
      'cp1/roll true',
      'cp2/roll true',
      'cp3/roll true',
    ]);
  });
});

describe('another name in the certificates', () => {
  it('renews one control plane after the other, outside the gate', () => {
    const named = { ...spec, certSANs: [...spec.certSANs, 'k8s.example.com'] };
    const steps = planned(named, healthy).filter(({ phase }) => phase === 'prepare-machines');
    expect(steps.map(({ id, why }) => `${id}: ${why}`)).toEqual(
      ['cp1', 'cp2', 'cp3'].map((name) => `${name}/certificates: not valid for k8s.example.com`),
    );
    expect(steps.some(({ disruptive }) => disruptive)).toBe(false);
  });

  it('is in one lane, so that a wrong one meets one machine first', () => {
    const named = { ...spec, certSANs: [...spec.certSANs, 'k8s.example.com'] };
    const lanes = prepareMachines.plan(named, healthy).map(({ lane }) => lane);
    expect(new Set(lanes)).toEqual(new Set(['one-at-a-time']));
  });
});

describe('labels and taints', () => {
  const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' as const };
  const marked = changing('w1', { labels: { disk: 'ssd' }, taints: [taint] });

  it('that are new are put on the node', () => {
    const step = planned(marked, healthy).find(({ id }) => id === 'w1/labels');
    expect(step?.why).toBe('missing: disk, gpu:NoSchedule');
  });

  it('that were dropped from cluster.yaml are taken off, as the record knows them', () => {
    const node = healthy.kube?.nodes.find(({ name }) => name === 'w1') ?? expect.fail('is there');
    const observed = withRecord(
      withNode(healthy, 'w1', { labels: { ...node.labels, disk: 'ssd' }, taints: [...node.taints, taint] }),
      marked,
    );
    expect(planned(spec, observed).filter(({ phase }) => phase === 'finish-change')).toMatchObject([
      { id: 'w1/unmark', title: 'take off the node: disk, gpu:NoSchedule', why: 'dropped from cluster.yaml' },
      { id: 'record', why: 'it says what was before' },
    ]);
  });

  it('that somebody else has set stay', () => {
    const node = healthy.kube?.nodes.find(({ name }) => name === 'w1') ?? expect.fail('is there');
    expect(outline(spec, withNode(healthy, 'w1', { labels: { ...node.labels, theirs: 'x' } }))).toEqual([]);
  });
});

describe('what a killed run has left', () => {
  it('on a control plane: out of the load balancers and cordoned by quorate', () => {
    const drained = withFacts(healthy, 'cp1', () => ({ backends: { cp1: 'UP', cp2: 'DRAIN', cp3: 'UP' } }));
    const observed = withNode(drained, 'cp2', { schedulable: false, cordonedFor: CORDON_MARK });
    expect(planned(spec, observed)).toMatchObject([
      { id: 'cp2/rotation', title: 'let the load balancers use its API server again' },
      { id: 'cp2/uncordon', title: 'let pods onto the node again' },
    ]);
  });

  it.each(['DRAIN', 'MAINT', 'no check', 'DRAIN (agent)'])('in a balancer that says %s', (state) => {
    const observed = withFacts(healthy, 'cp3', () => ({ backends: { cp1: state, cp2: 'UP', cp3: 'UP' } }));
    expect(outline(spec, observed)).toEqual(['roll-control-planes: cp1/rotation']);
  });

  it.each(['UP', 'DOWN', 'UP 1/2', 'L7TOUT'])('nothing in a balancer that says %s', (state) => {
    const observed = withFacts(healthy, 'cp3', () => ({ backends: { cp1: state, cp2: 'UP', cp3: 'UP' } }));
    expect(outline(spec, observed)).toEqual([]);
  });

  it('on a worker that quorate has cordoned', () => {
    const observed = withNode(healthy, 'w1', { schedulable: false, cordonedFor: CORDON_MARK });
    expect(outline(spec, observed)).toEqual(['roll-workers: w1/uncordon']);
  });

  it.each(['cp1', 'w1'])('nothing on %s, which its owner has cordoned', (name) => {
    expect(outline(spec, withNode(healthy, name, { schedulable: false }))).toEqual([]);
  });

  it('is undone by the change itself on a machine that still has one before it', () => {
    const observed = withNode(old, 'cp2', { schedulable: false, cordonedFor: CORDON_MARK });
    expect(of('roll-control-planes', outline(spec, observed))).toEqual([
      'snapshot',
      'cp2/roll',
      'cp3/roll',
      'cp1/roll',
    ]);
  });

  it('a machine that has left and is in the record still', () => {
    const smaller = makeSpec({ workers: 1 });
    const { w2: _gone, ...machines } = healthy.machines;
    const kube = healthy.kube ?? expect.fail('answers');
    const gone: Observed = {
      ...healthy,
      machines: { ...machines, w2: { name: 'w2', state: 'absent' } },
      kube: { ...kube, nodes: kube.nodes.filter(({ name }) => name !== 'w2') },
    };
    const lines = outline(smaller, facing(smaller, gone));
    expect(lines.filter((line) => line.includes('w2'))).toEqual([]);
    expect(lines.at(-1)).toBe('finish-change: record');
  });
});
