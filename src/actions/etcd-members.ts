// Who leads, who is in, and new data for one: what `quorate etcd move-leader` and `etcd member remove|replace` do.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { memberName } from '../etcd/members.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { Observed } from '../observe/observed.ts';
import { chooseLeader, leaderOf, moveLeaderPhase, removeMemberPhase } from '../phases/change-members.ts';
import { requireMember } from '../phases/maintain-etcd.ts';
import { carriesEtcd } from '../phases/membership.ts';
import { replaceMember, withoutMember } from '../phases/replace-member.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { ChangeOptions, ChangeReport } from './carry-out.ts';
import { changeEtcd } from './etcd.ts';

/** Who led, and who leads. */
export interface LeaderReport {
  readonly cluster: string;
  readonly from?: string;
  readonly to: string;
  /** false: it led already. */
  readonly moved: boolean;
  readonly durationMs: number;
}

/**
 * Hands the leadership to a member, or to the healthiest follower. No election, no failed request: nothing is asked. Throws
 * ETCD_MEMBER_NOT_FOUND, ETCD_UNAVAILABLE, and as changeEtcd.
 */
export async function moveLeadership(
  ctx: Context,
  spec: ClusterSpec,
  name: string | undefined,
  options: Omit<ChangeOptions, 'confirm'> = {},
): Promise<LeaderReport> {
  const change = { verb: 'etcd move-leader', phase: moveLeaderPhase(name) };
  const { report, observed } = await changeEtcd(ctx, spec, change, { ...options, confirm: async () => {} });
  const leader = observed.etcd && leaderOf(observed.etcd);
  return {
    cluster: spec.name,
    ...(leader === undefined ? {} : { from: memberName(leader, spec.machines) }),
    to: memberName(chooseLeader(spec, observed, name), spec.machines),
    moved: report.changes > 0,
    durationMs: report.durationMs,
  };
}

/** Who is a member no more. */
export interface RemovalReport {
  readonly cluster: string;
  readonly name: string;
  readonly id: string;
  readonly wasLearner: boolean;
  readonly durationMs: number;
}

/**
 * Takes a member out of etcd, named by its name, id or address, if the others keep their quorum by it. Throws ETCD_MEMBER_NOT_FOUND,
 * ETCD_MEMBER_IN_USE, ETCD_QUORUM_AT_RISK, and as changeEtcd.
 */
export async function removeMemberOf(
  ctx: Context,
  spec: ClusterSpec,
  word: string,
  options: ChangeOptions & { readonly force: boolean },
): Promise<RemovalReport> {
  const change = { verb: 'etcd member remove', phase: removeMemberPhase(word, options.force) };
  const { report, observed } = await changeEtcd(ctx, spec, change, options);
  const member = requireMember(spec, observed.etcd?.members ?? [], word);
  return {
    cluster: spec.name,
    name: memberName(member, spec.machines),
    id: member.id,
    wasLearner: member.isLearner,
    durationMs: report.durationMs,
  };
}

/**
 * Gives the member of a machine new data: the old member leaves through the gate, its data is moved aside, and a new one joins as a
 * learner and is promoted. Throws MACHINE_NOT_FOUND, ETCD_MEMBER_NOT_FOUND for a machine that carries no etcd, MACHINE_UNREACHABLE,
 * ETCD_QUORUM_AT_RISK, and as carryOut.
 */
export async function replaceMemberOf(
  ctx: Context,
  spec: ClusterSpec,
  name: string,
  options: ChangeOptions,
): Promise<ChangeReport> {
  const change = {
    verb: 'etcd member replace',
    phase: replaceMember(name),
    thenAll: (observed: Observed) => withoutMember(spec, observed, name),
    require: (observed: Observed, fleet: Fleet) => requireMachine(spec, observed, fleet, name),
  };
  return (await changeEtcd(ctx, spec, change, options)).report;
}

function requireMachine(spec: ClusterSpec, observed: Observed, fleet: Fleet, name: string): void {
  fleet.machine(name);
  const machine = spec.machines.find((candidate) => candidate.name === name);
  if (machine === undefined || !carriesEtcd(spec, machine)) {
    throw new QuorateError('ETCD_MEMBER_NOT_FOUND', `${name} is no machine that carries etcd by cluster.yaml`);
  }
  const seen = observed.machines[name];
  if (seen?.facts !== undefined) return;
  throw new QuorateError('MACHINE_UNREACHABLE', `${name} does not answer, so its data cannot be renewed there`, {
    hint: `start it: quorate machine start ${name}; when it is gone for good: quorate machine replace ${name}`,
    data: { machine: name },
  });
}
