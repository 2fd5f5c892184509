// Runs a plan: phase after phase, each planned again from fresh facts just before it runs.
import type { Context } from '../core/context.ts';
import { hasCode, messageOf, QuorateError, toQuorateError } from '../core/errors.ts';
import { sleep, throwIfAborted } from '../core/wait.ts';
import { type ObservedPart, observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import { PHASES } from '../phases/index.ts';
import { clusterLife } from '../phases/membership.ts';
import type { Phase, Step } from '../phases/step.ts';
import type { Toolbox } from '../phases/toolbox.ts';
import { runThroughGate } from './gate.ts';
import { refuseImpossibleChanges } from './guard.ts';
import { errorData } from './run.ts';

/** What a run did: the phases that had something to do, in the order in which they ran. */
export interface ApplyResult {
  /** How many steps ran; 0 means that everything was as it should be. */
  readonly steps: number;
  readonly phases: readonly {
    readonly id: string;
    readonly title: string;
    readonly steps: number;
    readonly durationMs: number;
  }[];
}

/** A connection that breaks once (a machine still booting, an API server restarting) deserves another try. */
const CONNECT_RETRIES = 2;
const RETRY_PAUSE_MS = 1_000;

/**
 * Applies the phases, starting from an observation that was just taken. Throws the first failure, after the other machines'
 * running steps have ended; the same call continues from there.
 */
export async function applyPhases(
  ctx: Context,
  tools: Toolbox,
  initial: Observed,
  phases: readonly Phase[] = PHASES,
): Promise<ApplyResult> {
  const { fleet } = tools;
  const done: ApplyResult['phases'][number][] = [];
  let observed = initial;
  // What the observation holds; after a phase that did something, nothing of it counts any more.
  let parts: readonly ObservedPart[] | undefined = ['etcd', 'kube'];
  const isLiving = clusterLife(fleet.spec, initial) !== 'new';
  for (const phase of phases) {
    // What a run makes it makes as it should be: changing it would find nothing to do.
    if (phase.isForLiving && !isLiving) continue;
    throwIfAborted(ctx);
    const needed = phase.needs ?? [];
    // One that was taken for another phase may lack what this one plans from, and what is missing looks like what is down.
    if (parts === undefined || !needed.every((part) => parts?.includes(part))) {
      observed = await observe(ctx, fleet, { parts: needed });
      parts = needed;
      // What could not be told while the API was down.
      if (observed.kube !== undefined) refuseImpossibleChanges(fleet.spec, observed);
    }
    const steps = phase.plan(fleet.spec, observed);
    if (steps.length === 0) continue;
    const start = Date.now();
    await runPhase(ctx, tools, phase, steps);
    done.push({ id: phase.id, title: phase.title, steps: steps.length, durationMs: Date.now() - start });
    parts = undefined;
  }
  return { steps: done.reduce((sum, { steps }) => sum + steps, 0), phases: done };
}

async function runPhase(ctx: Context, tools: Toolbox, phase: Phase, steps: readonly Step[]): Promise<void> {
  const start = Date.now();
  ctx.emit('phase.started', { phase: phase.id, title: phase.title, steps: steps.length });
  try {
    await runLanes(ctx, tools, phase, steps);
    ctx.emit('phase.finished', { phase: phase.id, outcome: 'ok', durationMs: Date.now() - start });
  } catch (error) {
    const outcome = hasCode(error, 'ABORTED') ? 'aborted' : 'failed';
    ctx.emit('phase.finished', { phase: phase.id, outcome, durationMs: Date.now() - start });
    throw error;
  }
}

/** Lanes run in parallel; disruptive steps of all lanes one after another. A failure lets running steps end, starts none. */
async function runLanes(ctx: Context, tools: Toolbox, phase: Phase, steps: readonly Step[]): Promise<void> {
  const failures: unknown[] = [];
  let gate: Promise<void> = Promise.resolve();
  const throughGate = (step: Step): Promise<void> => {
    const { disruption } = step;
    if (!disruption) return step.run(ctx, tools);
    const turn = gate.then(async () => {
      if (failures.length > 0) throw new QuorateError('ABORTED', `${step.title} was not started: another step failed`);
      await runThroughGate(ctx, tools, step, disruption);
    });
    gate = turn.catch(() => {});
    return turn;
  };
  const lanes = groupByLane(steps);
  await Promise.all(
    lanes.map(async (lane) => {
      for (const step of lane) {
        if (failures.length > 0) return;
        try {
          await runStep(ctx, phase, step, () => throughGate(step));
        } catch (error) {
          failures.push(error);
        }
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}

function groupByLane(steps: readonly Step[]): Step[][] {
  const lanes = new Map<string, Step[]>();
  for (const step of steps) lanes.set(step.lane, [...(lanes.get(step.lane) ?? []), step]);
  return [...lanes.values()];
}

async function runStep(ctx: Context, phase: Phase, step: Step, run: () => Promise<void>): Promise<void> {
  const start = Date.now();
  const about = {
    phase: phase.id,
    step: step.id,
    title: step.title,
    ...(step.machine === undefined ? {} : { machine: step.machine }),
  };
  ctx.emit('step.started', about);
  try {
    await retryConnection(ctx, run);
    ctx.emit('step.finished', { ...about, outcome: 'ok', durationMs: Date.now() - start });
  } catch (error) {
    const durationMs = Date.now() - start;
    const outcome = hasCode(error, 'ABORTED') ? 'aborted' : 'failed';
    ctx.emit('step.finished', { ...about, outcome, durationMs, error: errorData(error) });
    throw error;
  }
}

async function retryConnection(ctx: Context, run: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= CONNECT_RETRIES || toQuorateError(error).family !== 'connect') throw error;
      ctx.emit('note', { text: `trying again: ${messageOf(error)}` });
      await sleep(RETRY_PAUSE_MS, ctx);
    }
  }
}
