import { join } from 'node:path';
import type { Context } from '../core/context.ts';
import { withLock } from '../core/lock.ts';
import { runtimeDir } from '../core/paths.ts';

/** Runs `work` as the only quorate that changes this cluster from this host. Throws LOCKED, naming the other process. */
export function withClusterLock<T>(ctx: Context, cluster: string, work: () => Promise<T>): Promise<T> {
  return withLock(ctx, join(runtimeDir(), 'locks', `${cluster}.lock`), `cluster ${cluster}`, work, 'fail');
}
