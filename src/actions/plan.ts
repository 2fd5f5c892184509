import type { Context } from '../core/context.ts';
import { makePlan, type PlanReport, planReport } from '../engine/plan.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type DriverOptions, openCluster } from './cluster.ts';

/** Compares the cluster with its specification. Reads only. */
export async function plan(ctx: Context, spec: ClusterSpec, options: DriverOptions = {}): Promise<PlanReport> {
  const { observed } = await openCluster(ctx, spec, options);
  return planReport(spec, observed, makePlan(spec, observed));
}
