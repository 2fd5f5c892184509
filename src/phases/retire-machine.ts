// How a machine leaves the cluster: nothing of it may be left that the others still count on.
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { sleep } from '../core/wait.ts';
import { readEtcd } from '../etcd/etcdctl.ts';
import { removeMember } from '../etcd/membership.ts';
import { CORDON_MARK, cordonNode, DRAIN_DEADLINE_MS, deleteNode, drainNode } from '../kube/drain.ts';
import type { Machine } from '../machines/machine.ts';
import { MANIFESTS_DIR } from '../manifests/paths.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, etcdMachines, isNode, type MachineSpec } from '../spec/types.ts';
import { awaitStopped, handOverLeadership } from './apply-change.ts';
import { carriesEtcd, memberOf } from './membership.ts';
import { outOfRotation } from './rotation.ts';
import { SERIAL_LANE, type Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';
import { wipeMachine } from './wipe-machine.ts';

/** The controllers see that a node is gone within a second or two. */
const CLOSING_MS = 1_000;

/**
 * The steps that take one machine out, in order: its pods go, its member leaves etcd through the gate, its node and its disk are
 * removed. A machine that does not answer is taken out as far as the others can do it. `why` is for the plan.
 */
export function retireSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec, why: string): Step[] {
  const { name } = machine;
  const answers = observed.machines[name]?.facts !== undefined;
  const node = observed.kube?.nodes.find((candidate) => candidate.name === name);
  const member = memberOf(observed, machine);
  const exists = observed.machines[name]?.state !== 'absent';
  const step = (id: string, title: string, run: Step['run'], more: Partial<Step> = {}): Step => ({
    id: `${name}/${id}`,
    lane: SERIAL_LANE,
    machine: name,
    title,
    why,
    run,
    ...more,
  });
  const isPlane = machine.role === 'control-plane' && answers;
  return [
    ...(node && isNode(machine) && !isDead(spec, observed, machine)
      ? [step('drain', 'move its pods elsewhere', (c, t) => drain(c, t, name))]
      : []),
    ...(isPlane ? [step('stop-api', 'stop its API server, unseen by clients', (c, t) => stopApi(c, t, name))] : []),
    ...(member
      ? [
          step('leave-etcd', `remove its member ${member.id} from etcd`, (c, t) => leaveEtcd(c, t, spec, machine), {
            disruption: { machine: name, kind: 'remove' },
          }),
        ]
      : []),
    ...(node
      ? [step('node', 'remove its node from Kubernetes', async (c, t) => deleteNode(await t.kube(c), name))]
      : []),
    ...(exists
      ? [
          step(
            'wipe',
            'remove everything of the cluster from it',
            async (c, t) => void (await wipeMachine(c, t.fleet, machine)),
          ),
        ]
      : []),
  ];
}

/** A machine that does not answer, or whose member and node are both down: its pods are given no time. */
function isDead(spec: ClusterSpec, observed: Observed, machine: MachineSpec): boolean {
  if (observed.machines[machine.name]?.facts === undefined) return true;
  const isReady = observed.kube?.nodes.some(({ name, ready }) => name === machine.name && ready) ?? false;
  return carriesEtcd(spec, machine) && memberOf(observed, machine)?.status === undefined && !isReady;
}

async function drain(ctx: Context, tools: Toolbox, name: string): Promise<void> {
  const kube = await tools.kube(ctx);
  await cordonNode(kube, name, CORDON_MARK);
  // Its owner has written that the machine goes: pods that nobody would make again go with it.
  await drainNode(ctx, kube, name, { deadlineMs: DRAIN_DEADLINE_MS, force: true });
}

/** Clients move to the other API servers before the member that it reads from is gone. */
async function stopApi(ctx: Context, tools: Toolbox, name: string): Promise<void> {
  const host = tools.fleet.machine(name);
  await outOfRotation(ctx, tools, name, async () => {
    const manifests = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    await host.exec(ctx, ['rm', '-f', ...manifests.map((pod) => `${MANIFESTS_DIR}/${pod}.yaml`)]);
    await awaitStopped(ctx, host, 'kube-apiserver');
  });
  await sleep(CLOSING_MS, ctx);
}

async function leaveEtcd(ctx: Context, tools: Toolbox, spec: ClusterSpec, machine: MachineSpec): Promise<void> {
  const own = tools.fleet.machine(machine.name);
  await handOverLeadership(ctx, own);
  const others = etcdMachines(spec).filter(({ name }) => name !== machine.name);
  const via = others.map(({ name }) => tools.fleet.machine(name));
  const observed = await tools.observe(ctx, ['etcd']);
  const member = memberOf(observed, machine);
  if (member === undefined) return;
  await removeMember(ctx, await firstThatAnswers(ctx, via), member.id);
}

async function firstThatAnswers(ctx: Context, machines: readonly Machine[]): Promise<Machine> {
  const reasons: string[] = [];
  for (const machine of machines) {
    try {
      await readEtcd(ctx, [machine]);
      return machine;
    } catch (error) {
      if (ctx.signal.aborted) throw error;
      reasons.push(messageOf(error));
    }
  }
  throw new QuorateError('ETCD_UNAVAILABLE', `no member of etcd answers: ${reasons.join('; ')}`);
}
