// Looking at etcd: what `quorate etcd status`, `members` and `alarms` do. Changing it: etcd-space.ts and etcd-members.ts.
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { lastLine } from '../core/text.ts';
import { throwIfAborted } from '../core/wait.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import { readEtcd } from '../etcd/etcdctl.ts';
import { readMemberStatus } from '../etcd/membership.ts';
import type { ObservedEtcd } from '../etcd/types.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { Machine } from '../machines/machine.ts';
import type { Observed } from '../observe/observed.ts';
import { isRunning } from '../phases/change/running.ts';
import type { Phase } from '../phases/step.ts';
import { alarmsOf, type EtcdAlarm, type EtcdMember, type EtcdReport, etcdReport, memberList } from '../report/etcd.ts';
import { type ClusterSpec, etcdMachines } from '../spec/types.ts';
import { type ChangeOptions, type ChangeReport, carryOut } from './carry-out.ts';
import { type DriverOptions, openCluster, openFleet } from './cluster.ts';

/** What every member says of itself, and the alarms. Throws ETCD_UNAVAILABLE with what each machine said. */
export async function etcdStatus(ctx: Context, spec: ClusterSpec, options: DriverOptions = {}): Promise<EtcdReport> {
  return etcdReport(spec, await lookAtEtcd(ctx, openFleet(ctx, spec, options)));
}

/** The members of etcd. Throws ETCD_UNAVAILABLE. */
export async function listMembers(
  ctx: Context,
  spec: ClusterSpec,
  options: DriverOptions = {},
): Promise<readonly EtcdMember[]> {
  return memberList(spec, await lookAtEtcd(ctx, openFleet(ctx, spec, options)));
}

/** The alarms of etcd. Throws ETCD_UNAVAILABLE. */
export async function listAlarms(
  ctx: Context,
  spec: ClusterSpec,
  options: DriverOptions = {},
): Promise<readonly EtcdAlarm[]> {
  return alarmsOf(spec, await lookAtEtcd(ctx, openFleet(ctx, spec, options)));
}

/**
 * etcd as the first member that answers tells it. The list of members takes a quorum: without one, every machine is asked for itself, so
 * that the error says which members run. Throws ETCD_UNAVAILABLE.
 */
async function lookAtEtcd(ctx: Context, fleet: Fleet): Promise<ObservedEtcd> {
  const machines = etcdMachines(fleet.spec).map(({ name }) => fleet.machine(name));
  try {
    return await readEtcd(ctx, machines);
  } catch {
    throwIfAborted(ctx);
    throw await silence(ctx, machines);
  }
}

/** Why etcd as a whole does not answer, machine by machine. */
async function silence(ctx: Context, machines: readonly Machine[]): Promise<QuorateError> {
  const words = await Promise.all(
    machines.map(async (machine) => ({ machine: machine.name, said: await describeMember(ctx, machine) })),
  );
  throwIfAborted(ctx);
  const lines = words.map(({ machine, said }) => `  ${machine}: ${said}`);
  return new QuorateError('ETCD_UNAVAILABLE', `etcd does not answer: no quorum of its members\n${lines.join('\n')}`, {
    hint: 'bring machines back: quorate machine start, or quorate up; with their data gone for good restore a backup',
    data: { machines: words },
  });
}

async function describeMember(ctx: Context, machine: Machine): Promise<string> {
  try {
    const { version, leaderId } = await readMemberStatus(ctx, machine);
    return `its member runs (${version}), and ${leaderId === '0' ? 'knows no leader' : `follows ${leaderId}`}`;
  } catch (error) {
    try {
      if (!(await isRunning(ctx, machine, 'etcd'))) return 'etcd does not run there';
    } catch (unreachable) {
      return lastLine(messageOf(unreachable));
    }
    return `etcd runs and does not answer: ${lastLine(messageOf(error))}`;
  }
}

/** A change of etcd, as one phase or as the first of all. */
export interface EtcdChange {
  /** The word for locks and journal: `etcd defrag`. */
  readonly verb: string;
  readonly phase: Phase;
  /** As it will be seen once the phase is through, where the usual phases follow it. */
  readonly thenAll?: (observed: Observed) => Observed;
  /** Asked of what was seen, before anything is planned. Throws to decline. */
  readonly require?: (observed: Observed, fleet: Fleet) => void;
}

/** Carries a change of etcd out as the only operator. Throws ETCD_UNAVAILABLE, ETCD_QUORUM_AT_RISK and as carryOut. */
export function changeEtcd(
  ctx: Context,
  spec: ClusterSpec,
  change: EtcdChange,
  options: ChangeOptions,
): Promise<{ readonly report: ChangeReport; readonly observed: Observed }> {
  const { verb, phase, thenAll, require } = change;
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, verb, async () => {
      const { fleet, observed } = await openCluster(ctx, spec, options);
      require?.(observed, fleet);
      if (observed.etcd === undefined) {
        const machines = etcdMachines(spec).map(({ name }) => fleet.machine(name));
        throw await silence(ctx, machines);
      }
      const rest = thenAll === undefined ? { rest: [] } : { afterFirst: thenAll };
      const report = await carryOut(ctx, fleet, observed, { verb, first: [phase], ...rest }, options);
      return { report, observed };
    }),
  );
}
