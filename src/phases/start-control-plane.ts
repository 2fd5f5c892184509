import { QuorateError } from '../core/errors.ts';
import { loadBalancerUnits } from '../manifests/node-files.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, controlPlanes, etcdMachines, loadBalancers, type MachineSpec } from '../spec/types.ts';
import { managedFilesStep } from './files/managed-files.ts';
import {
  backupGroup,
  etcdServiceGroup,
  groupInput,
  kubeletGroup,
  operatorGroup,
  staticPodGroup,
} from './files/node-groups.ts';
import { clusterLife, hasFormed, memberOf, memberStage, planeStage, unseenCarriers } from './membership.ts';
import type { Phase, Step } from './step.ts';
import { balancerSteps } from './steps/load-balancers.ts';

/**
 * Starts the machines of the control plane that are down or new, all at once: the etcd members find each other by a static initial
 * cluster, so that none is first (principle 5). What runs already is not touched here.
 */
export const startControlPlane: Phase = {
  id: 'start-control-plane',
  title: 'Start the control plane',
  needs: ['etcd', 'kube'],
  plan: (spec, observed) => {
    refuseUnknown(spec, observed);
    refuseLostMembers(spec, observed);
    refuseTotalLoss(spec, observed);
    return [
      ...spec.machines.filter(({ role }) => role === 'etcd').flatMap((machine) => memberSteps(spec, observed, machine)),
      ...balancersAlone(spec).flatMap((machine) => newBalancerSteps(spec, observed, machine)),
      ...controlPlanes(spec).flatMap((machine) => planeSteps(spec, observed, machine)),
    ];
  },
};

/** A second cluster beside one that is only silent would take its address and its workers. Throws MACHINE_UNREACHABLE. */
function refuseUnknown(spec: ClusterSpec, observed: Observed): void {
  if (clusterLife(spec, observed) !== 'unknown') return;
  // Those without power are started by an earlier phase.
  const silent = unseenCarriers(spec, observed).filter(({ name }) => observed.machines[name]?.state === 'unreachable');
  if (silent.length === 0) return;
  const names = silent.map(({ name }) => name).join(', ');
  throw new QuorateError('MACHINE_UNREACHABLE', `${names}: no answer, so nobody can tell whether there is a cluster`, {
    hint: 'bring it back, or take it out of cluster.yaml if there has never been a cluster',
  });
}

/** A cluster that has served, with every disk of etcd empty: what is begun now would be another one. Throws ETCD_MEMBER_LOST. */
function refuseTotalLoss(spec: ClusterSpec, observed: Observed): void {
  if (clusterLife(spec, observed) !== 'down' || unseenCarriers(spec, observed).length > 0) return;
  if (Object.values(observed.machines).some(({ facts }) => facts?.hasEtcdData) || !hasFormed(spec, observed)) return;
  throw new QuorateError('ETCD_MEMBER_LOST', 'no machine has any data of etcd left', {
    hint: 'restore a backup: quorate restore latest; or begin anew: quorate down, then quorate up',
  });
}

/**
 * A member that has served before must never come back empty under its old identity: it has forgotten votes and entries that
 * the others count on (Raft's assumption of durable state).
 */
export function refuseLostMembers(spec: ClusterSpec, observed: Observed): void {
  for (const machine of etcdMachines(spec)) {
    if (memberStage(spec, observed, machine) !== 'lost') continue;
    const { name } = machine;
    const id = memberOf(observed, machine)?.id ?? '';
    // What is lost is its data, or the whole machine with it.
    const verb = observed.machines[name]?.facts === undefined ? 'machine replace' : 'etcd member replace';
    throw new QuorateError('ETCD_MEMBER_LOST', `${name} is a member of etcd (${id}), but its data is gone`, {
      hint: `replace it with a new one: quorate ${verb} ${name}`,
      data: { machine: name, member: id },
    });
  }
}

function memberSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const input = groupInput(spec, observed, machine);
  if (input === undefined || memberStage(spec, observed, machine) !== 'start') return [];
  const groups = [operatorGroup(input), etcdServiceGroup(input)];
  return groups.flatMap((group) => [...managedFilesStep(machine, input.facts, group)]);
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
  const groups = [operatorGroup(input), backupGroup(input), staticPodGroup(input), kubeletGroup(input)];
  return [
    ...balancerSteps(spec, observed, machine),
    ...groups.flatMap((group) => [...managedFilesStep(machine, input.facts, group)]),
  ];
}
