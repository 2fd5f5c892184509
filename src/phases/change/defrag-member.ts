// Defragments one member while the others serve: nobody is sent to an API server whose member does not answer.
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { readEtcd } from '../../etcd/etcdctl.ts';
import { defragment } from '../../etcd/maintenance.ts';
import { isMemberAt } from '../../etcd/members.ts';
import type { Machine } from '../../machines/machine.ts';
import { controlPlanes, type MachineSpec } from '../../spec/types.ts';
import type { Toolbox } from '../toolbox.ts';
import { handOverLeadership } from './apply-change.ts';
import { outOfRotation } from './rotation.ts';

/** What a member missed during the quarter of an hour that a full file may take arrives as a log or as a snapshot, within minutes. */
const CATCH_UP_DEADLINE_MS = 300_000;

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
