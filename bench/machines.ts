// Machines for a measurement: made and booted by quorate's own driver, with binaries and images in them, and nothing else.
import { openFleet } from '../src/actions/cluster.ts';
import type { Context } from '../src/core/context.ts';
import { QuorateError } from '../src/core/errors.ts';
import { withClusterLock } from '../src/engine/lock.ts';
import type { Fleet } from '../src/machines/fleet.ts';
import type { MachineProvider } from '../src/machines/machine.ts';
import type { ClusterSpec } from '../src/spec/types.ts';

function providerOf({ provider, spec }: Fleet): MachineProvider {
  if (provider) return provider;
  throw new QuorateError('SPEC_UNSUPPORTED', `cluster ${spec.name} is not made of local machines`);
}

/** Makes and boots all machines of a cluster. Throws MACHINE_FAILED and what the driver throws. */
export async function bootMachines(ctx: Context, spec: ClusterSpec): Promise<Fleet> {
  const fleet = openFleet(ctx, spec);
  const provider = providerOf(fleet);
  await withClusterLock(ctx, spec.name, async () => {
    await provider.prepareHost(ctx, spec);
    await Promise.all(
      spec.machines.map(async (machine) => {
        await provider.create(ctx, spec, machine);
        await provider.start(ctx, spec, machine);
      }),
    );
  });
  return fleet;
}

/** Destroys whatever there is of a cluster. Idempotent. */
export async function destroyMachines(ctx: Context, spec: ClusterSpec): Promise<void> {
  const provider = providerOf(openFleet(ctx, spec));
  await withClusterLock(ctx, spec.name, async () => {
    await Promise.all(spec.machines.map((machine) => provider.destroy(ctx, spec, machine)));
    await provider.releaseHost(ctx, spec);
  });
}
