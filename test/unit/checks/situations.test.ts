// What `quorate recover` says: one situation for each thing that can happen, with the command that is the way out.
import { beforeAll, describe, expect, it } from 'vitest';
import { situationsOf } from '../../../src/checks/situations.ts';
import type { Survivor } from '../../../src/etcd/survivors.ts';
import type { Observed, ObservedMachine } from '../../../src/observe/observed.ts';
import { absentCluster, healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
let healthy: Observed;

beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

function machine(name: string, change: Partial<ObservedMachine>): ObservedMachine {
  const { facts, ...rest } = healthy.machines[name] as ObservedMachine;
  return { ...rest, ...(facts === undefined ? {} : { facts }), ...change };
}

function bare(name: string, state: ObservedMachine['state']): ObservedMachine {
  return { name, state };
}

/** Without etcd's word, and with some machines changed. */
function silent(...changed: readonly ObservedMachine[]): Observed {
  const { etcd: _etcd, kube: _kube, ...rest } = healthy;
  return with_(rest, changed);
}

function with_(observed: Observed, changed: readonly ObservedMachine[]): Observed {
  return { ...observed, machines: { ...observed.machines, ...Object.fromEntries(changed.map((m) => [m.name, m])) } };
}

function survivor(name: string, more: Partial<Survivor> = {}): Survivor {
  return {
    machine: name,
    id: 'a0',
    leaderId: '0',
    answers: true,
    hasLeader: false,
    raftTerm: 3,
    raftIndex: 100,
    members: [],
    ...more,
  };
}

function emptied(name: string): ObservedMachine {
  const seen = machine(name, {});
  return seen.facts === undefined ? seen : { ...seen, facts: { ...seen.facts, hasEtcdData: false, running: [] } };
}

const commands = (observed: Observed, survivors: readonly Survivor[] = []) =>
  situationsOf(spec, observed, survivors).map(({ id, command }) => [id, command]);

describe('situations', () => {
  it('are none in a healthy cluster, and none before there is one', () => {
    expect(commands(healthy)).toEqual([]);
    expect(commands(absentCluster(spec))).toEqual([]);
  });

  it('machines that are off come back by being switched on', () => {
    const observed = silent(bare('cp2', 'stopped'), bare('cp3', 'stopped'));
    expect(commands(observed, [survivor('cp1')])).toEqual([
      ['quorum-lost-machines-down', 'quorate machine start cp2 cp3'],
    ]);
  });

  it('one survivor of three, the others gone', () => {
    const observed = silent(bare('cp2', 'absent'), bare('cp3', 'absent'));
    expect(commands(observed, [survivor('cp1')])).toEqual([
      ['quorum-lost-for-good', 'quorate recover quorum --survivor cp1 --lost cp2,cp3'],
    ]);
  });

  it('warns when those that are silent may come back', () => {
    const observed = silent(bare('cp2', 'unreachable'), bare('cp3', 'unreachable'));
    const [found] = situationsOf(spec, observed, [survivor('cp1')]);
    expect(found?.id).toBe('quorum-lost-for-good');
    expect(found?.does).toContain('As long as cp2 or cp3 may come back');
  });

  it('every member without data: only a backup helps', () => {
    const observed = silent(emptied('cp1'), emptied('cp2'), bare('cp3', 'absent'));
    expect(commands(observed)).toEqual([['all-control-planes-lost', 'quorate restore latest']]);
  });

  it('data is there and nobody answers: start it', () => {
    expect(commands(silent(), [])).toEqual([['etcd-silent', 'quorate up']]);
  });

  it('a member that lost its data', () => {
    const members = healthy.etcd?.members.map((member) => {
      const { status: _status, ...rest } = member;
      return member.name === 'cp2' ? { ...rest, error: 'does not answer' } : member;
    });
    const observed = with_({ ...healthy, etcd: { alarms: [], members: members ?? [] } }, [emptied('cp2')]);
    expect(commands(observed)).toEqual([['etcd-member-lost', 'quorate etcd member replace cp2']]);
  });

  it('a member that is corrupt although it answers', () => {
    const id = healthy.etcd?.members.find(({ name }) => name === 'cp3')?.id ?? '';
    const observed = {
      ...healthy,
      etcd: { members: healthy.etcd?.members ?? [], alarms: [{ memberId: id, alarm: 'CORRUPT' }] },
    };
    expect(commands(observed)).toEqual([['etcd-member-lost', 'quorate etcd member replace cp3']]);
  });

  it('no space', () => {
    const id = healthy.etcd?.members[0]?.id ?? '';
    const observed = {
      ...healthy,
      etcd: { members: healthy.etcd?.members ?? [], alarms: [{ memberId: id, alarm: 'NOSPACE' }] },
    };
    expect(commands(observed)).toEqual([['etcd-nospace', 'quorate etcd alarms clear']]);
  });

  it('a learner that nobody stands behind is removed, one of ours goes on', () => {
    const stray = { id: 'ff', name: '', peerURLs: ['https://10.9.9.9:2380'], clientURLs: [], isLearner: true };
    const members = healthy.etcd?.members ?? [];
    expect(commands({ ...healthy, etcd: { alarms: [], members: [...members, stray] } })).toEqual([
      ['etcd-stuck-learner', 'quorate etcd member remove ff'],
    ]);
    const own = members.map((member) => (member.name === 'cp3' ? { ...member, isLearner: true } : member));
    expect(commands({ ...healthy, etcd: { alarms: [], members: own } })).toEqual([
      ['etcd-stuck-learner', 'quorate etcd member replace cp3'],
    ]);
  });

  it('one control plane gone while the others serve', () => {
    expect(commands(with_(healthy, [bare('cp2', 'unreachable')]))).toEqual([
      ['control-plane-lost', 'quorate machine replace cp2'],
    ]);
    expect(commands(with_(healthy, [bare('cp2', 'stopped')]))).toEqual([
      ['control-plane-lost', 'quorate machine start cp2'],
    ]);
  });

  it('a recovery that was ended half-way comes before everything else', () => {
    const seen = machine('cp1', {});
    const facts = seen.facts && {
      ...seen.facts,
      files: { ...seen.facts.files, '/etc/quorate/stand-in/cp2.key': { sha256: '', mode: 0o600, mtimeMs: 0 } },
    };
    const held = { ...seen, ...(facts ? { facts } : {}) };
    const observed = with_(healthy, [held, bare('cp2', 'absent'), bare('cp3', 'unreachable')]);
    // A member that is left has data, and is never among the lost.
    expect(commands(with_(healthy, [held, bare('cp2', 'absent')]))).toEqual([
      ['quorum-recovery-unfinished', 'quorate recover quorum --survivor cp1 --lost cp2'],
    ]);
    expect(commands(observed)).toEqual([
      ['quorum-recovery-unfinished', 'quorate recover quorum --survivor cp1 --lost cp2,cp3'],
    ]);
  });
});
