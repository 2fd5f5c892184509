// Members as they are by themselves, when there is no quorum to ask: each one's own word, or its data on disk.
import type { Context } from '../core/context.ts';
import { hasCode } from '../core/errors.ts';
import type { Machine } from '../machines/machine.ts';
import { etcdctl, parseJson, toHex } from './etcdctl.ts';

/** What one machine has of etcd. */
export interface Survivor {
  readonly machine: string;
  /** Of its member, and of the one that it takes for the leader; 0: none. Hexadecimal. */
  readonly id: string;
  readonly leaderId: string;
  /** Its process answers for itself; whether it has a quorum is another matter. */
  readonly answers: boolean;
  /** It knows a leader: there is a quorum. */
  readonly hasLeader: boolean;
  readonly raftTerm: number;
  /** The last entry of the log that it has applied. */
  readonly raftIndex: number;
  /** The members that it knows of; empty when it does not answer. */
  readonly members: readonly SurvivingMember[];
}

/** One entry of the membership, as a single member knows it. */
export interface SurvivingMember {
  readonly id: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly isLearner: boolean;
}

const TIMEOUT = { timeoutMs: 15_000, allowFailure: true } as const;

/** Asks one machine's own member without asking the others. Never throws for a member that does not answer; ABORTED and such it does. */
export async function readSurvivor(ctx: Context, machine: Machine): Promise<Survivor> {
  const silent = {
    machine: machine.name,
    id: '0',
    leaderId: '0',
    answers: false,
    hasLeader: false,
    raftTerm: 0,
    raftIndex: 0,
    members: [],
  };
  try {
    const [status, list] = await Promise.all([
      machine.exec(ctx, etcdctl('endpoint', 'status', '-w', 'json'), TIMEOUT),
      machine.exec(ctx, etcdctl('member', 'list', '--consistency=s', '-w', 'json'), TIMEOUT),
    ]);
    if (status.exitCode !== 0 || list.exitCode !== 0) return silent;
    const [entry] = parseJson<
      { Status: { header?: { member_id?: string }; leader?: string; raftTerm?: string; raftAppliedIndex?: string } }[]
    >(status.stdout);
    const { members = [] } = parseJson<{
      members?: { ID: string; name?: string; peerURLs?: string[]; isLearner?: boolean }[];
    }>(list.stdout);
    const own = entry?.Status;
    return {
      machine: machine.name,
      id: toHex(own?.header?.member_id ?? '0'),
      leaderId: toHex(own?.leader ?? '0'),
      answers: own !== undefined,
      hasLeader: toHex(own?.leader ?? '0') !== '0',
      raftTerm: Number(own?.raftTerm ?? 0),
      raftIndex: Number(own?.raftAppliedIndex ?? 0),
      members: members.map(({ ID, name = '', peerURLs = [], isLearner = false }) => ({
        id: toHex(ID),
        name,
        peerURLs,
        isLearner,
      })),
    };
  } catch (error) {
    if (!hasCode(error, 'MACHINE_UNREACHABLE', 'COMMAND_TIMED_OUT', 'COMMAND_NOT_FOUND')) throw error;
    return silent;
  }
}

/** The member that knows most: of the highest term, and of those the one with the longest log. Undefined when none answers. */
export function bestSurvivor(survivors: readonly Survivor[]): Survivor | undefined {
  return [...survivors]
    .filter(({ answers }) => answers)
    .sort((a, b) => b.raftTerm - a.raftTerm || b.raftIndex - a.raftIndex)[0];
}
