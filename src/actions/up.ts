import type { Context } from '../core/context.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type ChangeOptions, type ChangeReport, carryOut } from './carry-out.ts';
import { openCluster } from './cluster.ts';
import { preflight } from './preflight.ts';

/** Carries the cluster to its specification, whatever it is now: nothing, half-made, older, of other machines. Throws as carryOut. */
export async function up(ctx: Context, spec: ClusterSpec, options: ChangeOptions, verb = 'up'): Promise<ChangeReport> {
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, verb, async () => {
      const { fleet, observed } = await openCluster(ctx, spec, options);
      await preflight(ctx, spec, observed);
      return carryOut(ctx, fleet, observed, { verb }, options);
    }),
  );
}
