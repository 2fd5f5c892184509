import type { Context } from '../../core/context.ts';
import { findByName } from '../../core/per-object.ts';
import { waitFor } from '../../core/wait.ts';
import { patchNode, readNodeNames } from '../../kube/nodes.ts';
import { approveServingRequests } from '../../kube/serving-requests.ts';
import type { ObservedNode } from '../../kube/types.ts';
import { nodeLabels, nodeTaints } from '../../manifests/node-labels.ts';
import type { Observed } from '../../observe/observed.ts';
import { BOOTSTRAP_KUBELET_CONF_PATH, KUBELET_CONF_PATH } from '../../pki/names.ts';
import { type ClusterSpec, isNode, type MachineSpec } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import { SERVING_LANE, type Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';

const SERVING_CERTIFICATE = '/var/lib/kubelet/pki/kubelet-server-current.pem';
/** A kubelet registers within seconds of reaching an API server; images and a busy host can make that a minute. */
const REGISTER_DEADLINE_MS = 180_000;

/** Gives a node the labels and taints that its kubelet may not set itself, and takes away what it joined with. */
export function settleSteps(observed: Observed, machine: MachineSpec): Step[] {
  return [...nodeSteps(machine, observed), ...tokenSteps(machine, observed)];
}

function nodeSteps(machine: MachineSpec, observed: Observed): Step[] {
  const node = findByName(observed.kube?.nodes, machine.name);
  const reachable = observed.machines[machine.name]?.facts !== undefined;
  if (node === undefined && !reachable && observed.machines[machine.name]?.state !== 'absent') return [];
  const missing = node === undefined ? [] : missingMarks(machine, node);
  if (node !== undefined && missing.length === 0) return [];
  return [
    {
      id: `${machine.name}/labels`,
      lane: machine.name,
      machine: machine.name,
      title: 'label and taint the node for its role',
      why: node === undefined ? 'it registers during this run' : `missing: ${missing.join(', ')}`,
      run: (ctx, tools) => markNode(ctx, tools, machine),
    },
  ];
}

function missingMarks(machine: MachineSpec, node: ObservedNode): string[] {
  const labels = Object.entries(nodeLabels(machine)).filter(([key, value]) => node.labels[key] !== value);
  const taints = nodeTaints(machine).filter(
    (taint) =>
      !node.taints.some(
        ({ key, value, effect }) =>
          key === taint.key && effect === taint.effect && (value ?? '') === (taint.value ?? ''),
      ),
  );
  return [...labels.map(([key]) => key), ...taints.map(({ key, effect }) => `${key}:${effect}`)];
}

async function markNode(ctx: Context, tools: Toolbox, machine: MachineSpec): Promise<void> {
  const condition = `node ${machine.name} has registered`;
  await waitFor(ctx, { condition, deadlineMs: REGISTER_DEADLINE_MS, intervalMs: 300 }, async () => {
    const names = await readNodeNames(await tools.kube(ctx));
    return names.includes(machine.name) ? true : `registered so far: ${names.join(', ') || 'none'}`;
  });
  await patchNode(await tools.kube(ctx), machine.name, {
    labels: nodeLabels(machine),
    taints: nodeTaints(machine),
  });
}

/** A joined worker needs its bootstrap kubeconfig no more; kubeadm removes it at the same point. */
function tokenSteps(machine: MachineSpec, observed: Observed): Step[] {
  const facts = planningFacts(observed, machine);
  const isUsed = facts?.files[BOOTSTRAP_KUBELET_CONF_PATH] !== undefined;
  // Written earlier in this very phase, which is planned as a whole (join-worker.ts asks the same).
  const willBeUsed = machine.role === 'worker' && facts !== undefined && facts.files[KUBELET_CONF_PATH] === undefined;
  if (!isUsed && !willBeUsed) return [];
  return [
    {
      id: `${machine.name}/bootstrap-kubeconfig`,
      lane: machine.name,
      machine: machine.name,
      title: 'remove the used bootstrap kubeconfig',
      why: 'the kubelet has a certificate of its own',
      run: async (ctx, { fleet }) => {
        // kubelet.conf is what the kubelet writes once it is through.
        const script = 'test -e "$1" && rm -f "$2"';
        const argv = ['sh', '-c', script, 'sh', KUBELET_CONF_PATH, BOOTSTRAP_KUBELET_CONF_PATH];
        await fleet.machine(machine.name).exec(ctx, argv);
      },
    },
  ];
}

/** Approves the kubelets' serving certificates. */
export function servingSteps(spec: ClusterSpec, observed: Observed): Step[] {
  const waiting = spec.machines.filter(isNode).filter(({ name }) => {
    const seen = observed.machines[name];
    if (seen?.state === 'absent') return true;
    return seen?.facts !== undefined && seen.facts.certificates[SERVING_CERTIFICATE] === undefined;
  });
  if (waiting.length === 0) return [];
  return [
    {
      id: 'serving-certificates',
      lane: SERVING_LANE,
      title: `approve the kubelets' serving certificates (${waiting.map(({ name }) => name).join(', ')})`,
      why: 'upstream approves none by itself',
      run: (ctx, tools) => approveAll(ctx, tools, spec, waiting),
    },
  ];
}

async function approveAll(
  ctx: Context,
  tools: Toolbox,
  spec: ClusterSpec,
  waiting: readonly MachineSpec[],
): Promise<void> {
  const condition = 'every kubelet has its serving certificate approved';
  const done = new Set<string>();
  await waitFor(ctx, { condition, deadlineMs: REGISTER_DEADLINE_MS, intervalMs: 500 }, async () => {
    for (const name of await approveServingRequests(await tools.kube(ctx), spec)) done.add(name);
    const missing = waiting.filter(({ name }) => !done.has(name)).map(({ name }) => name);
    return missing.length === 0 ? true : `no request yet from ${missing.join(', ')}`;
  });
}
