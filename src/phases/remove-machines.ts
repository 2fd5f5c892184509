import { withLeaving } from '../machines/fleet.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { leaderLast, memberOf } from './membership.ts';
import { retireSteps } from './retire-machine.ts';
import type { Phase } from './step.ts';

/**
 * Takes machines out that cluster.yaml does not name any more, one after the other: dead ones first, since that only adds to what
 * may fail; followers before the leader. By now those that replace them have their votes.
 */
export const removeMachines: Phase = {
  id: 'remove-machines',
  title: 'Remove machines',
  needs: ['etcd', 'kube'],
  isForLiving: true,
  plan: (spec, observed) =>
    inOrder(observed).flatMap((machine) =>
      retireSteps(withLeaving(spec, observed.leaving), observed, machine, {
        why: 'cluster.yaml does not name it any more',
        isDead: isDead(spec, observed, machine),
      }),
    ),
};

function inOrder(observed: Observed): readonly MachineSpec[] {
  const sorted = leaderLast(observed, observed.leaving);
  const answers = ({ name }: MachineSpec) => observed.machines[name]?.facts !== undefined;
  return [...sorted.filter((machine) => !answers(machine)), ...sorted.filter(answers)];
}

function isDead(spec: ClusterSpec, observed: Observed, machine: MachineSpec): boolean {
  if (observed.machines[machine.name]?.facts === undefined) return true;
  const carries = etcdMachines(withLeaving(spec, [machine])).some(({ name }) => name === machine.name);
  return carries && memberOf(observed, machine)?.status === undefined && !isNodeReady(observed, machine);
}

function isNodeReady({ kube }: Observed, { name }: MachineSpec): boolean {
  return kube?.nodes.some((node) => node.name === name && node.ready) ?? false;
}
