// What has happened to a cluster, and which one command is the way out: what `quorate recover` says. Pure.
import { findByName } from '../core/per-object.ts';
import { bestSurvivor, type Survivor } from '../etcd/survivors.ts';
import { STAND_IN_DIR } from '../manifests/paths.ts';
import type { Observed } from '../observe/observed.ts';
import { clusterLife, hasFormed, memberOf, standInHolder } from '../phases/membership.ts';
import { type ClusterSpec, controlPlanes, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { quorum } from '../topology/quorum.ts';

/** Something that has happened, what shows it, and the way out. */
export interface Situation {
  /** For scripts, and the name of its runbook (docs/runbooks/<id>.md). */
  readonly id: SituationId;
  readonly title: string;
  /** What was seen, a sentence each. */
  readonly found: readonly string[];
  /** What the command will do. */
  readonly does: string;
  /** The command, with this cluster's names. */
  readonly command: string;
}

/** Every situation there is, the gravest first. */
export type SituationId =
  | 'quorum-recovery-unfinished'
  | 'all-control-planes-lost'
  | 'quorum-lost-machines-down'
  | 'quorum-lost-for-good'
  | 'etcd-silent'
  | 'etcd-member-lost'
  | 'etcd-stuck-learner'
  | 'etcd-nospace'
  | 'control-plane-lost';

/** What one look shows of one kind of situation. */
type Rule = (spec: ClusterSpec, observed: Observed, survivors: readonly Survivor[]) => readonly Situation[];

/** All that has happened, the gravest first; empty when etcd and its machines are as they should be. */
export function situationsOf(
  spec: ClusterSpec,
  observed: Observed,
  survivors: readonly Survivor[],
): readonly Situation[] {
  if (clusterLife(spec, observed) === 'new' && !hasFormed(spec, observed)) return [];
  const grave = UNFINISHED(spec, observed, survivors);
  if (grave.length > 0) return grave;
  const rules = observed.etcd === undefined ? [lostQuorum] : [lostMembers, stuckLearners, noSpace, lostPlanes];
  return rules.flatMap((rule) => rule(spec, observed, survivors));
}

const UNFINISHED: Rule = (spec, observed) => {
  const name = standInHolder(observed);
  if (name === undefined) return [];
  // Who has data is left, and not lost.
  const isLost = (machine: MachineSpec) => observed.machines[machine.name]?.facts?.hasEtcdData !== true;
  const lost = etcdMachines(spec).flatMap((machine) =>
    machine.name === name || !isLost(machine) ? [] : [machine.name],
  );
  return [
    {
      id: 'quorum-recovery-unfinished',
      title: 'a recovery of the quorum was ended half-way',
      found: [`${name} has stand-ins of etcd members in ${STAND_IN_DIR}`],
      does: 'continues where it ended',
      command: `quorate recover quorum --survivor ${name} --lost ${lost.join(',')}`,
    },
  ];
};

/** Nobody answers for the whole: are the machines off, is their data gone, or do too few have any? */
const lostQuorum: Rule = (spec, observed, survivors) => {
  const carriers = etcdMachines(spec);
  const needed = quorum(carriers.length);
  const answering = survivors.filter(({ answers }) => answers).map(({ machine }) => machine);
  const off = carriers.filter(({ name }) => observed.machines[name]?.state === 'stopped');
  const holding = carriers.filter(({ name }) => observed.machines[name]?.facts?.hasEtcdData);
  const silent = carriers.filter(({ name }) => observed.machines[name]?.state === 'unreachable');
  const found = carriers.map((machine) => `${machine.name}: ${stateOf(observed, machine, answering)}`);
  const names = (machines: readonly MachineSpec[]) => machines.map(({ name }) => name);
  if (holding.length + off.length >= needed && off.length > 0) {
    return [
      {
        id: 'quorum-lost-machines-down',
        title: `the quorum is lost because ${off.length === 1 ? 'a machine is' : 'machines are'} switched off`,
        found,
        does: 'boots them; etcd goes on by itself as soon as a majority is back, and nothing is lost',
        command: `quorate machine start ${names(off).join(' ')}`,
      },
    ];
  }
  const best = bestSurvivor(survivors)?.machine;
  const lost = names(carriers).filter((name) => !answering.includes(name));
  if (best !== undefined && holding.length < needed) return [forGood(best, lost, found, silent)];
  if (holding.length + silent.length + off.length === 0) return [totalLoss(found)];
  return [
    {
      id: 'etcd-silent',
      title: 'etcd does not answer, although its machines have data',
      found,
      does: 'starts what does not run, and says what keeps it from running',
      command: 'quorate up',
    },
  ];
};

function forGood(
  survivor: string,
  lost: readonly string[],
  found: readonly string[],
  silent: readonly MachineSpec[],
): Situation {
  const wait =
    silent.length === 0
      ? ''
      : ` As long as ${silent.map(({ name }) => name).join(' or ')} may come back with its data, bring it back instead: then nothing has to be done.`;
  return {
    id: 'quorum-lost-for-good',
    title: 'the quorum is lost, and what is left is no majority',
    found,
    does: `ONLY if ${lost.join(' and ')} will never come back: ends what is left of them, makes the survivor a cluster of its own with every write on its disk, and lets new members join.${wait}`,
    command: `quorate recover quorum --survivor ${survivor} --lost ${lost.join(',')}`,
  };
}

/** Nothing is left but backups. */
export function totalLoss(found: readonly string[]): Situation {
  return {
    id: 'all-control-planes-lost',
    title: 'no machine has any data of etcd left',
    found,
    does: 'restores the newest backup on the machines of cluster.yaml, new or old; what was written after it is gone',
    command: 'quorate restore latest',
  };
}

function stateOf(observed: Observed, { name }: MachineSpec, answering: readonly string[]): string {
  const seen = observed.machines[name];
  if (seen?.state === 'absent') return 'does not exist';
  if (seen?.state === 'stopped') return 'is switched off';
  if (seen?.facts === undefined) return 'does not answer';
  if (!seen.facts.hasEtcdData) return 'has no data of etcd';
  return answering.includes(name) ? 'its member answers, without a leader' : 'has data; its member does not answer';
}

/** A member that is down although its machine is up, or that is out of step with the others. */
const lostMembers: Rule = (spec, observed) =>
  etcdMachines(spec).flatMap((machine) => {
    const facts = observed.machines[machine.name]?.facts;
    const member = memberOf(observed, machine);
    if (facts === undefined || member === undefined || member.isLearner) return [];
    const isCorrupt = observed.etcd?.alarms.some(
      ({ alarm, memberId }) => alarm === 'CORRUPT' && memberId === member.id,
    );
    const isEmpty = !facts.hasEtcdData && member.clientURLs.length > 0;
    if (!isCorrupt && !isEmpty && member.status !== undefined) return [];
    const why = isCorrupt
      ? 'has other data than the others (alarm CORRUPT)'
      : isEmpty
        ? 'has lost its data'
        : 'does not answer, although its machine does';
    return [
      {
        id: 'etcd-member-lost',
        title: `the etcd member of ${machine.name} is lost`,
        found: [`member ${member.id} of ${machine.name} ${why}`],
        does: 'takes it out of etcd if the others keep their quorum, and lets a new one join on the same machine',
        command: `quorate etcd member replace ${machine.name}`,
      },
    ];
  });

const stuckLearners: Rule = (spec, observed) =>
  (observed.etcd?.members ?? [])
    .filter(({ isLearner }) => isLearner)
    .map((member) => {
      const machine = etcdMachines(spec).find((candidate) => memberOf(observed, candidate)?.id === member.id);
      const who = machine?.name ?? (member.name || member.id);
      return {
        id: 'etcd-stuck-learner',
        title: `${who} is a learner that has not been promoted`,
        found: [`member ${member.id} (${member.peerURLs.join(', ')}) takes part and has no vote`],
        does: machine
          ? 'takes it out and lets a new one join on the same machine; a run that is under way promotes it by itself'
          : 'takes it out: no machine of cluster.yaml is behind it',
        command: machine ? `quorate etcd member replace ${machine.name}` : `quorate etcd member remove ${member.id}`,
      };
    });

const noSpace: Rule = (_spec, observed) => {
  const full = observed.etcd?.alarms.filter(({ alarm }) => alarm === 'NOSPACE') ?? [];
  if (full.length === 0) return [];
  const nameOf = (id: string) => observed.etcd?.members.find((member) => member.id === id)?.name ?? id;
  return [
    {
      id: 'etcd-nospace',
      title: 'etcd has run out of space and refuses writes',
      found: full.map(({ memberId }) => `alarm NOSPACE on ${nameOf(memberId)}`),
      does: 'compacts, defragments one member at a time, takes the alarm back and tries a write',
      command: 'quorate etcd alarms clear',
    },
  ];
};

/** A machine that is gone while the others serve. */
const lostPlanes: Rule = (spec, observed) =>
  unique([...controlPlanes(spec), ...etcdMachines(spec)]).flatMap(({ name, role }) => {
    const state = observed.machines[name]?.state;
    if (state === 'running' || state === undefined) return [];
    const isNodeKnown = findByName(observed.kube?.nodes, name) !== undefined;
    const found = [
      `${name} ${state === 'stopped' ? 'is switched off' : state === 'absent' ? 'does not exist' : 'does not answer'}`,
      ...(isNodeKnown ? [`its node is still in Kubernetes`] : []),
    ];
    const isOff = state === 'stopped';
    return [
      {
        id: 'control-plane-lost',
        title: `${role === 'etcd' ? 'the etcd machine' : 'control plane'} ${name} is down; the others serve`,
        found,
        does: isOff
          ? `boots it; should its disk be lost: quorate machine replace ${name}`
          : 'takes it out of the cluster and makes a new one under its name; should it only be switched off, switch it on instead',
        command: isOff ? `quorate machine start ${name}` : `quorate machine replace ${name}`,
      },
    ];
  });

function unique(machines: readonly MachineSpec[]): readonly MachineSpec[] {
  return [...new Set(machines)];
}
