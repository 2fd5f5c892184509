// How a machine leaves the cluster: nothing of it may be left that the others still count on.
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { sleep } from '../../core/wait.ts';
import { removeMember } from '../../etcd/membership.ts';
import { CORDON_MARK, cordonNode, deleteNode } from '../../kube/cordon.ts';
import { DRAIN_DEADLINE_MS, drainNode } from '../../kube/drain.ts';
import { MANIFESTS_DIR } from '../../manifests/paths.ts';
import type { Observed } from '../../observe/observed.ts';
import { sharedPathsOf } from '../../pki/placement.ts';
import { type ClusterSpec, isNode, type MachineSpec } from '../../spec/types.ts';
import { carriesEtcd, clusterLife, memberOf } from '../membership.ts';
import { SERIAL_LANE, type Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';
import { awaitStopped, handOverLeadership } from './apply-change.ts';
import { livingEtcd } from './living-member.ts';
import { outOfRotation } from './rotation.ts';
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
  const leave = step(
    'leave-etcd',
    `remove its member ${member?.id ?? ''} from etcd`,
    (c, t) => leaveEtcd(c, t, machine),
    {
      disruption: { machine: name, kind: 'remove' },
    },
  );
  // As long as etcd is silent nobody knows what it would lose: the gate lets nothing through, and nothing else comes before it.
  const isBlind = carriesEtcd(spec, machine) && observed.etcd === undefined && clusterLife(spec, observed) !== 'new';
  if (isBlind) return [leave];
  return [
    ...(node && isNode(machine) && !isDead(spec, observed, machine)
      ? [step('drain', 'move its pods elsewhere', (c, t) => drain(c, t, name))]
      : []),
    ...(isPlane ? [step('stop-api', 'stop its API server, unseen by clients', (c, t) => stopApi(c, t, name))] : []),
    ...(member ? [leave] : []),
    ...(node
      ? [step('node', 'remove its node from Kubernetes', async (c, t) => deleteNode(await t.kube(c), name))]
      : []),
    ...(exists ? [step('wipe', 'remove everything of the cluster from it', (c, t) => wipe(c, t, spec, machine))] : []),
  ];
}

/**
 * True when nobody is there to end its pods in order. That a machine does not answer us is no proof: its kubelet may well answer the
 * API, and what the API evicts it ends.
 */
function isDead(spec: ClusterSpec, observed: Observed, machine: MachineSpec): boolean {
  const seen = observed.machines[machine.name];
  if (seen?.state === 'absent' || seen?.state === 'stopped') return true;
  const isReady = observed.kube?.nodes.some(({ name, ready }) => name === machine.name && ready) ?? false;
  if (isReady) return false;
  return seen?.facts === undefined || (carriesEtcd(spec, machine) && memberOf(observed, machine)?.status === undefined);
}

/** What lies on its disk goes last, and never when it is all that there is. Throws PKI_LAST_COPY. */
async function wipe(ctx: Context, tools: Toolbox, spec: ClusterSpec, machine: MachineSpec): Promise<void> {
  refuseLastCopy(spec, await tools.observe(ctx, []), machine);
  await wipeMachine(ctx, tools.fleet, machine);
}

/**
 * Throws PKI_LAST_COPY when no other machine that answers holds the cluster's keys: encrypted Secrets would be lost with them. A machine
 * that is gone takes nothing with it any more.
 */
export function refuseLastCopy(spec: ClusterSpec, observed: Observed, machine: MachineSpec): void {
  const exists = observed.machines[machine.name]?.state !== 'absent';
  if (!exists || clusterLife(spec, observed) === 'new') return;
  const others = spec.machines.filter(({ name }) => name !== machine.name);
  const missing = sharedPathsOf(spec, machine).filter(
    (path) => !others.some(({ name }) => observed.machines[name]?.facts?.files[path] !== undefined),
  );
  if (missing.length === 0) return;
  throw new QuorateError('PKI_LAST_COPY', `no other machine that answers has ${missing.join(', ')}`, {
    data: { machine: machine.name, paths: missing },
  });
}

async function drain(ctx: Context, tools: Toolbox, name: string): Promise<void> {
  const kube = await tools.kube(ctx);
  await cordonNode(kube, name, CORDON_MARK);
  // Its owner has written that the machine goes: pods that nobody would make again go with it.
  await drainNode(ctx, kube, name, { deadlineMs: DRAIN_DEADLINE_MS, force: true });
}

/** Stops what a control plane runs beside etcd: clients move to the other API servers before the member that it reads from is gone. */
export async function stopApi(ctx: Context, tools: Toolbox, name: string): Promise<void> {
  const host = tools.fleet.machine(name);
  await outOfRotation(ctx, tools, name, async () => {
    const manifests = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    await host.exec(ctx, ['rm', '-f', ...manifests.map((pod) => `${MANIFESTS_DIR}/${pod}.yaml`)]);
    await awaitStopped(ctx, host, 'kube-apiserver');
  });
  await sleep(CLOSING_MS, ctx);
}

/** Takes the machine's member out of etcd, if there is one. The gate has been asked. Throws ETCD_UNAVAILABLE, ETCD_QUORUM_AT_RISK. */
export async function leaveEtcd(ctx: Context, tools: Toolbox, machine: MachineSpec): Promise<void> {
  await handOverLeadership(ctx, tools.fleet.machine(machine.name));
  const { own, via } = await livingEtcd(ctx, tools, machine);
  if (own !== undefined) await removeMember(ctx, via, own.id);
}
