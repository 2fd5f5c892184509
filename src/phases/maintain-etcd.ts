// Space in etcd as phases: beside those of every change, for `quorate etcd defrag`, `compact` and `alarms clear`.
import { QuorateError } from '../core/errors.ts';
import { readEtcd } from '../etcd/etcdctl.ts';
import { checkWrite, compactTo, disarm } from '../etcd/maintenance.ts';
import { findMember, isMemberAt, memberName } from '../etcd/members.ts';
import { whyNotDefragment } from '../etcd/space.ts';
import type { ObservedMember } from '../etcd/types.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { type Defragmented, defragMember } from './change/defrag-member.ts';
import { voterMachine } from './change/living-member.ts';
import { leaderLast } from './membership.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';

/** A member that is left as it is. */
export interface LeftAlone {
  readonly name: string;
  readonly id: string;
  readonly reason: string;
}

/** Which members are defragmented, in order, and which are not. */
export interface DefragChoice {
  readonly machines: readonly MachineSpec[];
  readonly skipped: readonly LeftAlone[];
}

/**
 * Followers first, the leader last; of the members called for (none: all of them) those whose file is worth it, or with `force` every
 * one that can be. Pure. Throws ETCD_MEMBER_NOT_FOUND.
 */
export function chooseToDefrag(
  spec: ClusterSpec,
  observed: Observed,
  words: readonly string[],
  force: boolean,
): DefragChoice {
  const members = observed.etcd?.members ?? [];
  const wanted = words.length === 0 ? members : words.map((word) => requireMember(spec, members, word));
  const seen = wanted.map((member) => {
    const machine = etcdMachines(spec).find(({ address }) => isMemberAt(member, address));
    return { member, machine, reason: whyNot(member, machine, force) };
  });
  const machines = seen.flatMap(({ machine, reason }) => (machine && reason === undefined ? [machine] : []));
  const skipped = seen.flatMap(({ member: { id, ...member }, reason }) =>
    reason === undefined ? [] : [{ name: memberName({ id, ...member }, spec.machines), id, reason }],
  );
  return { machines: leaderLast(observed, [...new Set(machines)]), skipped };
}

/** The member that a word means. Throws ETCD_MEMBER_NOT_FOUND with those that there are. */
export function requireMember(spec: ClusterSpec, members: readonly ObservedMember[], word: string): ObservedMember {
  const found = findMember(members, spec.machines, word);
  if (found !== undefined) return found;
  const known = members.map((member) => memberName(member, spec.machines)).sort();
  const message = `etcd has no member ${word}; it has ${known.join(', ')}`;
  throw new QuorateError('ETCD_MEMBER_NOT_FOUND', message, { data: { member: word, known } });
}

function whyNot(member: ObservedMember, machine: MachineSpec | undefined, force: boolean): string | undefined {
  if (machine === undefined) return 'its machine is not in cluster.yaml';
  if (member.status === undefined) return 'it does not answer';
  if (member.isLearner) return 'it is a learner, which does not take the request';
  return force ? undefined : whyNotDefragment(member.status);
}

function defragSteps(machines: readonly MachineSpec[], why: string, done: (result: Defragmented) => void): Step[] {
  return machines.map((machine) => ({
    id: `${machine.name}/defragment`,
    lane: SERIAL_LANE,
    machine: machine.name,
    title: 'defragment its member of etcd',
    why,
    disruption: { machine: machine.name, kind: 'restart' },
    run: async (ctx, tools) => done(await defragMember(ctx, tools, machine)),
  }));
}

/** Defragments members one at a time, each through the gate. `done` is told of each. */
export function defragPhase(words: readonly string[], force: boolean, done: (result: Defragmented) => void): Phase {
  return {
    id: 'defragment-etcd',
    title: 'Defragment etcd, one member at a time',
    needs: ['etcd', 'kube'],
    plan: (spec, observed) =>
      defragSteps(
        chooseToDefrag(spec, observed, words, force).machines,
        force ? 'asked for' : 'a large part of its file is unused',
        done,
      ),
  };
}

/** The revision before which `keep` revisions are not reached; undefined where there are not as many, or nobody says. Pure. */
export function compactionTarget(observed: Observed, keep: number): number | undefined {
  const revisions = (observed.etcd?.members ?? []).map(({ status }) => status?.revision ?? 0);
  const target = Math.max(0, ...revisions) - keep;
  return target > 0 ? target : undefined;
}

/** What a compaction did. */
export interface Compacted {
  readonly revision: number;
  /** false: it had been compacted that far already. */
  readonly isNew: boolean;
}

/** Forgets the history but for the last `keep` revisions. */
export function compactPhase(keep: number, done: (result: Compacted) => void): Phase {
  return {
    id: 'compact-etcd',
    title: 'Compact etcd',
    needs: ['etcd', 'kube'],
    plan: (_spec, observed) => compactSteps(observed, keep, done),
  };
}

function compactSteps(observed: Observed, keep: number, done: (result: Compacted) => void): Step[] {
  const revision = compactionTarget(observed, keep);
  if (revision === undefined) return [];
  return [
    {
      id: 'compact',
      lane: SERIAL_LANE,
      title: `forget the history before revision ${revision}`,
      why: keep === 0 ? 'its space is needed' : `the last ${keep} revisions are kept`,
      run: async (ctx, tools) => {
        const { via } = await voterMachine(ctx, tools);
        done({ revision, isNew: await compactTo(ctx, via, revision) });
      },
    },
  ];
}

/** Told of what is done while alarms are cleared. */
export interface ClearingReport {
  readonly compacted: (result: Compacted) => void;
  readonly defragmented: (result: Defragmented) => void;
}

/**
 * The whole remedy for NOSPACE: no history, files without holes, no alarm, and a write that works. Alarms of members that are gone are
 * taken back as well. The plan throws ETCD_ALARMED while a living member is CORRUPT: only a new member is a remedy for that.
 */
export function clearAlarmsPhase(report: ClearingReport): Phase {
  return {
    id: 'clear-alarms',
    title: 'Clear the alarms of etcd',
    needs: ['etcd', 'kube'],
    plan: (spec, observed) => {
      const alarms = observed.etcd?.alarms ?? [];
      refuseCorrupt(spec, observed);
      if (alarms.length === 0) return [];
      const { machines } = chooseToDefrag(spec, observed, [], true);
      const isSpace = alarms.some(({ alarm }) => alarm === 'NOSPACE');
      const words = alarms.map(({ alarm, memberId }) => `${alarm} of ${nameOf(spec, observed, memberId)}`);
      return [
        ...(isSpace ? compactSteps(observed, 0, report.compacted) : []),
        ...(isSpace ? defragSteps(machines, 'its quota is used up', report.defragmented) : []),
        disarmStep(words.join(', ')),
      ];
    },
  };
}

function nameOf(spec: ClusterSpec, observed: Observed, id: string): string {
  const member = observed.etcd?.members.find((candidate) => candidate.id === id);
  return member === undefined ? `${id}, which is no member` : memberName(member, spec.machines);
}

function refuseCorrupt(spec: ClusterSpec, observed: Observed): void {
  const members = observed.etcd?.members ?? [];
  const corrupt = members.filter(({ id }) =>
    observed.etcd?.alarms.some(({ alarm, memberId }) => alarm === 'CORRUPT' && memberId === id),
  );
  const [first] = corrupt;
  if (first === undefined) return;
  const names = corrupt.map((member) => memberName(member, spec.machines));
  throw new QuorateError('ETCD_ALARMED', `CORRUPT: the data of ${names.join(', ')} differs from that of the others`, {
    hint: `give it new data: quorate etcd member replace ${names[0]}`,
    data: { members: names },
  });
}

function disarmStep(alarms: string): Step {
  return {
    id: 'disarm',
    lane: SERIAL_LANE,
    title: 'take the alarms back, and write a key to see that it works',
    why: alarms,
    run: async (ctx, tools) => {
      const { via } = await voterMachine(ctx, tools);
      await disarm(ctx, via);
      await checkWrite(ctx, via);
      const { alarms: raised } = await readEtcd(ctx, [via]);
      if (raised.length === 0) return;
      const names = raised.map(({ alarm }) => alarm).join(', ');
      throw new QuorateError('ETCD_ALARMED', `raised again at once: ${names}`, {
        hint: 'what is in use fills the quota: quorate etcd status shows how much; delete what fills it, then run the same command again',
      });
    },
  };
}
