import type { Context } from '../core/context.ts';
import { deleteNode } from '../kube/cordon.ts';
import { forgetPodsOf } from '../kube/reconcile.ts';
import { isNode, type MachineSpec } from '../spec/types.ts';
import { wipeMachine } from './change/wipe-machine.ts';
import { restoreQuorum } from './restoration/stand-in.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/** Whose members are left, and whose are gone for good. All are machines of cluster.yaml that carry etcd. */
export interface LostQuorum {
  /** The one that knows most. */
  readonly survivor: MachineSpec;
  /** It among them. */
  readonly survivors: readonly MachineSpec[];
  readonly lost: readonly MachineSpec[];
}

/**
 * Makes the members that are left a cluster of their own (ADR 0013). The lost ones are ended first: two of them that came back later with their
 * data would be a second cluster. The usual phases let them join anew.
 */
export function recoverQuorum({ survivor, survivors, lost }: LostQuorum): Phase {
  return {
    id: 'recover-quorum',
    title: 'Recover the quorum of etcd',
    plan: (_spec, observed) => [
      ...lost
        .filter(({ name }) => observed.machines[name]?.state !== 'absent')
        .map((machine) =>
          step(
            `${machine.name}/fence`,
            `remove everything of the cluster from ${machine.name}, its disk included`,
            'it is lost for good; coming back with its data it would be part of a second cluster',
            async (ctx, { fleet }) => {
              await wipeMachine(ctx, fleet, machine);
            },
            machine,
          ),
        ),
      step(
        `${survivor.name}/stand-in`,
        `give its member a majority with stand-ins for what is lost (${namesOf(lost)}), then remove those from etcd`,
        'it keeps every write that is on its disk',
        (ctx, tools) => restoreQuorum(ctx, tools, survivor, survivors),
        survivor,
      ),
      step(
        'lost-nodes',
        `remove the nodes of ${namesOf(lost)} from Kubernetes`,
        'they come back as new ones',
        (ctx, tools) => forgetNodes(ctx, tools, lost),
      ),
    ],
  };
}

function step(id: string, title: string, why: string, run: Step['run'], machine?: MachineSpec): Step {
  return { id, lane: SERIAL_LANE, title, why, run, ...(machine === undefined ? {} : { machine: machine.name }) };
}

function namesOf(machines: readonly MachineSpec[]): string {
  return machines.map(({ name }) => name).join(', ') || 'none';
}

async function forgetNodes(ctx: Context, tools: Toolbox, lost: readonly MachineSpec[]): Promise<void> {
  const kube = await tools.kube(ctx);
  for (const { name } of lost.filter(isNode)) {
    await forgetPodsOf(kube, name);
    await deleteNode(kube, name);
  }
}
