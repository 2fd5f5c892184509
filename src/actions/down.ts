import { mapLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { refuseForeign } from '../engine/guard.ts';
import { withClusterLock } from '../engine/lock.ts';
import { withOperatorLock } from '../engine/operator-lock.ts';
import { recorded } from '../engine/run.ts';
import type { Fleet } from '../machines/fleet.ts';
import { observe } from '../observe/observe.ts';
import { wipeMachine } from '../phases/change/wipe-machine.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';

/** Whose consent it takes to destroy a cluster. */
export interface DownOptions {
  /** Asked with the machines that will be destroyed; throws to decline. Not called when there is nothing left. */
  readonly confirm: (machines: readonly string[]) => Promise<void>;
}

/** What `down` destroyed and what it could not reach: as `-o json` shows it. */
export interface DownReport {
  readonly cluster: string;
  /** Machines that existed and were destroyed; hosts of others: that were cleaned. */
  readonly destroyed: readonly string[];
  /** Hosts of others that did not answer: what is on their disks stays there. */
  readonly skipped: readonly string[];
  readonly durationMs: number;
}

/** Hosts that are cleaned at the same time. */
const PARALLEL = 16;

/**
 * Destroys the cluster: machines that quorate made with their disks and what it changed on this host; from hosts of others it removes
 * everything of the cluster. Idempotent.
 */
export async function down(ctx: Context, spec: ClusterSpec, options: DownOptions): Promise<DownReport> {
  const fleet = openFleet(ctx, spec);
  return withClusterLock(ctx, spec.name, () =>
    fleet.provider ? destroy(ctx, fleet, options) : clean(ctx, fleet, options),
  );
}

/** Hosts of others: only those of this very cluster, and not while somebody else works on it. Throws FOREIGN_MACHINE, LOCKED. */
async function clean(ctx: Context, fleet: Fleet, options: DownOptions): Promise<DownReport> {
  const observed = await observe(ctx, fleet, { parts: [] });
  refuseForeign(fleet.spec, observed);
  return withOperatorLock(ctx, fleet, observed, 'down', (alone) => destroy(alone, fleet, options));
}

async function destroy(ctx: Context, fleet: Fleet, options: DownOptions): Promise<DownReport> {
  const start = Date.now();
  const { spec } = fleet;
  const existing = fleet.provider
    ? (await fleet.provider.status(ctx, spec)).filter(({ state }) => state !== 'absent')
    : spec.machines;
  if (existing.length > 0) await options.confirm(existing.map(({ name }) => name));
  const gone = await recorded(ctx, spec, 'down', () => removeAll(ctx, fleet));
  const names = existing.map(({ name }) => name);
  return {
    cluster: spec.name,
    destroyed: names.filter((name) => gone.has(name)),
    skipped: names.filter((name) => !gone.has(name)),
    durationMs: Date.now() - start,
  };
}

/** Names of the machines that are gone. */
async function removeAll(ctx: Context, fleet: Fleet): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  await mapLimit(fleet.spec.machines, PARALLEL, async (machine) => {
    if (await wipeMachine(ctx, fleet, machine)) gone.add(machine.name);
  });
  await fleet.provider?.releaseHost(ctx, fleet.spec);
  return gone;
}
