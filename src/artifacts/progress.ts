import type { Context } from '../core/context.ts';
import type { EventData } from '../core/events.ts';

type Stage = EventData['artifact.progress']['stage'];

/** What changes while work goes on. */
export interface ProgressState {
  /** 0..1 */
  readonly fraction?: number;
  /** What is being done right now: compiling k8s.io/client-go/rest. */
  readonly detail?: string;
}

/** Two a second: enough for the eye, little enough for a log. */
const INTERVAL_MS = 500;

/**
 * Emits artifact.progress for one artifact while `work` runs: at once, then twice a second with the newest state, so that
 * elapsed time moves even while a linker is silent.
 */
export async function withProgress<T>(
  ctx: Context,
  artifact: string,
  stage: Stage,
  options: { readonly expectedMs?: number | undefined; readonly detail?: string },
  work: (update: (state: ProgressState) => void) => Promise<T>,
): Promise<T> {
  const start = Date.now();
  const { expectedMs } = options;
  let state: ProgressState = options.detail === undefined ? {} : { detail: options.detail };
  const emit = () =>
    ctx.emit('artifact.progress', {
      artifact,
      stage,
      elapsedMs: Date.now() - start,
      ...(expectedMs === undefined ? {} : { expectedMs }),
      ...state,
    });
  emit();
  const timer = setInterval(emit, INTERVAL_MS);
  try {
    return await work((next) => {
      state = { ...state, ...next };
    });
  } finally {
    clearInterval(timer);
  }
}
