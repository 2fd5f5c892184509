// What every verb that changes a cluster does: plan, show, confirm, apply as the only operator, wait until it is healthy.
import { type CheckedCondition, evaluate } from '../checks/condition.ts';
import { HEALTH_CONDITIONS } from '../checks/health.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { type ApplyResult, applyPhases } from '../engine/apply.ts';
import { refuseRisky } from '../engine/gate.ts';
import { refuseUnfinishedRecovery } from '../engine/guard.ts';
import { withOperatorLock } from '../engine/operator-lock.ts';
import { makePlan, type PlannedPhase, type PlanReport, planReport } from '../engine/plan.ts';
import { createToolbox, type RunTools, type ToolboxOptions } from '../engine/toolbox.ts';
import { readKubeState } from '../kube/read.ts';
import { type Fleet, withLeaving } from '../machines/fleet.ts';
import { type ObserveOptions, observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import { PHASES } from '../phases/index.ts';
import type { Phase } from '../phases/step.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type DriverOptions, observePatiently, openFleet } from './cluster.ts';

/** How a cluster is changed: by whose consent, and how long it may take to be healthy again. */
export interface ChangeOptions extends ToolboxOptions, DriverOptions {
  /** Shown the plan before anything is changed; throws to decline. Not called when there is nothing to do. */
  readonly confirm: (plan: PlanReport) => Promise<void>;
  /** How long to wait for the cluster to be healthy afterwards, milliseconds. */
  readonly healthDeadlineMs?: number;
}

/** What a change did, and how the cluster was left: as `-o json` shows it. */
export interface ChangeReport {
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

/** What is to be done, beyond what cluster.yaml asks for. */
export interface Change {
  /** The word for the lock: `up`, `machine replace`. */
  readonly verb: string;
  /** What comes before the usual phases. */
  readonly first?: readonly Phase[];
  /** The cluster as it will be seen once those are through, for the plan that is shown. */
  readonly afterFirst?: (observed: Observed) => Observed;
  /** What follows: the usual phases unless it says otherwise; none, and the cluster is not waited for either. */
  readonly rest?: readonly Phase[];
  /** true: what the API says does not matter, because it is about to be replaced or cannot serve. */
  readonly ignoresApi?: boolean;
}

/** What does not answer is asked three times over: half a minute that an outage lasts longer. */
export const MACHINES_ONLY: ObserveOptions = { parts: [] };

/** Nodes become Ready and DNS serves within seconds of the last step; a busy host takes a few times that. */
const HEALTH_DEADLINE_MS = 300_000;

/**
 * Carries a change out. A run that was ended continues with the same call. Throws LOCKED, ABORTED, WAIT_TIMED_OUT and whatever a
 * step throws.
 */
export async function carryOut(
  ctx: Context,
  fleet: Fleet,
  observed: Observed,
  change: Change,
  options: ChangeOptions,
): Promise<ChangeReport> {
  const { spec } = fleet;
  const start = Date.now();
  if (!change.ignoresApi) requireChangeable(observed);
  const report = planReport(spec, observed, planOf(spec, observed, change));
  const begun = makePlan(spec, observed, change.first ?? []);
  refuseRisky(
    spec,
    observed,
    begun.flatMap(({ steps }) => steps),
  );
  if (report.changes > 0) await options.confirm(report);
  const result = await applyAlone(ctx, fleet, observed, change, report, options);
  const hasChanged = result.steps > 0;
  const conditions =
    change.rest?.length === 0 ? [] : await settle(ctx, fleet, hasChanged ? undefined : observed, options);
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

/** Throws what keeps the cluster from being changed: an API that cannot be read, a recovery that has not ended. */
function requireChangeable(observed: Observed): void {
  refuseUnfinishedRecovery(observed);
  requireReadable(observed);
}

/**
 * A plan made without the cluster's own record, nodes and versions looks like one for a cluster that has none of these. Throws what kept
 * them from being read. An API that does not answer at all is another matter: bringing it back is what a run may be for.
 */
function requireReadable({ kube, kubeError }: Observed): void {
  if (kube !== undefined || kubeError === undefined) return;
  throw new QuorateError(
    'API_UNREACHABLE',
    `an API server is ready, but the cluster cannot be read: ${kubeError.message}`,
  );
}

function planOf(spec: ClusterSpec, observed: Observed, { first = [], afterFirst, rest = PHASES }: Change) {
  return [...makePlan(spec, observed, first), ...makePlan(spec, afterFirst?.(observed) ?? observed, rest)];
}

/**
 * Where there is nothing to do, nobody has to be kept away. Else everything is looked at again once nobody else can change it: the plan
 * that was agreed to is the one that is carried out, and one that has grown is asked about again. Throws LOCKED while somebody else
 * holds the lock. The bootstrap token of a run ends with it.
 */
async function applyAlone(
  ctx: Context,
  fleet: Fleet,
  seen: Observed,
  change: Change,
  agreed: PlanReport,
  options: ChangeOptions,
): Promise<ApplyResult> {
  if (agreed.changes === 0) return { steps: 0, phases: [] };
  const { verb, first = [], rest = PHASES } = change;
  const phases = [...first, ...rest];
  return withOperatorLock(ctx, fleet, seen, verb, async (alone) => {
    const observed = await (change.ignoresApi ? observe(alone, fleet, MACHINES_ONLY) : observePatiently(alone, fleet));
    if (!change.ignoresApi) requireChangeable(observed);
    const planned = planOf(fleet.spec, observed, change);
    if (hasMoreToDo(planned, agreed)) {
      // Somebody else was faster, or the cluster is just coming up after a run that was ended.
      ctx.emit('note', { text: 'the cluster has changed since the plan was made' });
      await options.confirm(planReport(fleet.spec, observed, planned));
    }
    const tools = createToolbox(fleet, options);
    try {
      return await applyPhases(alone, tools, observed, phases);
    } finally {
      await tools.revokeToken(ctx);
    }
  });
}

/** Whether there is a step that nobody has agreed to. Steps that are not needed any more are no reason to stop. */
function hasMoreToDo(planned: readonly PlannedPhase[], agreed: PlanReport): boolean {
  const known = new Set(agreed.phases.flatMap(({ id, steps }) => steps.map((step) => `${id} ${step.id}`)));
  return planned.some(({ phase, steps }) => steps.some((step) => !known.has(`${phase.id} ${step.id}`)));
}

/** Waits for every health condition. Machines that have left are not looked for any more. */
async function settle(
  ctx: Context,
  fleet: Fleet,
  seen: Observed | undefined,
  options: ChangeOptions,
): Promise<readonly CheckedCondition[]> {
  const { spec } = fleet;
  const rest = fleet.leaving.length === 0 ? fleet : openFleet(ctx, spec, options);
  const tools = createToolbox(rest, options);
  let observed = seen;
  let conditions: readonly CheckedCondition[] = [];
  const deadlineMs = options.healthDeadlineMs ?? HEALTH_DEADLINE_MS;
  await waitFor(ctx, { condition: 'the cluster is healthy', deadlineMs, intervalMs: 500 }, async () => {
    // A full look costs every machine half a second of a core, which the cluster needs itself while it comes up.
    const pending = observed === undefined ? await pendingInKube(ctx, tools) : [];
    if (pending.length > 0) return describe(pending);
    const full = observed ?? (await observe(ctx, rest));
    observed = undefined;
    conditions = evaluate(HEALTH_CONDITIONS, spec, full);
    const isPartial = Object.values(full.machines).some(({ facts }) => facts === undefined);
    // With a machine left out the cluster cannot become wholly healthy; what is wrong is in the report. It has to serve.
    const counts = (id: string) => (isPartial ? SERVES.includes(id) : !PAST.includes(id));
    const bad = conditions.filter(({ id, state }) => state === 'failed' && counts(id));
    return bad.length === 0 ? true : describe(bad);
  });
  return conditions;
}

/** The conditions that the API alone tells not to hold yet. */
async function pendingInKube(ctx: Context, tools: RunTools): Promise<readonly CheckedCondition[]> {
  const { spec, provider, leaving } = tools.fleet;
  const machines = await provider?.status(ctx, withLeaving(spec, leaving));
  // Where nobody can tell whether a machine is there, a full look does.
  if (machines === undefined || machines.some(({ state }) => state !== 'running')) return [];
  const state = await readKubeState(await tools.kube(ctx));
  const conditions = HEALTH_CONDITIONS.filter(({ needsKubeOnly }) => needsKubeOnly);
  const glimpse = { ...NOTHING_SEEN, takenAtMs: Date.now(), kube: { ...state, addons: {} } };
  return evaluate(conditions, spec, glimpse).filter((condition) => condition.state === 'failed');
}

/** The conditions without which there is no cluster to speak of, whichever machines are missing. */
const SERVES: readonly string[] = ['etcd-quorum', 'etcd-leader', 'endpoint', 'leases'];

/** The conditions that no waiting changes. */
const PAST: readonly string[] = HEALTH_CONDITIONS.filter(({ isAboutPast }) => isAboutPast).map(({ id }) => id);

/** An observation without machines, for conditions that need none. */
const NOTHING_SEEN: Observed = {
  takenAtMs: 0,
  machines: {},
  leaving: [],
  hostPrepared: true,
  missingArtifacts: [],
  apiServers: [],
  vipHolders: [],
};

function describe(conditions: readonly CheckedCondition[]): string {
  return conditions.map(({ title, detail }) => `${title}: ${detail}`).join('; ');
}
