import https from 'node:https';
import type { Context } from '../core/context.ts';

/** Whether an API server says that it can serve: /readyz answered with 200. */
export interface ApiProbe {
  readonly ready: boolean;
  /** Why not: the failed checks, the HTTP status or the connection's error. */
  readonly detail?: string;
}

/** Twice HAProxy's own check time-out leaves room for a busy machine; longer would hold up `status`. */
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Asks `https://address:port/readyz?verbose` with the cluster CA, as any client may (the role system:public-info-viewer).
 * Never throws: what goes wrong is the answer.
 */
export function probeApiServer(ctx: Context, address: string, port: number, ca: string): Promise<ApiProbe> {
  return new Promise((resolve) => {
    const request = https.get(
      {
        host: address,
        port,
        path: '/readyz?verbose',
        ca,
        agent: false,
        signal: AbortSignal.any([ctx.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('error', (error) => resolve({ ready: false, detail: error.message }));
        response.on('end', () => resolve(readAnswer(response.statusCode ?? 0, body)));
      },
    );
    request.on('error', (error) =>
      resolve({
        ready: false,
        detail: error.name === 'AbortError' || error.name === 'TimeoutError' ? 'no answer' : error.message,
      }),
    );
  });
}

function readAnswer(status: number, body: string): ApiProbe {
  if (status === 200) return { ready: true };
  const failed = body.split('\n').flatMap((line) => /^\[-\](\S+)/.exec(line)?.[1] ?? []);
  return { ready: false, detail: failed.length > 0 ? `not ready: ${failed.join(', ')}` : `HTTP ${status}` };
}
