import { findByName } from '../core/per-object.ts';
import { patchNode } from '../kube/nodes.ts';
import { nodeLabels, nodeTaints } from '../manifests/node-labels.ts';
import { retiring } from '../observe/leaving.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, isNode, type MachineSpec } from '../spec/types.ts';
import { managedFilesStep } from './files/managed-files.ts';
import { networkGroup } from './files/node-groups.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import { balancerSteps } from './steps/load-balancers.ts';
import { recordSteps } from './steps/record.ts';

/** Clears away what was let stand until the change was through: machines that have left, labels and taints that were dropped. */
export const finishChange: Phase = {
  id: 'finish-change',
  title: 'Finish the change',
  isForLiving: true,
  needs: ['kube'],
  plan: (spec, observed) => {
    const before = observed.kube?.record;
    return [
      ...spec.machines.flatMap((machine) => closeSteps(spec, observed, machine)),
      ...spec.machines.filter(isNode).flatMap((machine) => unmarkSteps(observed, machine)),
      ...recordSteps(spec, observed, before),
    ];
  },
};

/** Firewall and load balancers without those that leave; whatever else differs in them earlier phases have seen to. */
function closeSteps(spec: ClusterSpec, seen: Observed, machine: MachineSpec): Step[] {
  const facts = seen.machines[machine.name]?.facts;
  const gone = retiring(seen);
  if (facts === undefined || gone.length === 0) return [];
  const observed = { ...seen, leaving: seen.leaving.filter((other) => !gone.includes(other)) };
  const input = { spec, observed, machine, facts };
  return [
    ...managedFilesStep(machine, facts, networkGroup(input)),
    ...balancerSteps(spec, observed, machine, SERIAL_LANE),
  ];
}

/** Labels and taints that the record says quorate has set and that cluster.yaml has no more. */
function unmarkSteps(observed: Observed, machine: MachineSpec): Step[] {
  const old = findByName(observed.kube?.record?.machines, machine.name);
  const node = findByName(observed.kube?.nodes, machine.name);
  if (old === undefined || node === undefined) return [];
  const wanted = nodeLabels(machine);
  const labels = Object.keys(nodeLabels(old)).filter((key) => !(key in wanted) && key in node.labels);
  const taints = nodeTaints(old).filter(
    (taint) =>
      !nodeTaints(machine).some(({ key, effect }) => key === taint.key && effect === taint.effect) &&
      node.taints.some(({ key, effect }) => key === taint.key && effect === taint.effect),
  );
  if (labels.length + taints.length === 0) return [];
  const what = [...labels, ...taints.map(({ key, effect }) => `${key}:${effect}`)].join(', ');
  return [
    {
      id: `${machine.name}/unmark`,
      lane: machine.name,
      machine: machine.name,
      title: `take off the node: ${what}`,
      why: 'dropped from cluster.yaml',
      run: async (ctx, tools) =>
        patchNode(await tools.kube(ctx), machine.name, {
          labels: Object.fromEntries(labels.map((key) => [key, null])),
          withoutTaints: taints,
        }),
    },
  ];
}
