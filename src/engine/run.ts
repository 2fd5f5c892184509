import type { Context } from '../core/context.ts';
import { hasCode, toQuorateError } from '../core/errors.ts';
import type { ErrorData } from '../core/events.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** Brackets a run with run.started and run.finished, for the journal. */
export async function recorded<T>(ctx: Context, spec: ClusterSpec, verb: string, work: () => Promise<T>): Promise<T> {
  const start = Date.now();
  const { name: cluster, file } = spec;
  ctx.emit('run.started', { verb, cluster, ...(file === undefined ? {} : { file }), pid: process.pid });
  try {
    const result = await work();
    ctx.emit('run.finished', { outcome: 'ok', durationMs: Date.now() - start });
    return result;
  } catch (error) {
    const outcome = hasCode(error, 'ABORTED') ? 'aborted' : 'failed';
    ctx.emit('run.finished', { outcome, durationMs: Date.now() - start, error: errorData(error) });
    throw error;
  }
}

/** Any failure as data for events. */
export function errorData(thrown: unknown): ErrorData {
  const error = toQuorateError(thrown);
  return { code: error.code, message: error.message, hint: error.hint, family: error.family };
}
