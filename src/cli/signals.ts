import { QuorateError } from '../core/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** 128 + SIGINT, the shells' convention. */
const FORCED_EXIT_CODE = 130;

/** What the first and the second signal do. */
export interface SignalHandlers {
  /** Asks everything that runs to stop; faults are healed and files are left whole. */
  readonly abort: (reason: QuorateError) => void;
  readonly say: (text: string) => void;
  /** Restores the terminal before the process ends at once. */
  readonly restore: () => void;
}

/** Ctrl-C stops in order, a second one at once. Returns the function that removes the handlers again. */
export function handleSignals(handlers: SignalHandlers): () => void {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) {
      handlers.restore();
      process.exit(FORCED_EXIT_CODE);
    }
    isStopping = true;
    handlers.say('stopping ... (again to force)');
    handlers.abort(new QuorateError('ABORTED', `stopped on request (${signal})`));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** For commands that show what comes until Ctrl-C, which is how they end: not a word about it. A second one ends at once. */
export function abortOnSignals(): { readonly signal: AbortSignal; readonly remove: () => void } {
  const controller = new AbortController();
  const abort = (reason: QuorateError) => controller.abort(reason);
  return { signal: controller.signal, remove: handleSignals({ abort, say: () => {}, restore: () => {} }) };
}

/**
 * For commands that hand the terminal to another program (machine shell, kubectl): Ctrl-C is that program's business, so it
 * is ignored here. Returns the function that removes the handler again.
 */
export function leaveSignalsToChild(): () => void {
  const ignore = () => {};
  process.on('SIGINT', ignore);
  return () => {
    process.off('SIGINT', ignore);
  };
}
