// Changes one running machine: takes it out of use, changes it, waits until it is good, and puts it back as it was when it is not.
import { componentVersions } from '../../artifacts/catalog.ts';
import type { Context } from '../../core/context.ts';
import { hasCode, messageOf, QuorateError } from '../../core/errors.ts';
import { firstLine } from '../../core/text.ts';
import { CORDON_MARK, cordonNode, uncordonNode } from '../../kube/cordon.ts';
import { DRAIN_DEADLINE_MS, drainNode } from '../../kube/drain.ts';
import { readNodes } from '../../kube/read.ts';
import type { ObservedNode } from '../../kube/types.ts';
import { staticPodDigests } from '../../manifests/node-files.ts';
import { type ClusterSpec, controlPlanes, isNode, type MachineSpec } from '../../spec/types.ts';
import { compareVersions, parseVersion } from '../../topology/version.ts';
import { bootstrapOf, type GroupInput } from '../files/node-groups.ts';
import { carriesEtcd, memberOf } from '../membership.ts';
import type { Disruption, Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';
import { applyChange } from './apply-change.ts';
import { awaitGood, type GoodState } from './await-node.ts';
import { forgetLastGood, keepLastGood, restoreLastGood } from './last-good.ts';
import { changesNode, type MachineChange, stopsControlPlane } from './machine-change.ts';
import { outOfRotation } from './rotation.ts';

/** The step that carries a change out, in the given lane. */
export function rollStep(input: GroupInput, change: MachineChange, lane: string): Step {
  const { spec, machine } = input;
  const disruption = disruptionOf(spec, machine, change);
  return {
    id: `${machine.name}/roll`,
    lane,
    machine: machine.name,
    title: titleOf(input, change),
    why: whyOf(change),
    details: change.details,
    ...(disruption === undefined ? {} : { disruption }),
    run: (ctx, tools) => roll(ctx, tools, input, change),
  };
}

/** What the change takes away while it is made: a member of etcd, an API server, or both. */
function disruptionOf(spec: ClusterSpec, machine: MachineSpec, change: MachineChange): Disruption | undefined {
  const serves = carriesEtcd(spec, machine) || machine.role === 'control-plane';
  return serves && stopsControlPlane(change) ? { machine: machine.name, kind: 'restart' } : undefined;
}

function titleOf({ spec, observed, machine }: GroupInput, change: MachineChange): string {
  const from = observed.kube?.nodes.find(({ name }) => name === machine.name)?.version;
  const isUpgrade = change.binaries.some(({ name }) => name === 'kubelet') && from !== undefined;
  if (isUpgrade && from !== spec.kubernetesVersion) return `go from ${from} to ${spec.kubernetesVersion}`;
  return change.onlyPart ?? `change ${change.details.length} parts of it`;
}

function whyOf({ binaries, isResumed }: MachineChange): string {
  if (isResumed) return 'a run was ended before it was known to be good';
  return binaries.length > 0 ? 'missing or of another version' : 'differs from cluster.yaml';
}

/** owner: somebody wants it so, and it stays so. change: a run that was ended has left it. */
type Cordon = 'none' | 'owner' | 'change';

function cordonOf(nodes: readonly ObservedNode[] = [], machine: MachineSpec): Cordon {
  const node = nodes.find(({ name }) => name === machine.name);
  if (node === undefined || node.schedulable) return 'none';
  return node.cordonedFor === CORDON_MARK ? 'change' : 'owner';
}

async function roll(ctx: Context, tools: Toolbox, input: GroupInput, change: MachineChange): Promise<void> {
  const { spec, machine } = input;
  const host = tools.fleet.machine(machine.name);
  if (machine.role === 'worker') await requireNewPlanes(ctx, tools, spec);
  const isDrained = isNode(machine) && changesNode(change);
  // As it is now: since the plan was made, its owner may have cordoned it.
  const nodes = isDrained ? await readNodes(await tools.kube(ctx)) : input.observed.kube?.nodes;
  const cordon = cordonOf(nodes, machine);
  if (isDrained) await emptyNode(ctx, tools, machine.name, cordon === 'owner');
  const disruption = disruptionOf(spec, machine, change);
  // Moving pods may have taken minutes, in which another member may have died.
  if (isDrained && disruption !== undefined) await tools.askGate(ctx, titleOf(input, change), disruption);
  // Only now: as long as its pods do not go, nothing of it is changed, and there is nothing to be continued.
  const replaced = change.binaries.map(({ installPath }) => installPath);
  const former = await keepLastGood(ctx, host, formerState(input), replaced);
  const isToUncordon = cordon === 'change' || (isDrained && cordon === 'none');
  const work = async () => {
    try {
      await applyChange(ctx, tools, input, change);
      await awaitGood(ctx, tools, goodState(spec, machine, input));
    } catch (error) {
      await rollBack(ctx, tools, input, former, error);
      if (isToUncordon) await uncordonNode(await tools.kube(ctx), machine.name).catch(() => {});
      throw new QuorateError('ROLLED_BACK', `${machine.name} is as it was before: ${firstLine(messageOf(error))}`, {
        cause: error,
        data: { machine: machine.name },
      });
    }
    await forgetLastGood(ctx, host);
  };
  const isBalanced = machine.role === 'control-plane' && stopsControlPlane(change);
  await (isBalanced ? outOfRotation(ctx, tools, machine.name, work) : work());
  if (isToUncordon) await uncordonNode(await tools.kube(ctx), machine.name);
}

/** No kubelet may be newer than any API server: workers wait for a control plane that was left behind. Throws VERSION_SKEW. */
async function requireNewPlanes(ctx: Context, tools: Toolbox, spec: ClusterSpec): Promise<void> {
  const wanted = parseVersion(spec.kubernetesVersion);
  const planes = new Set(controlPlanes(spec).map(({ name }) => name));
  const old = (await readNodes(await tools.kube(ctx))).filter(({ name, version }) => {
    const runs = parseVersion(version);
    return planes.has(name) && wanted !== undefined && runs !== undefined && compareVersions(runs, wanted) < 0;
  });
  if (old.length === 0) return;
  const names = old.map(({ name, version }) => `${name} (${version})`).join(', ');
  throw new QuorateError('VERSION_SKEW', `workers cannot go to ${spec.kubernetesVersion} before ${names}`, {
    hint: 'bring that control plane back and run the same command again, or take it out of the cluster',
  });
}

async function emptyNode(ctx: Context, tools: Toolbox, name: string, isCordoned: boolean): Promise<void> {
  const kube = await tools.kube(ctx);
  if (!isCordoned) await cordonNode(kube, name, CORDON_MARK);
  await drainNode(ctx, kube, name, { deadlineMs: DRAIN_DEADLINE_MS, force: false });
}

/** What the machine is to be after the change. */
function goodState(spec: ClusterSpec, machine: MachineSpec, input: GroupInput): GoodState {
  const isPlane = machine.role === 'control-plane';
  const pods = isPlane ? staticPodDigests(spec, machine, input.facts, bootstrapOf(input)) : undefined;
  return {
    machine: machine.name,
    ...(carriesEtcd(spec, machine) ? { etcd: componentVersions(spec.kubernetesVersion).etcd.slice(1) } : {}),
    ...(pods ? { pods } : {}),
    ...(isNode(machine) ? { kubelet: spec.kubernetesVersion } : {}),
  };
}

/** What it was before the change, as far as it was seen. */
function formerState({ spec, observed, machine }: GroupInput): GoodState {
  const pods = Object.entries(observed.kube?.staticPods ?? {}).flatMap(([name, { digest }]): [string, string][] =>
    name.endsWith(`-${machine.name}`) ? [[name.slice(0, -machine.name.length - 1), digest]] : [],
  );
  const kubelet = observed.kube?.nodes.find(({ name }) => name === machine.name)?.version;
  const etcd = carriesEtcd(spec, machine) ? memberOf(observed, machine)?.status?.version : undefined;
  return {
    machine: machine.name,
    ...(etcd === undefined ? {} : { etcd }),
    ...(pods.length === 0 ? {} : { pods: Object.fromEntries(pods) }),
    ...(kubelet === undefined ? {} : { kubelet }),
  };
}

/** Puts the machine back as it was. Throws NODE_NOT_GOOD when that failed too, and the cause when it is none to be undone. */
async function rollBack(
  ctx: Context,
  tools: Toolbox,
  { machine }: GroupInput,
  former: GoodState,
  cause: unknown,
): Promise<void> {
  const { name } = machine;
  // A machine that is gone cannot be put back, and a run that is stopped is continued or undone by the next one.
  if (ctx.signal.aborted || hasCode(cause, 'MACHINE_UNREACHABLE')) throw cause;
  const reason = firstLine(messageOf(cause));
  ctx.emit('warning', { text: `${name} is not good after its change and is put back as it was: ${reason}` });
  const host = tools.fleet.machine(name);
  try {
    await restoreLastGood(ctx, host, unitsOf(machine));
    await awaitGood(ctx, tools, former);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    const text = `${name} did not become good after its change (${reason}), and not after it was put back either: ${messageOf(error)}`;
    throw new QuorateError('NODE_NOT_GOOD', text, { cause: error });
  }
  await forgetLastGood(ctx, host);
}

/** All of them: what an earlier run that was ended has changed of the machine, nobody knows. Containers outlive containerd. */
function unitsOf(machine: MachineSpec): readonly string[] {
  return machine.role === 'etcd' ? ['etcd.service'] : ['containerd.service', 'kubelet.service'];
}
