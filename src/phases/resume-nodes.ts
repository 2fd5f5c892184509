import type { Context } from '../core/context.ts';
import { applyObject } from '../kube/client.ts';
import { deleteNode } from '../kube/cordon.ts';
import { readKube } from '../kube/read.ts';
import { forgetPodsOf } from '../kube/reconcile.ts';
import { finishedRecord, recordObject } from '../manifests/cluster-record.ts';
import type { Observed } from '../observe/observed.ts';
import { isNode, type MachineSpec } from '../spec/types.ts';
import { RESTORED_PATH, type Restoration, restoredRevision } from './restoration/restoration.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/**
 * Everyone who has seen the state of before begins anew: kubelets, kube-proxy and the pod network of every node; and what the restored state
 * says of machines that are not there any more is put right.
 */
export function resumeNodes(restoration: Restoration): Phase {
  return {
    id: 'resume-nodes',
    title: 'Let the nodes begin anew',
    plan: (spec, observed) => [
      {
        id: 'stale-nodes',
        lane: SERIAL_LANE,
        title: 'remove nodes that cluster.yaml does not name, and write the record of the cluster',
        why: 'the restored state is of the machines of then',
        run: (ctx, tools) => putRight(ctx, tools),
      },
      ...spec.machines.filter(isNode).flatMap((machine) => nodeSteps(observed, machine, restoration)),
    ],
  };
}

/** Nodes that somebody else has joined are not quorate's to remove: the restored record knows which ones are. */
async function putRight(ctx: Context, tools: Toolbox): Promise<void> {
  const { spec } = tools.fleet;
  const kube = await tools.kube(ctx);
  const { record, nodes } = await readKube(kube);
  const named = new Set(spec.machines.map(({ name }) => name));
  const retired = (record?.machines ?? []).filter(({ name }) => !named.has(name));
  for (const { name } of retired) {
    if (!nodes.some((node) => node.name === name)) continue;
    await forgetPodsOf(kube, name);
    await deleteNode(kube, name);
    ctx.emit('note', { text: `node ${name} of the restored state is removed: cluster.yaml does not name it` });
  }
  // Addresses and roles of before would be refused as changes of a living cluster.
  await applyObject(kube, recordObject(finishedRecord(spec, record, retired)));
}

function nodeSteps(observed: Observed, machine: MachineSpec, restoration: Restoration): readonly Step[] {
  if (observed.machines[machine.name]?.facts === undefined) return [];
  const revision = restoredRevision(restoration);
  return [
    {
      id: `${machine.name}/begin-anew`,
      lane: machine.name,
      machine: machine.name,
      title: 'restart its kubelet, kube-proxy and pod network',
      why: 'they have seen revisions and pods of before',
      run: async (ctx, tools) => {
        const kubelet = machine.role === 'worker' ? 'restart' : 'keep';
        const stamp = JSON.stringify({ revision });
        await tools.fleet
          .machine(machine.name)
          .exec(ctx, ['sh', '-c', BEGIN_ANEW_SCRIPT, 'begin-anew', stamp, kubelet], { timeoutMs: 120_000 });
      },
    },
  ];
}

/**
 * Arguments: the revision stamp; restart or keep: the kubelets of control planes have just been started. kube-proxy and flanneld run in pods;
 * the kubelet starts their containers again. A worker that has not joined yet has no kubelet to restart.
 */
const BEGIN_ANEW_SCRIPT = `set -u
install -d -m 0700 /var/lib/quorate
printf '%s\\n' "$1" > ${RESTORED_PATH}
pkill -TERM -x kube-proxy
pkill -TERM -x flanneld
[ "$2" = keep ] || systemctl try-restart kubelet
`;
