// The one registry of events. Everything below cli/ reports by emitting these; the terminal, `-o json`, the run journal
// and (later) the dashboard subscribe.

/** Data of every event, by its code (`area.thing.happened`). All values are JSON and free of secrets. */
export interface EventData {
  /** A run that changes a cluster has begun, in the process `pid`. The journal's first line. */
  'run.started': { verb: string; cluster: string; file?: string; pid?: number };
  /** The run has ended, one way or another. The journal's last line. */
  'run.finished': { outcome: Outcome; durationMs: number; error?: ErrorData };
  /** A phase of the plan has begun; `steps` is how many it has to do. */
  'phase.started': { phase: string; title: string; steps: number };
  /** All steps of a phase have ended, or one of them has failed. */
  'phase.finished': { phase: string; outcome: Outcome; durationMs: number };
  /** A step has begun. Steps of different machines run at the same time. */
  'step.started': { phase: string; step: string; machine?: string; title: string };
  /** A step has ended; `error` says why it failed. */
  'step.finished': {
    phase: string;
    step: string;
    machine?: string;
    title: string;
    outcome: Outcome;
    durationMs: number;
    error?: ErrorData;
  };
  /** Every command that ran, on this host (`machine` absent) or on a machine. argv is redacted. */
  'command.finished': {
    machine?: string;
    argv: readonly string[];
    exitCode: number;
    durationMs: number;
    stderr?: string;
  };
  /** A named condition that is being waited for changed its state or its last error. */
  'condition.changed': { condition: string; state: ConditionState; detail?: string; elapsedMs: number };
  /** Work on one artifact. `fraction` is 0..1 where it is known; `expectedMs` is how long it took last time. */
  'artifact.progress': {
    artifact: string;
    stage: 'cache' | 'bundle' | 'download' | 'build' | 'pack' | 'bake';
    fraction?: number;
    expectedMs?: number;
    elapsedMs: number;
    detail?: string;
  };
  /** An artifact lies in the cache, verified. `source` is where it came from. */
  'artifact.ready': {
    artifact: string;
    source: 'cache' | 'bundle' | 'download' | 'build' | 'pack';
    durationMs: number;
  };
  /** A machine was made, started, stopped, killed or destroyed. */
  'machine.changed': { machine: string; state: string; detail?: string };
  /** Something to know that does not stop the run. */
  warning: { text: string };
  /** Something worth saying once. */
  note: { text: string };
}

/** area.thing.happened, as the registry above names it. */
export type EventCode = keyof EventData;
/** How a run, a phase or a step ended. aborted: by Ctrl-C, not by a fault of its own. */
export type Outcome = 'ok' | 'failed' | 'skipped' | 'aborted';
/** running: it does not hold yet, and is still waited for. skipped: it cannot be told, or does not apply. */
export type ConditionState = 'running' | 'ok' | 'failed' | 'skipped';

/** A QuorateError as data. */
export interface ErrorData {
  code: string;
  message: string;
  hint: string;
  family: string;
  data?: Readonly<Record<string, unknown>>;
}

/** One event. `t` is milliseconds since the Unix epoch. */
export type QuorateEvent = {
  [C in EventCode]: { readonly t: number; readonly code: C; readonly data: EventData[C] };
}[EventCode];

/** Reports one event; the time is added. Returns when every subscriber has seen it. */
export type Emit = <C extends EventCode>(code: C, data: EventData[C]) => void;
/** Called for each event, synchronously: it has to be quick. What it throws, the emitter throws. */
export type Subscriber = (event: QuorateEvent) => void;

/** Delivers each event to every subscriber, in order, synchronously. */
export class EventBus {
  #subscribers = new Set<Subscriber>();

  readonly emit: Emit = (code, data) => {
    const event = { t: Date.now(), code, data } as QuorateEvent;
    for (const subscriber of this.#subscribers) subscriber(event);
  };

  /** Subscribes; returns the function that ends the subscription. */
  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }
}
