import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';
import { recorded } from './up.ts';

export interface DownOptions {
  /** Asked with the machines that will be destroyed; throws to decline. Not called when there is nothing left. */
  readonly confirm: (machines: readonly string[]) => Promise<void>;
}

export interface DownReport {
  readonly cluster: string;
  /** Machines that existed and were destroyed. */
  readonly destroyed: readonly string[];
  readonly durationMs: number;
}

/** Destroys the cluster's machines with their disks and undoes what was changed on this host. Idempotent. */
export async function down(ctx: Context, spec: ClusterSpec, options: DownOptions): Promise<DownReport> {
  const start = Date.now();
  const fleet = openFleet(ctx, spec);
  const { provider } = fleet;
  if (!provider) {
    throw new QuorateError('SPEC_UNSUPPORTED', `cluster ${spec.name} runs on machines that quorate did not make`);
  }
  return withClusterLock(ctx, spec.name, async () => {
    const existing = (await provider.status(ctx, spec)).filter(({ state }) => state !== 'absent');
    if (existing.length > 0) await options.confirm(existing.map(({ name }) => name));
    await recorded(
      ctx,
      spec,
      async () => {
        await Promise.all(spec.machines.map((machine) => provider.destroy(ctx, spec, machine)));
        await provider.releaseHost(ctx, spec);
      },
      'down',
    );
    return { cluster: spec.name, destroyed: existing.map(({ name }) => name), durationMs: Date.now() - start };
  });
}
