import { type CheckedCondition, evaluate } from '../checks/condition.ts';
import { HEALTH_CONDITIONS } from '../checks/health.ts';
import type { Context } from '../core/context.ts';
import { hasCode } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { type ApplyResult, applyPhases, errorData } from '../engine/apply.ts';
import { withClusterLock } from '../engine/lock.ts';
import { makePlan, type PlanReport, planReport } from '../engine/plan.ts';
import { createToolbox, type RunTools, type ToolboxOptions } from '../engine/toolbox.ts';
import type { Fleet } from '../machines/fleet.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';
import { preflight } from './preflight.ts';

export interface UpOptions extends ToolboxOptions {
  /** Shown the plan before anything is changed; throws to decline. Not called when there is nothing to do. */
  readonly confirm: (plan: PlanReport) => Promise<void>;
  /** How long to wait for the cluster to be healthy afterwards, milliseconds. */
  readonly healthDeadlineMs?: number;
}

export interface UpReport {
  readonly cluster: string;
  readonly endpoint: string;
  /** How many steps ran; 0: nothing had to be changed. */
  readonly changes: number;
  readonly phases: ApplyResult['phases'];
  readonly conditions: readonly CheckedCondition[];
  /** Machines that did not answer and were left out. */
  readonly skipped: PlanReport['skipped'];
  readonly durationMs: number;
}

/** Nodes become Ready and DNS serves within seconds of the last step; a busy host takes a few times that. */
const HEALTH_DEADLINE_MS = 300_000;

/**
 * Carries the cluster to its specification: plan, show, confirm, apply, wait until it is healthy. A run that was ended
 * continues with the same call. Throws LOCKED, ABORTED, WAIT_TIMED_OUT and whatever a step throws.
 */
export async function up(ctx: Context, spec: ClusterSpec, options: UpOptions): Promise<UpReport> {
  const fleet = openFleet(ctx, spec, options);
  return withClusterLock(ctx, spec.name, () => recorded(ctx, spec, () => carryOut(ctx, fleet, options)));
}

async function carryOut(ctx: Context, fleet: Fleet, options: UpOptions): Promise<UpReport> {
  const { spec } = fleet;
  const start = Date.now();
  const observed = await observe(ctx, fleet);
  await preflight(ctx, spec, observed);
  const report = planReport(spec, observed, makePlan(spec, observed));
  if (report.changes > 0) await options.confirm(report);
  const tools = createToolbox(fleet, observed, options);
  const result = await applyAndRevoke(ctx, tools, observed);
  const conditions = await waitUntilHealthy(ctx, fleet, result.steps === 0 ? observed : undefined, options);
  return {
    cluster: spec.name,
    endpoint: spec.endpoint.url,
    changes: result.steps,
    phases: result.phases,
    conditions,
    skipped: report.skipped,
    durationMs: Date.now() - start,
  };
}

/** The bootstrap token of this run ends with it, whatever becomes of the run. */
async function applyAndRevoke(ctx: Context, tools: RunTools, observed: Observed): Promise<ApplyResult> {
  try {
    return await applyPhases(ctx, tools, observed);
  } finally {
    await tools.revokeToken(ctx);
  }
}

/** Waits for every health condition, except those of machines that were left out. */
async function waitUntilHealthy(
  ctx: Context,
  fleet: Fleet,
  seen: Observed | undefined,
  options: UpOptions,
): Promise<readonly CheckedCondition[]> {
  let observed = seen;
  let conditions: readonly CheckedCondition[] = [];
  const deadlineMs = options.healthDeadlineMs ?? HEALTH_DEADLINE_MS;
  const probe = async () => {
    observed ??= await observe(ctx, fleet);
    conditions = evaluate(HEALTH_CONDITIONS, fleet.spec, observed);
    const isPartial = Object.values(observed.machines).some(({ facts }) => facts === undefined);
    observed = undefined;
    const bad = conditions.filter(({ state }) => state === 'failed');
    // With a machine left out the cluster cannot become wholly healthy; what is wrong is in the report.
    if (bad.length === 0 || isPartial) return true as const;
    return bad.map(({ title, detail }) => `${title}: ${detail}`).join('; ');
  };
  await waitFor(ctx, { condition: 'the cluster is healthy', deadlineMs, intervalMs: 300 }, probe);
  return conditions;
}

/** Brackets a run with run.started and run.finished, for the journal. */
export async function recorded<T>(ctx: Context, spec: ClusterSpec, work: () => Promise<T>, verb = 'up'): Promise<T> {
  const start = Date.now();
  ctx.emit('run.started', { verb, cluster: spec.name, ...(spec.file === undefined ? {} : { file: spec.file }) });
  try {
    const result = await work();
    ctx.emit('run.finished', { outcome: 'ok', durationMs: Date.now() - start });
    return result;
  } catch (error) {
    const outcome = hasCode(error, 'ABORTED') ? 'aborted' : 'failed';
    ctx.emit('run.finished', { outcome, durationMs: Date.now() - start, error: errorData(error) });
    throw error;
  }
}
