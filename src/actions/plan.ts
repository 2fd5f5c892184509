import type { Context } from '../core/context.ts';
import { makePlan, type PlanReport, planReport } from '../engine/plan.ts';
import { observe } from '../observe/observe.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';

/** Compares the cluster with its specification. Reads only. */
export async function plan(ctx: Context, spec: ClusterSpec): Promise<PlanReport> {
  const observed = await observe(ctx, openFleet(ctx, spec));
  return planReport(spec, observed, makePlan(spec, observed));
}
