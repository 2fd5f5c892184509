// Space in etcd: what `quorate etcd defrag`, `compact` and `alarms clear` do.
import type { Context } from '../core/context.ts';
import type { Defragmented } from '../phases/change/defrag-member.ts';
import {
  type Compacted,
  chooseToDefrag,
  clearAlarmsPhase,
  compactPhase,
  defragPhase,
  type LeftAlone,
} from '../phases/maintain-etcd.ts';
import { alarmsOf, type EtcdAlarm } from '../report/etcd.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { ChangeOptions } from './carry-out.ts';
import { changeEtcd } from './etcd.ts';

/** Which members, and how sure. */
export interface DefragOptions extends ChangeOptions {
  /** Also members whose file is small, or has few holes. */
  readonly force: boolean;
}

/** What became of every member, in the order in which they were taken. */
export interface DefragReport {
  readonly cluster: string;
  readonly defragmented: readonly Defragmented[];
  readonly skipped: readonly LeftAlone[];
  readonly durationMs: number;
}

/**
 * Defragments members, one at a time through the quorum gate, the leader last. Names: none is all of them. Throws ETCD_MEMBER_NOT_FOUND,
 * ETCD_QUORUM_AT_RISK, and as changeEtcd.
 */
export async function defragMembers(
  ctx: Context,
  spec: ClusterSpec,
  names: readonly string[],
  options: DefragOptions,
): Promise<DefragReport> {
  const defragmented: Defragmented[] = [];
  const phase = defragPhase(names, options.force, (result) => defragmented.push(result));
  const { report, observed } = await changeEtcd(ctx, spec, { verb: 'etcd defrag', phase }, options);
  const { skipped } = chooseToDefrag(spec, observed, names, options.force);
  return { cluster: spec.name, defragmented, skipped, durationMs: report.durationMs };
}

/** How far the history was forgotten. */
export interface CompactReport {
  readonly cluster: string;
  /** How many of the last revisions stay. */
  readonly keep: number;
  /** The first revision that can still be read; absent when there are not as many as are to stay. */
  readonly revision?: number;
  /** false: it had been compacted that far already. */
  readonly compacted: boolean;
  readonly durationMs: number;
}

/** Forgets the history of the store but for its last `keep` revisions. It takes nobody's time, so nothing is asked. Throws as changeEtcd. */
export async function compact(
  ctx: Context,
  spec: ClusterSpec,
  keep: number,
  options: Omit<ChangeOptions, 'confirm'> = {},
): Promise<CompactReport> {
  let done: Compacted | undefined;
  const phase = compactPhase(keep, (result) => {
    done = result;
  });
  const change = { verb: 'etcd compact', phase };
  const { report } = await changeEtcd(ctx, spec, change, { ...options, confirm: async () => {} });
  return {
    cluster: spec.name,
    keep,
    ...(done === undefined ? {} : { revision: done.revision }),
    compacted: done?.isNew ?? false,
    durationMs: report.durationMs,
  };
}

/** What was done about the alarms. */
export interface ClearReport {
  readonly cluster: string;
  /** What was found; empty: nothing had to be done. */
  readonly alarms: readonly EtcdAlarm[];
  readonly revision?: number;
  readonly defragmented: readonly Defragmented[];
  /** Members that keep their holes, because they are down or out of reach. */
  readonly skipped: readonly LeftAlone[];
  /** true: a key was written and deleted again. */
  readonly writable: boolean;
  readonly durationMs: number;
}

/**
 * The whole remedy for NOSPACE: compacts, defragments every member, takes the alarm back, and proves that a write works. Throws
 * ETCD_ALARMED for CORRUPT, and when the alarm comes back; ETCD_QUORUM_AT_RISK; and as changeEtcd.
 */
export async function clearAlarms(ctx: Context, spec: ClusterSpec, options: ChangeOptions): Promise<ClearReport> {
  const defragmented: Defragmented[] = [];
  let compacted: Compacted | undefined;
  const phase = clearAlarmsPhase({
    compacted: (result) => {
      compacted = result;
    },
    defragmented: (result) => defragmented.push(result),
  });
  const { report, observed } = await changeEtcd(ctx, spec, { verb: 'etcd alarms clear', phase }, options);
  const found = observed.etcd === undefined ? [] : alarmsOf(spec, observed.etcd);
  const isSpace = found.some(({ alarm }) => alarm === 'NOSPACE');
  return {
    cluster: spec.name,
    alarms: found,
    ...(compacted === undefined ? {} : { revision: compacted.revision }),
    defragmented,
    skipped: isSpace ? chooseToDefrag(spec, observed, [], true).skipped : [],
    writable: report.changes > 0,
    durationMs: report.durationMs,
  };
}
