// Where actions meet the drivers: the only place that turns a specification into machines that can be reached.
import { requiredArtifacts } from '../artifacts/catalog.ts';
import { pullArtifacts } from '../artifacts/pull.ts';
import type { Context } from '../core/context.ts';
import { sleep } from '../core/wait.ts';
import { createDrivers } from '../machines/drivers.ts';
import { createFleet, type Fleet } from '../machines/fleet.ts';
import { bakeNodeImage } from '../machines/local/node-image.ts';
import type { MachineDriver } from '../machines/machine.ts';
import { leavingMachines } from '../observe/leaving.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec, DriverKind, MachineSpec } from '../spec/types.ts';

/** For tests: machines of another make. */
export interface DriverOptions {
  /** Where machines come from; default: the drivers of this program (machines/drivers.ts). */
  readonly drivers?: (kind: DriverKind) => MachineDriver;
}

/** Which machines, and from where those that are made get what is on them. */
export interface FleetOptions extends DriverOptions {
  /** A directory with artifacts, asked before the network. */
  readonly bundleDir?: string;
  /** Machines that are in the cluster and not in the specification. */
  readonly leaving?: readonly MachineSpec[];
}

/** The cluster's machines behind their drivers. Nothing is contacted yet. New local machines carry all artifacts. */
export function openFleet(ctx: Context, spec: ClusterSpec, options: FleetOptions = {}): Fleet {
  const nodeImage = async () =>
    bakeNodeImage(ctx, await pullArtifacts(ctx, requiredArtifacts(spec.kubernetesVersion), options));
  return createFleet(spec, options.drivers ?? createDrivers({ nodeImage }), options.leaving);
}

/** An API server that has just lost its member of etcd is ready and cannot be read for some seconds; a busy host makes that many. */
const READ_DEADLINE_MS = 60_000;
const READ_PAUSE_MS = 2_000;

/** A look at everything; again for a minute while an API server is ready and the cluster cannot be read. Throws only ABORTED. */
export async function observePatiently(ctx: Context, fleet: Fleet): Promise<Observed> {
  const start = Date.now();
  for (;;) {
    const observed = await observe(ctx, fleet);
    const { kube, kubeError } = observed;
    if (kube !== undefined || kubeError === undefined || Date.now() - start > READ_DEADLINE_MS) return observed;
    ctx.emit('note', { text: `looking again: ${kubeError.message}` });
    await sleep(READ_PAUSE_MS, ctx);
  }
}

/** The machines together with a first look at everything; those that are to leave the cluster are among them. */
export async function openCluster(
  ctx: Context,
  spec: ClusterSpec,
  options: FleetOptions = {},
): Promise<{ readonly fleet: Fleet; readonly observed: Observed }> {
  const fleet = openFleet(ctx, spec, options);
  const observed = await observePatiently(ctx, fleet);
  const leaving = leavingMachines(spec, observed);
  if (leaving.length === 0) return { fleet, observed };
  const whole = openFleet(ctx, spec, { ...options, leaving });
  return { fleet: whole, observed: await observePatiently(ctx, whole) };
}
