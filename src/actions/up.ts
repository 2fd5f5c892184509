import { type CheckedCondition, evaluate } from '../checks/condition.ts';
import { HEALTH_CONDITIONS } from '../checks/health.ts';
import type { Context } from '../core/context.ts';
import { hasCode } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { type ApplyResult, applyPhases, errorData } from '../engine/apply.ts';
import { withClusterLock } from '../engine/lock.ts';
import { makePlan, type PlanReport, planReport } from '../engine/plan.ts';
import { createToolbox, type RunTools, type ToolboxOptions } from '../engine/toolbox.ts';
import { readKubeState } from '../kube/read.ts';
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
  const conditions = await waitUntilHealthy(ctx, tools, result.steps === 0 ? observed : undefined, options);
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
  tools: RunTools,
  seen: Observed | undefined,
  options: UpOptions,
): Promise<readonly CheckedCondition[]> {
  const { spec } = tools.fleet;
  let observed = seen;
  let conditions: readonly CheckedCondition[] = [];
  const deadlineMs = options.healthDeadlineMs ?? HEALTH_DEADLINE_MS;
  await waitFor(ctx, { condition: 'the cluster is healthy', deadlineMs, intervalMs: 500 }, async () => {
    // A full look costs every machine half a second of a core, which the cluster needs itself while it comes up.
    const pending = observed === undefined ? await pendingInKube(ctx, tools) : [];
    if (pending.length > 0) return describe(pending);
    const full = observed ?? (await observe(ctx, tools.fleet));
    observed = undefined;
    conditions = evaluate(HEALTH_CONDITIONS, spec, full);
    const isPartial = Object.values(full.machines).some(({ facts }) => facts === undefined);
    // With a machine left out the cluster cannot become wholly healthy; what is wrong is in the report. It has to serve.
    const bad = conditions.filter(({ id, state }) => state === 'failed' && (!isPartial || SERVES.includes(id)));
    return bad.length === 0 ? true : describe(bad);
  });
  return conditions;
}

/** The conditions that the API alone tells not to hold yet. */
async function pendingInKube(ctx: Context, tools: RunTools): Promise<readonly CheckedCondition[]> {
  const { spec } = tools.fleet;
  const machines = await tools.fleet.provider?.status(ctx, spec);
  if (machines?.some(({ state }) => state !== 'running')) return [];
  const state = await readKubeState(await tools.kube(ctx));
  const conditions = HEALTH_CONDITIONS.filter(({ needsKubeOnly }) => needsKubeOnly);
  const glimpse = { ...NOTHING_SEEN, takenAtMs: Date.now(), kube: { ...state, addons: {} } };
  return evaluate(conditions, spec, glimpse).filter((condition) => condition.state === 'failed');
}

/** The conditions without which there is no cluster to speak of, whichever machines are missing. */
const SERVES: readonly string[] = ['etcd-quorum', 'etcd-leader', 'endpoint', 'leases'];

/** An observation without machines, for conditions that need none. */
const NOTHING_SEEN: Observed = {
  takenAtMs: 0,
  machines: {},
  hostPrepared: true,
  missingArtifacts: [],
  apiServers: [],
  vipHolders: [],
};

function describe(conditions: readonly CheckedCondition[]): string {
  return conditions.map(({ title, detail }) => `${title}: ${detail}`).join('; ');
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
