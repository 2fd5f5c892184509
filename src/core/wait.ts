import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from './context.ts';
import type { ErrorCode } from './error-codes.ts';
import { hasCode, messageOf, QuorateError } from './errors.ts';

/** Milliseconds as people say them: 850 ms, 12.3 s, 4 min 10 s. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Throws ABORTED once the context's signal has fired. */
export function throwIfAborted(ctx: Pick<Context, 'signal'>): void {
  if (ctx.signal.aborted) throw abortError(ctx.signal);
}

/** The signal's own reason when it is one of ours, else ABORTED. */
export function abortError(signal: AbortSignal): QuorateError {
  return signal.reason instanceof QuorateError ? signal.reason : new QuorateError('ABORTED', 'stopped on request');
}

/** Sleeps for `ms` milliseconds. Throws ABORTED at once when the context's signal fires. */
export async function sleep(ms: number, ctx: Pick<Context, 'signal'>): Promise<void> {
  try {
    await delay(ms, undefined, { signal: ctx.signal });
  } catch {
    throw abortError(ctx.signal);
  }
}

/** What a probe says: true (or nothing) when the condition holds, or a text with the reason why not yet. */
export type ProbeResult = true | string;

/** What is waited for, how long at most, and how often it is looked at. Times in milliseconds. */
export interface WaitOptions {
  /** Shown to the user and in errors: `etcd members agree on the leader`. */
  readonly condition: string;
  readonly deadlineMs: number;
  /** Pause between attempts. */
  readonly intervalMs?: number;
  /** How many attempts in a row must succeed (kOps' `validate --count`). Default 1. */
  readonly successes?: number;
  /** Errors of the probe that waiting does not mend: thrown at once, as those that no wait swallows. */
  readonly isFinal?: (error: unknown) => boolean;
}

/**
 * Polls a named condition until it holds. A probe that throws counts as "not yet", except on ABORTED and on defects of
 * the request itself (config family), and on what `isFinal` names. Throws WAIT_TIMED_OUT with the last reasons, repeated ones folded.
 */
export async function waitFor(ctx: Context, options: WaitOptions, probe: () => Promise<ProbeResult>): Promise<void> {
  const { condition, deadlineMs, intervalMs = 250, successes = 1, isFinal = () => false } = options;
  const start = Date.now();
  const log = new AttemptLog();
  let inARow = 0;
  for (;;) {
    throwIfAborted(ctx);
    const reason = await attempt(probe, isFinal);
    const elapsedMs = Date.now() - start;
    if (reason === true) {
      inARow += 1;
      if (inARow >= successes) {
        ctx.emit('condition.changed', { condition, state: 'ok', elapsedMs });
        return;
      }
    } else {
      inARow = 0;
      if (log.add(reason)) ctx.emit('condition.changed', { condition, state: 'running', detail: reason, elapsedMs });
    }
    if (elapsedMs + intervalMs > deadlineMs) {
      ctx.emit('condition.changed', { condition, state: 'failed', detail: log.last, elapsedMs });
      throw new QuorateError(
        'WAIT_TIMED_OUT',
        `gave up after ${formatDuration(elapsedMs)} waiting for: ${condition}\n${log.render()}`,
        { data: { condition, elapsedMs, lastError: log.last } },
      );
    }
    await sleep(intervalMs, ctx);
  }
}

/** What waiting does not mend. */
const FINAL: readonly ErrorCode[] = [
  'ABORTED',
  'SPEC_INVALID',
  'USAGE',
  'PKI_CONFLICT',
  'SSH_AUTH_FAILED',
  'SSH_HOST_KEY_CHANGED',
  'SSH_HOST_KEY_UNKNOWN',
  'SUDO_REFUSED',
];

async function attempt(probe: () => Promise<ProbeResult>, isFinal: (error: unknown) => boolean): Promise<ProbeResult> {
  try {
    return await probe();
  } catch (error) {
    if (hasCode(error, ...FINAL) || isFinal(error)) throw error;
    return messageOf(error);
  }
}

/** The reasons a condition gave, with repeats folded as `12 × connection refused`. Keeps the last eight. */
class AttemptLog {
  #entries: { text: string; count: number }[] = [];

  /** Adds a reason; true when it differs from the one before. */
  add(text: string): boolean {
    const last = this.#entries.at(-1);
    if (last?.text === text) {
      last.count += 1;
      return false;
    }
    this.#entries.push({ text, count: 1 });
    if (this.#entries.length > 8) this.#entries.shift();
    return true;
  }

  get last(): string {
    return this.#entries.at(-1)?.text ?? 'no attempt was made';
  }

  render(): string {
    return this.#entries.map(({ text, count }) => `  ${count > 1 ? `${count} × ` : ''}${text}`).join('\n');
  }
}
