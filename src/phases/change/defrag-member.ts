// Defragments one member while the others serve: nobody is sent to an API server whose member does not answer.
import type { Context } from '../../core/context.ts';
import { hasCode, QuorateError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { readEtcd } from '../../etcd/etcdctl.ts';
import { defragment } from '../../etcd/maintenance.ts';
import { isMemberAt } from '../../etcd/members.ts';
import type { ObservedEtcd, ObservedMember } from '../../etcd/types.ts';
import type { Machine } from '../../machines/machine.ts';
import { controlPlanes, type MachineSpec } from '../../spec/types.ts';
import { mayDisrupt } from '../../topology/quorum.ts';
import type { Toolbox } from '../toolbox.ts';
import { handOverLeadership } from './apply-change.ts';
import { outOfRotation } from './rotation.ts';

/** What a member missed during the quarter of an hour that a full file may take arrives as a log or as a snapshot, within minutes. */
const CATCH_UP_DEADLINE_MS = 300_000;

/** A busy host answers late; a member that is down stays down. */
const SPARE_DEADLINE_MS = 60_000;

/** A member's file, before and after. Sizes in bytes. */
export interface Defragmented {
  readonly name: string;
  readonly id: string;
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** How long the member was busy with it, milliseconds. */
  readonly durationMs: number;
}

/** Defragments the member of a machine, and returns when it has caught up with the others. The gate has been asked. Throws COMMAND_FAILED, WAIT_TIMED_OUT. */
export async function defragMember(ctx: Context, tools: Toolbox, machine: MachineSpec): Promise<Defragmented> {
  const host = tools.fleet.machine(machine.name);
  // The gate takes a member that does not answer for one that is down already, from which a restart takes nothing away. This takes one away.
  await awaitSpare(ctx, host);
  // A leader that is busy costs an election, and every write of its time.
  await handOverLeadership(ctx, host);
  const before = await awaitCaughtUp(ctx, host);
  const work = async () => {
    const start = Date.now();
    await defragment(ctx, host);
    const durationMs = Date.now() - start;
    return { durationMs, after: await awaitCaughtUp(ctx, host) };
  };
  // With a single control plane there is no other API server to send anybody to.
  const isBalanced = machine.role === 'control-plane' && controlPlanes(tools.fleet.spec).length > 1;
  const { durationMs, after } = await (isBalanced ? outOfRotation(ctx, tools, machine.name, work) : work());
  return { name: machine.name, id: before.id, beforeBytes: before.sizeBytes, afterBytes: after.sizeBytes, durationMs };
}

/** Waits until this member answers and the others would be a quorum without it. Throws ETCD_QUORUM_AT_RISK. */
async function awaitSpare(ctx: Context, host: Machine): Promise<void> {
  const condition = `etcd can do without the member of ${host.name} for a moment`;
  let reason = 'no member answers';
  try {
    await waitFor(ctx, { condition, deadlineMs: SPARE_DEADLINE_MS, intervalMs: 1_000 }, async () => {
      const decision = spareDecision(await readEtcd(ctx, [host]), host.address);
      reason = decision.reason;
      return decision.allowed ? true : reason;
    });
  } catch (error) {
    if (!hasCode(error, 'WAIT_TIMED_OUT')) throw error;
    throw new QuorateError('ETCD_QUORUM_AT_RISK', `defragment the member of ${host.name}: ${reason}`, { cause: error });
  }
}

/** Whether a member that answers can be spared, as it sees the others; one that does not answer cannot be told to do anything. Pure. */
export function spareDecision(
  { members, alarms }: ObservedEtcd,
  address: string,
): { allowed: boolean; reason: string } {
  const own = members.find((member) => isMemberAt(member, address));
  if (own?.status === undefined) return { allowed: false, reason: 'it does not answer' };
  const isUp = ({ id, status }: ObservedMember) =>
    status !== undefined &&
    status.leaderId !== '0' &&
    !alarms.some(({ alarm, memberId }) => alarm === 'CORRUPT' && memberId === id);
  const voters = members.filter(({ isLearner }) => !isLearner);
  const view = {
    voters: voters.map((member) => ({ name: member.name, up: member === own || isUp(member) })),
    learners: members.filter(({ isLearner }) => isLearner).map(({ name }) => name),
    plannedDown: [],
  };
  return mayDisrupt(view, { kind: 'restart', machine: own.name, outageAccepted: true });
}

/** What others have written meanwhile has arrived: a member that lags is none to count on when the next one is taken. */
async function awaitCaughtUp(ctx: Context, host: Machine): Promise<{ id: string; sizeBytes: number }> {
  let goal: number | undefined;
  let seen: { id: string; sizeBytes: number } | undefined;
  const condition = `the etcd member of ${host.name} answers and has caught up with the leader`;
  await waitFor(ctx, { condition, deadlineMs: CATCH_UP_DEADLINE_MS, intervalMs: 500 }, async () => {
    const { members } = await readEtcd(ctx, [host]);
    const own = members.find((member) => isMemberAt(member, host.address));
    if (own?.status === undefined) return 'it does not answer';
    goal ??= Math.max(...members.map(({ status }) => status?.raftIndex ?? 0));
    seen = { id: own.id, sizeBytes: own.status.dbSizeBytes };
    if (own.status.leaderId === '0') return 'it knows no leader';
    const applied = own.status.raftAppliedIndex ?? own.status.raftIndex;
    return applied >= goal ? true : `it has applied ${applied} of ${goal}`;
  });
  if (seen === undefined)
    throw new QuorateError('ETCD_UNAVAILABLE', `the member of ${host.name} says nothing of itself`);
  return seen;
}
