import type { Emit } from './events.ts';
import { Redactor } from './redact.ts';

/** What every operation below cli/ is given: where to report, when to stop, what to keep secret. */
export interface Context {
  readonly emit: Emit;
  /** Aborts on Ctrl-C and when an enclosing deadline passes. Every wait and command honours it. */
  readonly signal: AbortSignal;
  readonly redactor: Redactor;
}

/** A context that reports nowhere and never aborts, for tests and one-off reads. */
export function silentContext(): Context {
  return { emit: () => {}, signal: new AbortController().signal, redactor: new Redactor() };
}
