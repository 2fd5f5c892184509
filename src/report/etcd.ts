// etcd as data, for `quorate etcd status` and `members`. Pure.
import { isMemberAt, memberName, peerAddress } from '../etcd/members.ts';
import { fragmentation } from '../etcd/space.ts';
import type { ObservedEtcd, ObservedMember } from '../etcd/types.ts';
import { QUOTA_BACKEND_BYTES } from '../manifests/etcd.ts';
import { type ClusterSpec, etcdMachines } from '../spec/types.ts';
import { describeQuorum, quorum } from '../topology/quorum.ts';

/** Everything that the members say of themselves. */
export interface EtcdReport {
  readonly cluster: string;
  readonly quorum: {
    readonly voters: number;
    readonly up: number;
    readonly needed: number;
    /** How many more voters may fail now; negative: quorum is lost by that many. */
    readonly survives: number;
    /** `3 voters, quorum 2, tolerates 1 failure`. */
    readonly text: string;
  };
  readonly members: readonly EtcdMemberRow[];
  readonly alarms: readonly EtcdAlarm[];
}

/** One member. What it says of itself is absent while it is down. Sizes in bytes; shares from 0 to 1. */
export interface EtcdMemberRow {
  readonly name: string;
  readonly id: string;
  /** Of cluster.yaml; absent where none has its address. */
  readonly machine?: string;
  readonly role: 'leader' | 'follower' | 'learner' | 'down';
  readonly isLearner: boolean;
  readonly version?: string;
  readonly dbSizeBytes?: number;
  readonly dbInUseBytes?: number;
  /** The share of its file that is not in use. */
  readonly fragmentation?: number;
  readonly quotaBytes?: number;
  /** The share of its quota that its file takes: at 1 it raises NOSPACE. */
  readonly quotaUsed?: number;
  readonly raftTerm?: number;
  readonly raftIndex?: number;
  /** Entries of the leader's log that it has not applied yet. Members are asked one after the other: a few are none. */
  readonly appliedLag?: number;
  readonly errors: readonly string[];
}

/** An alarm, and whose it is. */
export interface EtcdAlarm {
  readonly alarm: string;
  readonly memberId: string;
  /** Absent when it is a member no more. */
  readonly member?: string;
}

/** A member as the list has it, and where it is. */
export interface EtcdMember {
  readonly name: string;
  readonly id: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly isLearner: boolean;
  /** false: it has never started, so that it has neither name nor client URL. */
  readonly hasStarted: boolean;
  /** Of cluster.yaml; absent where none has its address. */
  readonly machine?: string;
}

/** etcd as data. */
export function etcdReport(spec: ClusterSpec, etcd: ObservedEtcd): EtcdReport {
  const voters = etcd.members.filter(({ isLearner }) => !isLearner);
  const up = voters.filter(({ status }) => status !== undefined && status.leaderId !== '0').length;
  const needed = quorum(voters.length);
  const newest = Math.max(0, ...etcd.members.map(({ status }) => status?.raftIndex ?? 0));
  return {
    cluster: spec.name,
    quorum: { voters: voters.length, up, needed, survives: up - needed, text: describeQuorum(voters.length) },
    members: sorted(etcd.members.map((member) => memberRow(spec, member, newest))),
    alarms: alarmsOf(spec, etcd),
  };
}

/** The alarms that are raised, with names. */
export function alarmsOf(spec: ClusterSpec, { members, alarms }: ObservedEtcd): readonly EtcdAlarm[] {
  return alarms.map(({ alarm, memberId }) => {
    const member = members.find(({ id }) => id === memberId);
    return { alarm, memberId, ...(member === undefined ? {} : { member: memberName(member, spec.machines) }) };
  });
}

/** The list of members. */
export function memberList(spec: ClusterSpec, { members }: ObservedEtcd): readonly EtcdMember[] {
  return sorted(
    members.map(({ id, name, peerURLs, clientURLs, isLearner }) => ({
      name: name || neverStarted({ peerURLs }),
      id,
      peerURLs,
      clientURLs,
      isLearner,
      hasStarted: clientURLs.length > 0,
      ...machineOf(spec, { peerURLs }),
    })),
  );
}

function sorted<M extends { readonly name: string }>(members: readonly M[]): readonly M[] {
  return [...members].sort((a, b) => a.name.localeCompare(b.name));
}

function neverStarted(member: Pick<ObservedMember, 'peerURLs'>): string {
  return `(never started, ${peerAddress(member)})`;
}

function machineOf(spec: ClusterSpec, member: Pick<ObservedMember, 'peerURLs'>): { machine?: string } {
  const machine = etcdMachines(spec).find(({ address }) => isMemberAt(member, address));
  return machine === undefined ? {} : { machine: machine.name };
}

function memberRow(spec: ClusterSpec, member: ObservedMember, newest: number): EtcdMemberRow {
  const { id, name, isLearner, status } = member;
  const about = { name: name || neverStarted(member), id, ...machineOf(spec, member), isLearner };
  if (status === undefined) return { ...about, role: 'down', errors: [member.error ?? 'does not answer'] };
  const { version, dbSizeBytes, dbInUseBytes, raftTerm, raftIndex, leaderId } = status;
  // Members before 3.6 do not say: every member of ours has the same.
  const quotaBytes = status.quotaBytes ?? QUOTA_BACKEND_BYTES;
  return {
    ...about,
    role: isLearner ? 'learner' : leaderId === id ? 'leader' : 'follower',
    version,
    dbSizeBytes,
    dbInUseBytes,
    fragmentation: fragmentation(status),
    quotaBytes,
    quotaUsed: dbSizeBytes / quotaBytes,
    raftTerm,
    raftIndex,
    appliedLag: Math.max(0, newest - (status.raftAppliedIndex ?? raftIndex)),
    errors: [...status.errors, ...(leaderId === '0' ? ['it knows no leader'] : [])],
  };
}
