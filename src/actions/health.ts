import { type CheckedCondition, evaluate } from '../checks/condition.ts';
import { HEALTH_CONDITIONS } from '../checks/health.ts';
import type { Context } from '../core/context.ts';
import { hasCode } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { observe } from '../observe/observe.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type DriverOptions, openFleet } from './cluster.ts';

/** The conditions in their order, as last seen. `healthy`: none has failed; a skipped one is no failure. */
export interface HealthReport {
  readonly cluster: string;
  readonly healthy: boolean;
  readonly conditions: readonly CheckedCondition[];
}

/** Whether to look once or to wait. */
export interface HealthOptions extends DriverOptions {
  /** Wait up to this long for all conditions; absent: look once. Milliseconds. */
  readonly waitMs?: number;
  /** How many looks in a row must find it healthy. */
  readonly count?: number;
}

/** Checks the named conditions in order. An unhealthy cluster is a result, not an error. */
export async function health(ctx: Context, spec: ClusterSpec, options: HealthOptions = {}): Promise<HealthReport> {
  const fleet = openFleet(ctx, spec, options);
  let conditions: CheckedCondition[] = [];
  const look = async () => {
    conditions = evaluate(HEALTH_CONDITIONS, spec, await observe(ctx, fleet));
    const bad = conditions.find(({ state }) => state === 'failed');
    return bad ? `${bad.title}: ${bad.detail}` : (true as const);
  };
  if (options.waitMs === undefined) {
    await look();
  } else {
    const wait = { condition: 'the cluster is healthy', deadlineMs: options.waitMs, intervalMs: 1_000 };
    try {
      await waitFor(ctx, { ...wait, successes: options.count ?? 1 }, look);
    } catch (error) {
      // Having waited in vain is the answer; the conditions say what is wrong.
      if (!hasCode(error, 'WAIT_TIMED_OUT')) throw error;
    }
  }
  return { cluster: spec.name, healthy: conditions.every(({ state }) => state !== 'failed'), conditions };
}
