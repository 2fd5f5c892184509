import { withLeaving } from '../machines/fleet.ts';
import { retiring } from '../observe/leaving.ts';
import type { Observed } from '../observe/observed.ts';
import type { MachineSpec } from '../spec/types.ts';
import { retireSteps } from './change/retire-steps.ts';
import { leaderLast } from './membership.ts';
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
      retireSteps(withLeaving(spec, observed.leaving), observed, machine, 'cluster.yaml does not name it any more'),
    ),
};

function inOrder(observed: Observed): readonly MachineSpec[] {
  const sorted = leaderLast(observed, retiring(observed));
  const answers = ({ name }: MachineSpec) => observed.machines[name]?.facts !== undefined;
  return [...sorted.filter((machine) => !answers(machine)), ...sorted.filter(answers)];
}
