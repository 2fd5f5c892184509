// What is going on right now, reduced from events. Pure, so that a frame can be tested without a terminal.
import type { EventData, QuorateEvent } from '../../core/events.ts';

/** A phase that has started and not finished. */
export interface RunningPhase {
  readonly title: string;
  readonly startedMs: number;
  readonly totalSteps: number;
  readonly doneSteps: number;
  /** Machines whose steps have finished or run. */
  readonly machines: ReadonlySet<string>;
  readonly steps: ReadonlyMap<string, RunningStep>;
}

/** A step that runs. */
export interface RunningStep {
  readonly machine?: string;
  readonly title: string;
  readonly startedMs: number;
}

/** A condition that does not hold yet. */
export interface WaitedCondition {
  readonly detail?: string;
  readonly startedMs: number;
}

/** An artifact that is being obtained. */
export interface RunningArtifact {
  readonly stage: EventData['artifact.progress']['stage'];
  readonly startedMs: number;
  readonly fraction?: number;
  readonly expectedMs?: number;
  readonly detail?: string;
}

/** What has begun and not ended, by phase id, condition, and artifact name, in the order of beginning. */
export interface RunView {
  readonly phases: ReadonlyMap<string, RunningPhase>;
  readonly conditions: ReadonlyMap<string, WaitedCondition>;
  readonly artifacts: ReadonlyMap<string, RunningArtifact>;
}

/** Nothing is going on. */
export const EMPTY_VIEW: RunView = { phases: new Map(), conditions: new Map(), artifacts: new Map() };

/** The view after one more event. */
export function reduceView(view: RunView, event: QuorateEvent): RunView {
  const { t } = event;
  switch (event.code) {
    case 'phase.started': {
      const { phase, title, steps } = event.data;
      const running = {
        title,
        startedMs: t,
        totalSteps: steps,
        doneSteps: 0,
        machines: new Set<string>(),
        steps: new Map(),
      };
      return { ...view, phases: put(view.phases, phase, running) };
    }
    case 'phase.finished':
      return { ...view, phases: drop(view.phases, event.data.phase) };
    case 'step.started':
    case 'step.finished':
      return { ...view, phases: reduceStep(view.phases, event) };
    case 'condition.changed':
      return { ...view, conditions: reduceCondition(view.conditions, event.data, t) };
    case 'artifact.progress': {
      const { artifact, elapsedMs, ...rest } = event.data;
      return { ...view, artifacts: put(view.artifacts, artifact, { ...rest, startedMs: t - elapsedMs }) };
    }
    case 'artifact.ready':
      return { ...view, artifacts: drop(view.artifacts, event.data.artifact) };
    case 'run.finished':
      return EMPTY_VIEW;
    default:
      return view;
  }
}

type StepEvent = Extract<QuorateEvent, { code: 'step.started' | 'step.finished' }>;

function reduceStep(phases: RunView['phases'], event: StepEvent): RunView['phases'] {
  const { phase: id, step, machine, title } = event.data;
  const phase = phases.get(id);
  if (!phase) return phases;
  const machines = machine === undefined ? phase.machines : new Set([...phase.machines, machine]);
  if (event.code === 'step.finished') {
    return put(phases, id, { ...phase, machines, doneSteps: phase.doneSteps + 1, steps: drop(phase.steps, step) });
  }
  const running = { title, startedMs: event.t, ...(machine === undefined ? {} : { machine }) };
  return put(phases, id, { ...phase, machines, steps: put(phase.steps, step, running) });
}

function reduceCondition(
  conditions: RunView['conditions'],
  { condition, state, detail, elapsedMs }: EventData['condition.changed'],
  t: number,
): RunView['conditions'] {
  if (state !== 'running') return drop(conditions, condition);
  return put(conditions, condition, { startedMs: t - elapsedMs, ...(detail === undefined ? {} : { detail }) });
}

function put<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map(map).set(key, value);
}

function drop<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
