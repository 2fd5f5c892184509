import type { Context } from '../core/context.ts';
import { observe } from '../observe/observe.ts';
import { type StatusReport, statusReport } from '../report/status.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type DriverOptions, openFleet } from './cluster.ts';

/** Looks at everything. Reads only; what does not answer is shown as such. */
export async function status(ctx: Context, spec: ClusterSpec, options: DriverOptions = {}): Promise<StatusReport> {
  return statusReport(spec, await observe(ctx, openFleet(ctx, spec, options)));
}
