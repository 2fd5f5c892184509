// Machines that go although cluster.yaml names them: replaced by a new one, or reset and left out until the next apply.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import type { Observed } from '../observe/observed.ts';
import { memberOf } from '../phases/membership.ts';
import { refuseLastCopy, retireSteps } from '../phases/retire-machine.ts';
import type { Phase } from '../phases/step.ts';
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
        first: [retirePhase(name, `Remove ${name}`, 'it is to be replaced')],
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
      const first = [retirePhase(name, `Reset ${name}`, 'it is to leave the cluster')];
      return carryOut(ctx, fleet, observed, { verb: 'reset', first, onlyFirst: true }, options);
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

function retirePhase(name: string, title: string, why: string): Phase {
  return {
    id: 'retire-machine',
    title,
    plan: (spec, observed) => {
      const machine = spec.machines.find((candidate) => candidate.name === name);
      return machine ? retireSteps(spec, observed, machine, why) : [];
    },
  };
}

/** What will be seen once it is gone, for the plan of what comes then. */
function withoutMachine(spec: ClusterSpec, observed: Observed, name: string, isMade: boolean): Observed {
  const machine = spec.machines.find((candidate) => candidate.name === name);
  const member = machine && memberOf(observed, machine);
  const seen = observed.machines[name];
  const gone = isMade || seen === undefined ? { name, state: 'absent' as const } : { name, state: seen.state };
  return {
    ...observed,
    machines: { ...observed.machines, [name]: gone },
    apiServers: observed.apiServers.map((server) => (server.machine === name ? { ...server, ready: false } : server)),
    vipHolders: observed.vipHolders.filter((holder) => holder !== name),
    ...(observed.etcd
      ? { etcd: { ...observed.etcd, members: observed.etcd.members.filter(({ id }) => id !== member?.id) } }
      : {}),
    ...(observed.kube
      ? { kube: { ...observed.kube, nodes: observed.kube.nodes.filter((node) => node.name !== name) } }
      : {}),
  };
}
