// Who else listens to a command's events beside the terminal.
import type { Subscriber } from '../core/events.ts';
import type { Redactor } from '../core/redact.ts';
import { createJournal } from '../engine/journal.ts';

/** A listener that lives as long as one command. */
export interface EventSink {
  readonly onEvent: Subscriber;
  /** Flushes what is buffered; called once, after the last event. */
  close(): Promise<void>;
  /** A file that tells more when the command failed. */
  location(): string | undefined;
}

/** Makes a listener for one run of a verb (`up`, `machine kill`). It must not do anything before the first event. */
export type SinkFactory = (info: { readonly verb: string; readonly redactor: Redactor }) => EventSink;

/** Every run that changes a cluster leaves a journal. The file begins with `run.started`; verbs that only read leave none. */
export const SINKS: readonly SinkFactory[] = [({ redactor }) => createJournal(redactor)];
