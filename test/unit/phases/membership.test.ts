// Where a machine stands, for every combination that an observation can show.
import { beforeAll, describe, expect, it } from 'vitest';
import type { ObservedMember } from '../../../src/etcd/types.ts';
import { FORMED_PATH } from '../../../src/manifests/paths.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { bootstrapOf } from '../../../src/phases/files/node-groups.ts';
import {
  type ClusterLife,
  clusterLife,
  hasFormed,
  leaderLast,
  memberOf,
  memberStage,
  planeStage,
  type Stage,
} from '../../../src/phases/membership.ts';
import { startControlPlane } from '../../../src/phases/start-control-plane.ts';
import { type ClusterSpec, controlPlanes } from '../../../src/spec/types.ts';
import { absentCluster, healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { ledBy, withFacts, withMembers } from './scenario.ts';

const spec = makeSpec({ workers: 0 });
const cp2 = spec.machines.find(({ name }) => name === 'cp2') ?? expect.fail('is there');
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

/** What is known of cp2's member. */
type Member = 'voter' | 'silent' | 'configured' | 'learner' | 'none';
/** What is known of its machine. */
type Disk = 'absent' | 'unreachable' | 'data' | 'empty';

const MEMBERS: Record<Member, (member: ObservedMember) => ObservedMember | undefined> = {
  voter: (member) => member,
  silent: ({ status: _gone, ...member }) => member,
  configured: ({ status: _gone, ...member }) => ({ ...member, name: '', clientURLs: [] }),
  learner: (member) => ({ ...member, isLearner: true }),
  none: () => undefined,
};

function seen(life: ClusterLife, disk: Disk, member: Member, formed = life === 'living' || life === 'down'): Observed {
  const members = (healthy.etcd?.members ?? []).flatMap((one) =>
    one.name === 'cp2' ? (MEMBERS[member](one) ?? []) : [one],
  );
  const { etcd: _etcd, ...rest } = healthy;
  let observed: Observed = life === 'living' ? { ...rest, etcd: { alarms: [], members } } : rest;
  for (const { name } of spec.machines) {
    const hasEtcdData = (life === 'living' || life === 'down') && (name !== 'cp2' || disk === 'data');
    const isUp = life === 'living' && (name !== 'cp2' || member === 'voter');
    observed = withFacts(observed, name, ({ files }) => ({
      hasEtcdData,
      running: isUp ? ['etcd', 'kube-apiserver'] : [],
      files: formed ? files : Object.fromEntries(Object.entries(files).filter(([path]) => path !== FORMED_PATH)),
    }));
  }
  if (disk === 'data' || disk === 'empty') return observed;
  return { ...observed, machines: { ...observed.machines, cp2: { name: 'cp2', state: disk } } };
}

describe('the stage of a member', () => {
  it.each<[life: ClusterLife, disk: Disk, member: Member, stage: Stage]>([
    // Nothing holds data: all begin together.
    ['new', 'absent', 'none', 'start'],
    ['new', 'empty', 'none', 'start'],
    ['new', 'unreachable', 'none', 'waiting'],
    // Nobody shows anything, and one cannot be asked: it may hold all there is.
    ['unknown', 'unreachable', 'none', 'waiting'],
    // There is data and no quorum: who has data is started; who has none could only do harm.
    ['down', 'data', 'none', 'start'],
    ['down', 'empty', 'none', 'waiting'],
    ['down', 'absent', 'none', 'waiting'],
    ['down', 'unreachable', 'none', 'waiting'],
    // etcd answers.
    ['living', 'data', 'voter', 'running'],
    ['living', 'empty', 'voter', 'running'],
    ['living', 'data', 'silent', 'start'],
    ['living', 'empty', 'silent', 'lost'],
    ['living', 'absent', 'silent', 'lost'],
    ['living', 'empty', 'configured', 'start'],
    ['living', 'absent', 'configured', 'start'],
    ['living', 'empty', 'none', 'join'],
    ['living', 'absent', 'none', 'join'],
    ['living', 'data', 'learner', 'join'],
    ['living', 'empty', 'learner', 'join'],
    ['living', 'unreachable', 'voter', 'waiting'],
    ['living', 'unreachable', 'none', 'waiting'],
  ])('%s etcd, machine %s, member %s: %s', (life, disk, member, stage) => {
    expect(memberStage(spec, seen(life, disk, member), cp2)).toBe(stage);
    expect(planeStage(spec, seen(life, disk, member), cp2)).toBe(stage);
  });

  it("begins nothing beside a machine that does not answer: a second cluster would take the first one's place", () => {
    const observed = seen('unknown', 'unreachable', 'none');
    const cp1 = spec.machines.find(({ name }) => name === 'cp1') ?? expect.fail('is there');
    expect(clusterLife(spec, observed)).toBe('unknown');
    expect(memberStage(spec, observed, cp1)).toBe('waiting');
    expect(() => startControlPlane.plan(spec, observed)).toThrow('cp2: no answer, so nobody can tell');
  });

  it('begins nothing where a cluster has been and every disk is empty', () => {
    const observed = seen('new', 'empty', 'none', true);
    expect(clusterLife(spec, observed)).toBe('down');
    expect(() => startControlPlane.plan(spec, observed)).toThrow('no machine has any data of etcd left');
  });

  it('is start for an empty disk beside data as long as the cluster has never been whole', () => {
    const observed = seen('down', 'empty', 'none', false);
    expect(hasFormed(spec, observed)).toBe(false);
    expect(memberStage(spec, observed, cp2)).toBe('start');
  });
});

describe('a process that runs and does not answer', () => {
  const busy = (life: ClusterLife) =>
    withFacts(seen(life, 'data', 'silent'), 'cp2', () => ({ running: ['etcd', 'kube-apiserver'] }));

  it('is rolled through the gate in a living cluster, never started beside others', () => {
    expect(memberStage(spec, busy('living'), cp2)).toBe('running');
  });

  it('is let be while nobody answers: it may be electing a leader with the others', () => {
    expect(memberStage(spec, busy('down'), cp2)).toBe('waiting');
  });
});

describe('the life of the cluster', () => {
  it('is told by etcd and by what lies on disks', () => {
    expect(clusterLife(spec, healthy)).toBe('living');
    expect(clusterLife(spec, seen('down', 'data', 'none'))).toBe('down');
    expect(clusterLife(spec, absentCluster(spec))).toBe('new');
  });
});

describe('a control plane without a member of its own', () => {
  const external = makeSpec({ etcdMachines: 3, workers: 0 });
  const plane = controlPlanes(external)[0] ?? expect.fail('is there');

  it('runs while its API server is a process, else it is started', async () => {
    const observed = await healthyCluster(external);
    expect(planeStage(external, observed, plane)).toBe('running');
    expect(planeStage(external, { ...observed, apiServers: [] }, plane)).toBe('running');
    const ended = withFacts(observed, plane.name, () => ({ running: [] }));
    expect(planeStage(external, ended, plane)).toBe('start');
    const machines = { ...observed.machines, cp1: { name: 'cp1', state: 'unreachable' as const } };
    expect(planeStage(external, { ...observed, machines }, plane)).toBe('waiting');
    expect(planeStage(external, absentCluster(external), plane)).toBe('start');
  });
});

describe('members and machines', () => {
  it('belong together by the peer URL, and only then by name', () => {
    const unnamed = withMembers(healthy, (member) => ({ ...member, name: '' }));
    expect(memberOf(unnamed, cp2)?.id).toBe('a1');
    const elsewhere = withMembers(healthy, (member) =>
      member.name === 'cp2' ? { ...member, peerURLs: ['https://10.99.0.1:2380'] } : member,
    );
    expect(memberOf(elsewhere, cp2)?.id).toBe('a1');
    expect(memberOf(healthy, { name: 'cp9', address: '10.88.0.1' })).toBeUndefined();
  });

  it('come with the leader last', () => {
    const names = (observed: Observed) => leaderLast(observed, spec.machines).map(({ name }) => name);
    expect(names(healthy)).toEqual(['cp2', 'cp3', 'cp1']);
    expect(names(ledBy(healthy, 'cp3'))).toEqual(['cp1', 'cp2', 'cp3']);
    expect(names(absentCluster(spec))).toEqual(['cp1', 'cp2', 'cp3']);
  });
});

describe('how a member begins', () => {
  const five: ClusterSpec = makeSpec({ controlPlanes: 5, workers: 0 });
  const bootstrap = (of: ClusterSpec, observed: Observed, name: string) => {
    const machine = of.machines.find((candidate) => candidate.name === name) ?? expect.fail(name);
    return bootstrapOf({ spec: of, observed, machine, facts: observed.machines[name]?.facts ?? expect.fail(name) });
  };

  it('keeps the words that it began with, however the cluster has grown', () => {
    expect(bootstrap(five, healthy, 'cp1')).toEqual(bootstrap(spec, healthy, 'cp1'));
    const joined = { 'initial-cluster': 'cp1=https://10.88.0.11:2380', 'initial-cluster-state': 'existing' };
    const observed = withFacts(healthy, 'cp2', () => ({ etcdFlags: joined }));
    expect(bootstrap(five, observed, 'cp2')).toEqual({
      etcdToken: '',
      initialClusterState: 'existing',
      initialCluster: 'cp1=https://10.88.0.11:2380',
    });
  });

  it('goes on with the words of the others when the first start was interrupted', () => {
    const observed = withFacts(seen('new', 'empty', 'none'), 'cp2', () => ({ etcdFlags: {} }));
    expect(bootstrap(spec, observed, 'cp2')).toEqual(bootstrap(spec, healthy, 'cp1'));
  });

  it('names every machine that carries etcd when it is the first', () => {
    const observed = ['cp1', 'cp2', 'cp3'].reduce(
      (before, name) => withFacts(before, name, () => ({ etcdFlags: {} })),
      seen('new', 'empty', 'none'),
    );
    expect(bootstrap(spec, observed, 'cp2')).toMatchObject({
      initialClusterState: 'new',
      initialCluster: 'cp1=https://10.88.0.11:2380,cp2=https://10.88.0.12:2380,cp3=https://10.88.0.13:2380',
    });
  });
});
