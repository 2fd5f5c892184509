// Machines that go although cluster.yaml names them: replaced by a new one, or reset and left out until the next apply.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import type { Observed } from '../observe/observed.ts';
import { refuseLastCopy } from '../phases/change/retire-steps.ts';
import { retireMachine, withoutMachine } from '../phases/retire-machine.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { type ChangeOptions, type ChangeReport, carryOut } from './carry-out.ts';
import { openCluster } from './cluster.ts';

/**
 * Makes a machine anew under its old name: what is left of it leaves the cluster, if the others keep their quorum by it, and a new
 * one joins. Any machine, dead or alive, the first one too. Throws MACHINE_NOT_FOUND, ETCD_QUORUM_AT_RISK and as carryOut.
 */
export async function replaceMachine(
  ctx: Context,
  spec: ClusterSpec,
  name: string,
  options: ChangeOptions,
): Promise<ChangeReport> {
  const verb = 'machine replace';
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, verb, async () => {
      const { fleet, observed } = await openCluster(ctx, spec, options);
      fleet.machine(name);
      requireLiving(observed, name);
      refuseLastCopy(spec, observed, machineNamed(spec, name));
      const change = {
        verb,
        first: [retireMachine(name, `Remove ${name}`, 'it is to be replaced')],
        afterFirst: (seen: Observed) => withoutMachine(spec, seen, name, fleet.provider !== undefined),
      };
      return carryOut(ctx, fleet, observed, change, options);
    }),
  );
}

/**
 * Takes a machine out of the cluster and everything of the cluster off it. cluster.yaml still names it: the next apply makes it join
 * again. Throws as replaceMachine.
 */
export async function resetMachine(
  ctx: Context,
  spec: ClusterSpec,
  name: string,
  options: ChangeOptions,
): Promise<ChangeReport> {
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, 'reset', async () => {
      const { fleet, observed } = await openCluster(ctx, spec, options);
      fleet.machine(name);
      requireLiving(observed, name);
      refuseLastCopy(spec, observed, machineNamed(spec, name));
      const first = [retireMachine(name, `Reset ${name}`, 'it is to leave the cluster')];
      return carryOut(ctx, fleet, observed, { verb: 'reset', first, rest: [] }, options);
    }),
  );
}

function machineNamed(spec: ClusterSpec, name: string): MachineSpec {
  const machine = spec.machines.find((candidate) => candidate.name === name);
  if (machine === undefined) throw new QuorateError('MACHINE_NOT_FOUND', `there is no machine ${name} in cluster.yaml`);
  return machine;
}

/** Without an etcd that answers nobody can be let go and nobody let in. */
function requireLiving(observed: Observed, name: string): void {
  if (observed.etcd !== undefined) return;
  throw new QuorateError('ETCD_UNAVAILABLE', `${name} cannot leave the cluster: etcd does not answer`, {
    hint: 'bring a majority of its members back first; quorate status shows which are down',
  });
}
