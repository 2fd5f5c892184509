// Whom a change of etcd's membership is asked for: a member that answers and votes, and is not the one it is about.
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { isMemberAt } from '../../etcd/members.ts';
import type { ObservedEtcd, ObservedMember } from '../../etcd/types.ts';
import type { Machine } from '../../machines/machine.ts';
import type { MachineSpec } from '../../spec/types.ts';
import type { Toolbox } from '../toolbox.ts';

/** An election takes a second or two; a busy host makes that half a minute. */
const ANSWER_DEADLINE_MS = 60_000;

/** etcd as it is now, for a change that is about one machine. */
export interface LivingEtcd {
  readonly members: ObservedEtcd['members'];
  /** The machine's own member, if it has one. */
  readonly own?: ObservedMember;
  /** Another machine, whose member answers and votes. */
  readonly via: Machine;
}

/** Waits until etcd answers; a leadership that has just been handed over may take a moment. Throws WAIT_TIMED_OUT, ETCD_UNAVAILABLE. */
export async function livingEtcd(ctx: Context, tools: Toolbox, machine: MachineSpec): Promise<LivingEtcd> {
  const { members } = await awaitEtcd(ctx, tools);
  const own = members.find((member) => isMemberAt(member, machine.address));
  const via = voterAmong(tools, members, own?.id, machine.name);
  if (via === undefined)
    throw new QuorateError('ETCD_UNAVAILABLE', `no other member than ${machine.name}'s answers and votes`);
  return { members, ...(own === undefined ? {} : { own }), via };
}

/**
 * etcd as it is now, and a machine whose member answers and votes, and is not the one with the id `except`. Throws WAIT_TIMED_OUT,
 * ETCD_UNAVAILABLE.
 */
export async function voterMachine(
  ctx: Context,
  tools: Toolbox,
  except?: string,
): Promise<{ readonly etcd: ObservedEtcd; readonly via: Machine }> {
  const etcd = await awaitEtcd(ctx, tools);
  const via = voterAmong(tools, etcd.members, except);
  if (via === undefined)
    throw new QuorateError('ETCD_UNAVAILABLE', 'no other member of a known machine answers and votes');
  return { etcd, via };
}

async function awaitEtcd(ctx: Context, tools: Toolbox): Promise<ObservedEtcd> {
  let seen: ObservedEtcd | undefined;
  await waitFor(ctx, { condition: 'etcd answers', deadlineMs: ANSWER_DEADLINE_MS, intervalMs: 1_000 }, async () => {
    seen = (await tools.observe(ctx, ['etcd'])).etcd;
    return seen === undefined ? 'no member answers' : true;
  });
  return seen ?? { members: [], alarms: [] };
}

function voterAmong(
  { fleet }: Toolbox,
  members: ObservedEtcd['members'],
  exceptId?: string,
  exceptName?: string,
): Machine | undefined {
  const voters = members.filter(({ id, isLearner, status }) => id !== exceptId && !isLearner && status !== undefined);
  const via = fleet.machines.find(
    ({ name, address }) => name !== exceptName && voters.some((member) => isMemberAt(member, address)),
  );
  return via === undefined ? undefined : fleet.machine(via.name);
}
