// The cluster's record of itself (manifests/cluster-record.ts), kept true: before a change what is about to be, after it what is.
import { applyObject } from '../../kube/client.ts';
import { type ClusterRecord, finishedRecord, recordObject } from '../../manifests/cluster-record.ts';
import { retiring } from '../../observe/leaving.ts';
import type { Observed } from '../../observe/observed.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { SERIAL_LANE, type Step } from '../step.ts';

/** The record of a cluster that has reached its specification. At most one step. */
export function recordSteps(spec: ClusterSpec, observed: Observed, before: ClusterRecord | undefined): Step[] {
  // Without an API there is nothing to compare with; a new cluster has none of it.
  if (observed.kube === undefined && before !== undefined) return [];
  const wanted = finishedRecord(spec, before, retiring(observed));
  const why = before === undefined ? 'there is none yet' : 'it says what was before';
  return before !== undefined && isSameRecord(wanted, before) ? [] : [recordStep(wanted, why)];
}

/** Writes this record. */
export function recordStep(content: ClusterRecord, why: string): Step {
  return {
    id: 'record',
    lane: SERIAL_LANE,
    title: 'write the record of the cluster (ConfigMap kube-system/quorate-cluster)',
    why,
    run: async (ctx, tools) => applyObject(await tools.kube(ctx), recordObject(content)),
  };
}

/** True when two records say the same. */
export function isSameRecord(a: ClusterRecord, b: ClusterRecord): boolean {
  return textOf(a) === textOf(b);
}

/** The order of machines is no matter. */
function textOf(content: ClusterRecord): string {
  const machines = [...content.machines].sort((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify(recordObject({ ...content, machines }));
}
