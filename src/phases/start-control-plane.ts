import { QuorateError } from '../core/errors.ts';
import { loadBalancerUnits } from '../manifests/node-files.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, controlPlanes, etcdMachines, loadBalancers, type MachineSpec } from '../spec/types.ts';
import { balancerSteps } from './load-balancers.ts';
import { managedFilesStep } from './managed-files.ts';
import { memberOf, memberStage, planeStage } from './membership.ts';
import { etcdServiceGroup, groupInput, kubeletGroup, operatorGroup, staticPodGroup } from './node-groups.ts';
import type { Phase, Step } from './step.ts';

/**
 * Starts the machines of the control plane that are down or new, all at once: the etcd members find each other by a static initial
 * cluster, so that none is first (principle 5). What runs already is not touched here.
 */
export const startControlPlane: Phase = {
  id: 'start-control-plane',
  title: 'Start the control plane',
  needs: ['etcd', 'kube'],
  plan: (spec, observed) => {
    refuseLostMembers(spec, observed);
    return [
      ...spec.machines.filter(({ role }) => role === 'etcd').flatMap((machine) => memberSteps(spec, observed, machine)),
      ...balancersAlone(spec).flatMap((machine) => newBalancerSteps(spec, observed, machine)),
      ...controlPlanes(spec).flatMap((machine) => planeSteps(spec, observed, machine)),
    ];
  },
};

/**
 * A member that has served before must never come back empty under its old identity: it has forgotten votes and entries that
 * the others count on (Raft's assumption of durable state).
 */
export function refuseLostMembers(spec: ClusterSpec, observed: Observed): void {
  for (const machine of etcdMachines(spec)) {
    if (memberStage(observed, machine) !== 'lost') continue;
    const { name } = machine;
    const id = memberOf(observed, machine)?.id ?? '';
    throw new QuorateError('ETCD_MEMBER_LOST', `${name} is a member of etcd (${id}), but its data is gone`, {
      hint: `replace it with a new one: quorate machine replace ${name}`,
      data: { machine: name, member: id },
    });
  }
}

function memberSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const input = groupInput(spec, observed, machine);
  if (input === undefined || memberStage(observed, machine) !== 'start') return [];
  return [...managedFilesStep(machine, input.facts, etcdServiceGroup(input))];
}

/** Machines that balance and are no control planes. */
function balancersAlone(spec: ClusterSpec): readonly MachineSpec[] {
  return loadBalancers(spec).filter(({ role }) => role !== 'control-plane');
}

/** A load balancer that does not run yet; a change of one that works is rolled out. */
function newBalancerSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const units = observed.machines[machine.name]?.facts?.units ?? {};
  const isRunning = loadBalancerUnits(spec, machine).every((unit) => units[unit]?.active);
  return isRunning ? [] : balancerSteps(spec, observed, machine);
}

function planeSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const input = groupInput(spec, observed, machine);
  if (input === undefined || planeStage(spec, observed, machine) !== 'start') return [];
  // The cheap ones first: from the kubelet's start on, etcd and the API servers take every core there is.
  const groups = [operatorGroup(input), staticPodGroup(input), kubeletGroup(input)];
  return [
    ...balancerSteps(spec, observed, machine),
    ...groups.flatMap((group) => [...managedFilesStep(machine, input.facts, group)]),
  ];
}
