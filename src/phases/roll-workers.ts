import { findByName } from '../core/per-object.ts';
import { CORDON_MARK, uncordonNode } from '../kube/cordon.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, type MachineSpec, machinesOf } from '../spec/types.ts';
import { machineChange } from './change/machine-change.ts';
import { rollStep } from './change/roll-machine.ts';
import type { Phase, Step } from './step.ts';
import { hasJoined } from './steps/join-worker.ts';

/** Workers that are changed at the same time: a tenth of them, so that nine tenths carry the load; at least one. */
const SHARE = 10;

/**
 * Brings changes to workers, some at a time: pods are evicted as their PodDisruptionBudgets allow, the worker is changed, and takes
 * pods again once it is Ready. After the control plane, because no kubelet may be newer than an API server.
 */
export const rollWorkers: Phase = {
  id: 'roll-workers',
  title: 'Change the workers, some at a time',
  needs: ['kube'],
  isForLiving: true,
  plan: (spec, observed) => {
    const workers = machinesOf(spec, 'worker');
    const size = Math.max(1, Math.floor(workers.length / SHARE));
    let next = 0;
    return workers.flatMap((machine) => {
      const steps = stepsOf(spec, observed, machine, `batch-${next % size}`);
      if (steps.length > 0) next += 1;
      return steps;
    });
  },
};

function stepsOf(spec: ClusterSpec, observed: Observed, machine: MachineSpec, lane: string): Step[] {
  const facts = observed.machines[machine.name]?.facts;
  const node = findByName(observed.kube?.nodes, machine.name);
  // One that has not joined yet is brought up as a whole by another phase.
  if (facts === undefined || node === undefined || !hasJoined(observed, machine)) return [];
  const input = { spec, observed, machine, facts };
  const change = machineChange(input);
  if (change !== undefined) return [rollStep(input, change, lane)];
  if (node.cordonedFor !== CORDON_MARK) return [];
  return [
    {
      id: `${machine.name}/uncordon`,
      lane,
      machine: machine.name,
      title: 'let pods onto the node again',
      why: 'a run that was ended has left it cordoned',
      run: async (ctx, tools) => uncordonNode(await tools.kube(ctx), machine.name),
    },
  ];
}
