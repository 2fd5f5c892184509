import type { Context } from '../../src/core/context.ts';
import { EventBus, type QuorateEvent } from '../../src/core/events.ts';
import { Redactor } from '../../src/core/redact.ts';

/** A context that remembers every event, and whose signal a test can fire. */
export function recordingContext(): Context & { readonly events: QuorateEvent[]; readonly abort: AbortController } {
  const bus = new EventBus();
  const events: QuorateEvent[] = [];
  bus.subscribe((event) => void events.push(event));
  const abort = new AbortController();
  return { emit: bus.emit, signal: abort.signal, redactor: new Redactor(), events, abort };
}
