// What the verbs of etcd plan: who is taken, in which order, what the gate says, and what is refused before anything runs.
import { beforeAll, describe, expect, it } from 'vitest';
import { makePlan, planReport } from '../../../src/engine/plan.ts';
import type { ObservedMember } from '../../../src/etcd/types.ts';
import { API_SERVER_MANIFEST, ETCD_MANIFEST } from '../../../src/manifests/paths.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { spareDecision } from '../../../src/phases/change/defrag-member.ts';
import { chooseLeader, moveLeaderPhase, removeMemberPhase } from '../../../src/phases/change-members.ts';
import { chooseToDefrag, clearAlarmsPhase, compactionTarget, defragPhase } from '../../../src/phases/maintain-etcd.ts';
import { replaceMember, withoutMember } from '../../../src/phases/replace-member.ts';
import type { Phase } from '../../../src/phases/step.ts';
import { etcdReport, memberList } from '../../../src/report/etcd.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { ledBy, outline, withDead, withFacts, withMembers } from './scenario.ts';

const spec = makeSpec();
const external = makeSpec({ etcdMachines: 3 });
const GIB = 1024 ** 3;
const LEARNER: ObservedMember = {
  id: 'fe',
  name: '',
  peerURLs: ['https://10.88.0.99:2380'],
  clientURLs: [],
  isLearner: true,
  error: 'does not answer',
};
let healthy: Observed;
let healthyExternal: Observed;

beforeAll(async () => {
  [healthy, healthyExternal] = await Promise.all([healthyCluster(spec), healthyCluster(external)]);
});

const ids = (phase: Phase, observed: Observed, of = spec) => phase.plan(of, observed).map(({ id }) => id);
const silent = (name: string, observed: Observed) =>
  withMembers(observed, ({ status, ...member }) =>
    member.name === name || status === undefined ? member : { ...member, status },
  );
const sized = (observed: Observed, change: (name: string) => { size: number; used: number }) =>
  withMembers(observed, (member) => {
    const { size, used } = change(member.name);
    return member.status ? { ...member, status: { ...member.status, dbSizeBytes: size, dbInUseBytes: used } } : member;
  });
const alarmed = (observed: Observed, ...alarms: { memberId: string; alarm: string }[]): Observed => ({
  ...observed,
  etcd: { members: observed.etcd?.members ?? [], alarms },
});

describe('defrag', () => {
  it('takes followers first and the leader last, whichever leads', () => {
    for (const leader of ['cp1', 'cp2', 'cp3']) {
      const order = ids(
        defragPhase([], true, () => {}),
        ledBy(healthy, leader),
      );
      expect(order).toHaveLength(3);
      expect(order.at(-1)).toBe(`${leader}/defragment`);
    }
  });

  it('leaves alone what is small, down, a learner or a stranger, and says why', () => {
    const mixed = withMembers(
      sized(silent('cp3', healthy), (name) => ({ size: name === 'cp2' ? GIB : GIB / 100, used: GIB / 100 })),
      (member) => member,
      [LEARNER],
    );
    const { machines, skipped } = chooseToDefrag(spec, mixed, [], false);
    expect(machines.map(({ name }) => name)).toEqual(['cp2']);
    expect(Object.fromEntries(skipped.map(({ name, reason }) => [name, reason]))).toEqual({
      cp1: 'its file is smaller than 100 MiB',
      cp3: 'it does not answer',
      fe: 'its machine is not in cluster.yaml',
    });
    expect(chooseToDefrag(spec, mixed, [], true).machines.map(({ name }) => name)).toEqual(['cp2', 'cp1']);
  });

  it('takes a member that is named twice once, and none that is not there', () => {
    expect(chooseToDefrag(spec, healthy, ['cp2', 'a1'], true).machines.map(({ name }) => name)).toEqual(['cp2']);
    expect(() => chooseToDefrag(spec, healthy, ['cp9'], true)).toThrowError(
      expect.objectContaining({
        code: 'ETCD_MEMBER_NOT_FOUND',
        message: 'etcd has no member cp9; it has cp1, cp2, cp3',
      }),
    );
  });

  it('is weighed by the gate, member for member', () => {
    const phase = defragPhase([], true, () => {});
    const report = planReport(spec, healthy, makePlan(spec, healthy, [phase]));
    expect(report.phases[0]?.steps.map(({ machine, quorum }) => `${machine}: ${quorum}`)).toEqual([
      'cp2: 3 voters, 1 planned down, tolerance left 0',
      'cp3: 3 voters, 1 planned down, tolerance left 0',
      'cp1: 3 voters, 1 planned down, tolerance left 0',
    ]);
  });
});

describe('sparing a member for a moment', () => {
  const decide = (observed: Observed) =>
    spareDecision(observed.etcd ?? expect.fail('answers'), spec.machines[1]?.address ?? '');

  it('takes two others that take part', () => {
    expect(decide(healthy)).toMatchObject({ allowed: true });
    expect(decide(silent('cp3', healthy))).toMatchObject({ allowed: false });
    expect(decide(alarmed(healthy, { memberId: 'a2', alarm: 'CORRUPT' }))).toMatchObject({ allowed: false });
    expect(decide(alarmed(healthy, { memberId: 'a2', alarm: 'NOSPACE' }))).toMatchObject({ allowed: true });
  });

  it('never counts silence as being down already', () => {
    expect(decide(silent('cp2', healthy))).toEqual({ allowed: false, reason: 'it does not answer' });
    const mute = withMembers(healthy, ({ status: _status, ...member }) => member);
    expect(decide(mute)).toMatchObject({ allowed: false });
  });
});

describe('compact', () => {
  it('goes to the newest revision that any member has, but for what is kept', () => {
    const at = (revisions: Record<string, number>) =>
      withMembers(healthy, (member) =>
        member.status ? { ...member, status: { ...member.status, revision: revisions[member.name] ?? 0 } } : member,
      );
    expect(compactionTarget(at({ cp1: 5000, cp2: 5003, cp3: 4990 }), 1000)).toBe(4003);
    expect(compactionTarget(at({ cp1: 1000 }), 1000)).toBeUndefined();
    expect(compactionTarget(at({ cp1: 1001 }), 1000)).toBe(1);
    const { etcd: _etcd, ...none } = healthy;
    expect(compactionTarget(none, 0)).toBeUndefined();
  });
});

describe('alarms clear', () => {
  const phase = clearAlarmsPhase({ compacted: () => {}, defragmented: () => {} });
  const grown = () =>
    withMembers(healthy, (member) =>
      member.status ? { ...member, status: { ...member.status, revision: 99 } } : member,
    );

  it('has nothing to do where there are none', () => {
    expect(ids(phase, healthy)).toEqual([]);
  });

  it('for NOSPACE compacts, defragments every member, and only then takes it back', () => {
    expect(ids(phase, alarmed(grown(), { memberId: 'a1', alarm: 'NOSPACE' }))).toEqual([
      'compact',
      'cp2/defragment',
      'cp3/defragment',
      'cp1/defragment',
      'disarm',
    ]);
  });

  it('never takes CORRUPT of a living member back, whatever else is raised', () => {
    const both = alarmed(grown(), { memberId: 'a0', alarm: 'NOSPACE' }, { memberId: 'a2', alarm: 'CORRUPT' });
    expect(() => phase.plan(spec, both)).toThrowError(
      expect.objectContaining({
        code: 'ETCD_ALARMED',
        hint: 'give it new data: quorate etcd member replace cp3',
      }),
    );
  });

  it('takes CORRUPT of a member that has left back, and leaves the files alone', () => {
    expect(ids(phase, alarmed(grown(), { memberId: 'dead', alarm: 'CORRUPT' }))).toEqual(['disarm']);
  });
});

describe('move-leader', () => {
  const applied = (indexes: Record<string, number>, errors: Record<string, string[]> = {}) =>
    withMembers(healthy, (member) =>
      member.status
        ? {
            ...member,
            status: {
              ...member.status,
              raftAppliedIndex: indexes[member.name] ?? 0,
              errors: errors[member.name] ?? [],
            },
          }
        : member,
    );

  it('chooses the follower that has the most of the log', () => {
    expect(chooseLeader(spec, applied({ cp1: 9, cp2: 7, cp3: 8 })).name).toBe('cp3');
  });

  it('rather chooses one that is behind than one with errors or an alarm', () => {
    expect(chooseLeader(spec, applied({ cp2: 7, cp3: 8 }, { cp3: ['NOSPACE'] })).name).toBe('cp2');
    expect(chooseLeader(spec, alarmed(applied({ cp2: 7, cp3: 8 }), { memberId: 'a2', alarm: 'CORRUPT' })).name).toBe(
      'cp2',
    );
  });

  it('refuses who cannot lead', () => {
    const learning = withMembers(silent('cp2', healthy), (member) => member, [LEARNER]);
    for (const word of ['cp2', 'fe'])
      expect(() => chooseLeader(spec, learning, word)).toThrowError(
        expect.objectContaining({ code: 'ETCD_UNAVAILABLE' }),
      );
  });

  it('is done once it is done: planned again it moves on to nobody', () => {
    const phase = moveLeaderPhase();
    const first = ledBy(healthy, 'cp1');
    expect(phase.plan(spec, first).map(({ title }) => title)).toEqual(['hand the leadership over from cp1 to cp2']);
    expect(phase.plan(spec, ledBy(healthy, 'cp2'))).toEqual([]);
    expect(moveLeaderPhase('cp1').plan(spec, first)).toEqual([]);
  });
});

describe('member remove', () => {
  it('refuses a voter that cluster.yaml names, with the ways out', () => {
    expect(() => removeMemberPhase('cp2', false).plan(spec, healthy)).toThrowError(
      expect.objectContaining({
        code: 'ETCD_MEMBER_IN_USE',
        hint: expect.stringContaining('quorate etcd member replace cp2'),
      }),
    );
  });

  it('takes it with --force, weighed by the gate', () => {
    const phase = removeMemberPhase('cp2', true);
    const report = planReport(spec, healthy, makePlan(spec, healthy, [phase]));
    expect(report.phases[0]?.steps.map(({ quorum }) => quorum)).toEqual([
      '3 voters, 2 after removing cp2; 2 voters, tolerance left 0',
    ]);
  });

  it.each(['fe', '10.88.0.99'])('takes a learner that never started, called %s, once', (word) => {
    const stuck = withMembers(healthy, (member) => member, [LEARNER]);
    const phase = removeMemberPhase(word, false);
    expect(ids(phase, stuck)).toEqual(['fe/remove']);
    expect(phase.plan(spec, healthy)).toEqual([]);
  });

  it('takes a learner of a machine that cluster.yaml names, too', () => {
    const learner = withMembers(healthy, (member) => (member.name === 'cp3' ? { ...member, isLearner: true } : member));
    expect(ids(removeMemberPhase('cp3', false), learner)).toEqual(['cp3/remove']);
  });
});

describe('member replace', () => {
  const first = replaceMember('cp2');

  it('stops the API server, removes the member through the gate, and moves its data aside', () => {
    expect(ids(first, healthy)).toEqual(['cp2/stop-api', 'cp2/leave-etcd', 'cp2/set-aside']);
    expect(first.plan(spec, healthy)[1]?.disruption).toEqual({ machine: 'cp2', kind: 'remove' });
  });

  it('is followed by a new member, and by nothing else', () => {
    expect(outline(spec, withoutMember(spec, healthy, 'cp2'))).toEqual([
      'join-control-planes: cp2/member',
      'join-control-planes: cp2/control-plane',
    ]);
  });

  it('goes on where a run was killed', () => {
    const stopped = withFacts(healthy, 'cp2', ({ files }) => ({
      files: Object.fromEntries(Object.entries(files).filter(([path]) => path !== API_SERVER_MANIFEST)),
      running: ['etcd'],
    }));
    expect(ids(first, stopped)).toEqual(['cp2/leave-etcd', 'cp2/set-aside']);
    const left: Observed = {
      ...stopped,
      etcd: { alarms: [], members: stopped.etcd?.members.filter(({ name }) => name !== 'cp2') ?? [] },
    };
    expect(ids(first, left)).toEqual(['cp2/set-aside']);
    const emptied = withFacts(left, 'cp2', ({ files }) => ({
      files: Object.fromEntries(Object.entries(files).filter(([path]) => path !== ETCD_MANIFEST)),
      running: [],
      hasEtcdData: false,
    }));
    expect(ids(first, emptied)).toEqual([]);
    expect(outline(spec, emptied)).toContain('join-control-planes: cp2/member');
  });

  it('on a machine of etcd alone touches no API server', () => {
    expect(ids(replaceMember('etcd2'), healthyExternal, external)).toEqual(['etcd2/leave-etcd', 'etcd2/set-aside']);
    expect(outline(external, withoutMember(external, healthyExternal, 'etcd2'))).toEqual([
      'join-control-planes: etcd2/member',
    ]);
  });

  it('is what is proposed where data is lost, and a new machine where that is gone too', () => {
    const lost = withFacts(silent('cp2', healthy), 'cp2', () => ({ hasEtcdData: false }));
    expect(() => outline(spec, lost)).toThrowError(
      expect.objectContaining({ hint: expect.stringContaining('quorate etcd member replace cp2') }),
    );
    const dead = withDead(healthy, 'cp2');
    const absent = { ...dead, machines: { ...dead.machines, cp2: { name: 'cp2', state: 'absent' as const } } };
    expect(() => outline(spec, absent)).toThrowError(
      expect.objectContaining({ hint: expect.stringContaining('quorate machine replace cp2') }),
    );
  });
});

describe('the report', () => {
  it('tells holes, quota, lag, and what does not answer', () => {
    const { members = [] } = sized(silent('cp3', healthy), () => ({ size: 4 * GIB, used: GIB })).etcd ?? {};
    const report = etcdReport(spec, { members: [...members, LEARNER], alarms: [{ memberId: 'ff', alarm: 'CORRUPT' }] });
    expect(report.members.map(({ name, role }) => `${name} ${role}`)).toEqual([
      '(never started, 10.88.0.99) down',
      'cp1 leader',
      'cp2 follower',
      'cp3 down',
    ]);
    expect(report.members[1]).toMatchObject({ fragmentation: 0.75, quotaUsed: 0.5, appliedLag: 0, machine: 'cp1' });
    expect(report.quorum).toMatchObject({ voters: 3, up: 2, needed: 2, survives: 0 });
    expect(report.alarms).toEqual([{ memberId: 'ff', alarm: 'CORRUPT' }]);
  });

  it('says which member has no machine in cluster.yaml', () => {
    const stuck = withMembers(healthy, (member) => member, [LEARNER]);
    const list = memberList(spec, stuck.etcd ?? expect.fail('answers'));
    expect(list.find(({ id }) => id === 'fe')).toMatchObject({ hasStarted: false, isLearner: true });
    expect(list.filter(({ machine }) => machine === undefined).map(({ id }) => id)).toEqual(['fe']);
  });
});
