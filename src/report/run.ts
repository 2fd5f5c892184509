// One run, put together again from its events. Pure.
import type { ErrorData, EventData, Outcome, QuorateEvent } from '../core/events.ts';

/** How a run stands: `interrupted` is one whose process went away without a word. */
export type RunOutcome = Outcome | 'running' | 'interrupted';

/** Something that took a while. Points in time are milliseconds since the Unix epoch. */
interface Span {
  readonly title: string;
  readonly startedMs: number;
  /** Absent for what never ended. */
  readonly durationMs?: number;
  readonly outcome: RunOutcome;
}

/** One step of a run. */
export interface RunStep extends Span {
  readonly id: string;
  readonly machine?: string;
  readonly error?: ErrorData;
}

/** One phase of a run, with the steps that began. */
export interface RunPhase extends Span {
  readonly id: string;
  readonly steps: readonly RunStep[];
}

/** A run in one line. */
export interface RunSummary {
  /** Name of its journal without the ending. */
  readonly id: string;
  readonly verb: string;
  readonly cluster: string;
  readonly startedMs: number;
  /** Until its end, else until its last sign of life. */
  readonly durationMs: number;
  readonly outcome: RunOutcome;
  /** How many steps were done. */
  readonly steps: number;
  /** The journal. */
  readonly path: string;
}

/** A run with all that it did. */
export interface RunReport extends RunSummary {
  readonly phases: readonly RunPhase[];
  readonly error?: ErrorData;
  /** Lines of the journal that could not be read. */
  readonly damagedLines: number;
}

/** A journal's file, read. */
export interface RunJournal {
  readonly id: string;
  readonly path: string;
  readonly events: readonly QuorateEvent[];
  readonly damagedLines: number;
}

type Of<C extends QuorateEvent['code']> = Extract<QuorateEvent, { code: C }>;

/** The first event of a run; undefined when the journal does not begin with one. */
export function startOf({ events }: RunJournal): Of<'run.started'> | undefined {
  return eventsOf(events, 'run.started')[0];
}

/** The run of a journal. `isRunning`: its process is alive. Undefined when the journal holds none. */
export function runReport(journal: RunJournal, isRunning: boolean): RunReport | undefined {
  const { id, path, events, damagedLines } = journal;
  const start = startOf(journal);
  if (start === undefined) return undefined;
  const end = eventsOf(events, 'run.finished')[0];
  const open: RunOutcome = isRunning && end === undefined ? 'running' : 'interrupted';
  const phases = phasesOf(events, open);
  const error = end?.data.error;
  return {
    id,
    verb: start.data.verb,
    cluster: start.data.cluster,
    startedMs: start.t,
    durationMs: end?.data.durationMs ?? (events.at(-1)?.t ?? start.t) - start.t,
    outcome: end?.data.outcome ?? open,
    steps: phases.flatMap(({ steps }) => steps).filter(({ outcome }) => outcome === 'ok').length,
    path,
    phases,
    ...(error === undefined ? {} : { error }),
    damagedLines,
  };
}

/** What a list shows of a run. */
export function runSummary({
  phases: _phases,
  error: _error,
  damagedLines: _lines,
  ...summary
}: RunReport): RunSummary {
  return summary;
}

function phasesOf(events: readonly QuorateEvent[], open: RunOutcome): RunPhase[] {
  const ends = new Map(eventsOf(events, 'phase.finished').map(({ data }) => [data.phase, data]));
  return eventsOf(events, 'phase.started').map(({ t, data }) => ({
    id: data.phase,
    title: data.title,
    startedMs: t,
    ...endOf(ends.get(data.phase), open),
    steps: stepsOf(events, data.phase, open),
  }));
}

function stepsOf(events: readonly QuorateEvent[], phase: string, open: RunOutcome): RunStep[] {
  const ends = new Map(eventsOf(events, 'step.finished').map(({ data }) => [`${data.phase} ${data.step}`, data]));
  return eventsOf(events, 'step.started')
    .filter(({ data }) => data.phase === phase)
    .map(({ t, data: { step, machine, title } }) => {
      const end = ends.get(`${phase} ${step}`);
      return {
        id: step,
        ...(machine === undefined ? {} : { machine }),
        title,
        startedMs: t,
        ...endOf(end, open),
        ...(end?.error === undefined ? {} : { error: end.error }),
      };
    });
}

function endOf(
  end: Pick<EventData['phase.finished'], 'outcome' | 'durationMs'> | undefined,
  open: RunOutcome,
): { outcome: RunOutcome; durationMs?: number } {
  return end === undefined ? { outcome: open } : { outcome: end.outcome, durationMs: end.durationMs };
}

function eventsOf<C extends QuorateEvent['code']>(events: readonly QuorateEvent[], code: C): Of<C>[] {
  return events.filter((event): event is Of<C> => event.code === code);
}
