// The cluster's record of itself (manifests/cluster-record.ts), kept true: before a change what is about to be, after it what is.
import { findByName } from '../core/per-object.ts';
import { applyObject } from '../kube/client.ts';
import { patchNode } from '../kube/nodes.ts';
import { announcedRecord, type ClusterRecord, finishedRecord, recordObject } from '../manifests/cluster-record.ts';
import { nodeLabels, nodeTaints } from '../manifests/node-labels.ts';
import { retiring } from '../observe/leaving.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, isNode, type MachineSpec } from '../spec/types.ts';
import { balancerSteps } from './load-balancers.ts';
import { managedFilesStep } from './managed-files.ts';
import { networkGroup } from './node-groups.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';

/** Names what is about to join or to change, so that a run that is ended half-way leaves nothing that nobody knows of. */
export const announceChange: Phase = {
  id: 'announce-change',
  title: 'Announce the change',
  isForLiving: true,
  needs: ['kube'],
  plan: (spec, observed) => {
    const before = observed.kube?.record;
    if (before === undefined) return [];
    const wanted = announcedRecord(spec, before, observed.leaving, observed.takenAtMs);
    return isSame(wanted, before) ? [] : [recordStep(wanted, 'machines or versions are about to change')];
  },
};

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

/** The record of a cluster that has reached its specification. At most one step. */
export function recordSteps(spec: ClusterSpec, observed: Observed, before: ClusterRecord | undefined): Step[] {
  // Without an API there is nothing to compare with; a new cluster has none of it.
  if (observed.kube === undefined && before !== undefined) return [];
  const wanted = finishedRecord(spec, before, retiring(observed));
  const why = before === undefined ? 'there is none yet' : 'it says what was before';
  return before !== undefined && isSame(wanted, before) ? [] : [recordStep(wanted, why)];
}

function recordStep(content: ClusterRecord, why: string): Step {
  return {
    id: 'record',
    lane: SERIAL_LANE,
    title: 'write the record of the cluster (ConfigMap kube-system/quorate-cluster)',
    why,
    run: async (ctx, tools) => applyObject(await tools.kube(ctx), recordObject(content)),
  };
}

function isSame(a: ClusterRecord, b: ClusterRecord): boolean {
  return textOf(a) === textOf(b);
}

/** The order of machines is no matter. */
function textOf(content: ClusterRecord): string {
  const machines = [...content.machines].sort((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify(recordObject({ ...content, machines }));
}

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
