import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { readEtcd } from '../etcd/etcdctl.ts';
import { isMemberAt } from '../etcd/members.ts';
import { addLearner, promoteLearner, removeMember } from '../etcd/membership.ts';
import type { Machine } from '../machines/machine.ts';
import { type EtcdBootstrap, peerURL } from '../manifests/etcd.ts';
import { ETCD_MANIFEST } from '../manifests/paths.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, controlPlanes, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { awaitGood } from './change/await-node.ts';
import { endMember } from './change/end-member.ts';
import { livingEtcd } from './change/living-member.ts';
import { startMemberAlone } from './change/start-member.ts';
import { managedFilesStep } from './files/managed-files.ts';
import {
  backupGroup,
  type GroupInput,
  groupInput,
  operatorGroup,
  staticPodGroup,
  tokenOf,
} from './files/node-groups.ts';
import { carriesEtcd, memberOf, memberStage, planeStage } from './membership.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import { balancerSteps } from './steps/load-balancers.ts';
import type { Toolbox } from './toolbox.ts';

/** A learner receives a snapshot of the data first; a gigabyte takes a minute on an ordinary network. */
const CATCH_UP_DEADLINE_MS = 300_000;

/**
 * Adds members to a living etcd, one after the other: each as a learner, which counts for nothing until it has caught up and is
 * promoted. Then the rest of its control plane starts.
 */
export const joinControlPlanes: Phase = {
  id: 'join-control-planes',
  title: 'Add members to etcd',
  needs: ['etcd', 'kube'],
  isForLiving: true,
  plan: (spec, observed) => {
    const members = etcdMachines(spec).filter((machine) => memberStage(spec, observed, machine) === 'join');
    const planes = controlPlanes(spec).filter(
      (machine) => carriesEtcd(spec, machine) && planeStage(spec, observed, machine) === 'join',
    );
    return [
      ...members.flatMap((machine) => memberSteps(spec, observed, machine)),
      ...planes.flatMap((machine) => planeSteps(spec, observed, machine)),
    ];
  },
};

function memberSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const input = groupInput(spec, observed, machine);
  if (input === undefined) return [];
  const member = memberOf(observed, machine);
  const why = member === undefined ? 'it is no member yet' : 'it is a learner that has not been promoted';
  return [
    {
      id: `${machine.name}/member`,
      lane: SERIAL_LANE,
      machine: machine.name,
      title: 'join etcd as a learner and be promoted',
      why,
      disruption: { machine: machine.name, kind: 'promote' },
      run: (ctx, tools) => join(ctx, tools, input),
    },
  ];
}

/** Once its member votes; the same files as on every other control plane, in its own lane behind the serial one. */
function planeSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const input = groupInput(spec, observed, machine);
  if (input === undefined) return [];
  return [
    {
      id: `${machine.name}/control-plane`,
      lane: SERIAL_LANE,
      machine: machine.name,
      title: 'start its API server, controller-manager and scheduler',
      why: 'its member can serve them now',
      run: (ctx, tools) => startPlane(ctx, tools, input),
    },
    ...managedFilesStep(machine, input.facts, operatorGroup(input), SERIAL_LANE),
    ...managedFilesStep(machine, input.facts, backupGroup(input), SERIAL_LANE),
    ...balancerSteps(spec, observed, machine, SERIAL_LANE),
  ];
}

async function join(ctx: Context, tools: Toolbox, input: GroupInput): Promise<void> {
  const { machine } = input;
  const via = (await livingEtcd(ctx, tools, machine)).via;
  const admission = await admit(ctx, tools, via, input);
  await startMember(ctx, tools, input, admission);
  try {
    await catchUp(ctx, via, machine);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    await dismiss(ctx, tools, via, input);
    const reason = messageOf(error).split('\n')[0];
    throw new QuorateError('ETCD_LEARNER_STUCK', `${machine.name} was removed from etcd again: ${reason}`, {
      cause: error,
      data: { machine: machine.name },
    });
  }
}

/** Makes it a learner, unless an interrupted run has; one that had begun and lost its data begins anew. */
async function admit(ctx: Context, tools: Toolbox, via: Machine, input: GroupInput): Promise<Admission> {
  const { spec, observed, machine, facts } = input;
  const base = { etcdToken: tokenOf(spec, observed), initialClusterState: 'existing' } as const;
  const { members } = await readEtcd(ctx, [via]);
  const known = members.find((member) => isMemberAt(member, machine.address));
  const hasLostData = known?.isLearner === true && known.clientURLs.length > 0 && !facts.hasEtcdData;
  if (known !== undefined && !hasLostData) {
    const entries = members.flatMap(({ name, id, peerURLs }) =>
      peerURLs.map((url) => `${id === known.id ? machine.name : name}=${url}`),
    );
    return { bootstrap: { ...base, initialCluster: entries.join(',') }, isContinued: true };
  }
  if (known !== undefined) await removeMember(ctx, via, known.id);
  // Data of a member that was removed: etcd would only say so and end. Where only a part of it is left it would believe that part.
  await endMember(ctx, tools.fleet.machine(machine.name), 'set-aside');
  const initialCluster = await addLearner(ctx, via, machine.name, peerURL(machine));
  return { bootstrap: { ...base, initialCluster }, isContinued: false };
}

interface Admission {
  readonly bootstrap: EtcdBootstrap;
  /** It was let in by a run that was ended: what it has begun goes on. */
  readonly isContinued: boolean;
}

/** What an interrupted run has started goes on by itself. */
async function startMember(ctx: Context, tools: Toolbox, input: GroupInput, admission: Admission): Promise<void> {
  const { bootstrap, isContinued } = admission;
  if (isContinued && input.facts.hasEtcdData && input.facts.etcdFlags['initial-cluster'] !== undefined) return;
  await startMemberAlone(ctx, tools, input, bootstrap);
}

async function catchUp(ctx: Context, via: Machine, machine: MachineSpec): Promise<void> {
  const condition = `the member of ${machine.name} has caught up with the leader and votes`;
  await waitFor(ctx, { condition, deadlineMs: CATCH_UP_DEADLINE_MS, intervalMs: 500 }, async () => {
    const { members } = await readEtcd(ctx, [via]);
    const member = members.find((candidate) => isMemberAt(candidate, machine.address));
    if (member === undefined) return 'it is not in the list of members';
    if (!member.isLearner) return true;
    if (member.status === undefined) return 'its process does not answer yet';
    const isPromoted = await promoteLearner(ctx, via, member.id);
    return isPromoted ? 'it has just been promoted' : 'it is behind the leader';
  });
}

/** Takes a learner that failed away again, with its data, so that the next attempt begins anew. Best effort. */
async function dismiss(ctx: Context, tools: Toolbox, via: Machine, { machine }: GroupInput): Promise<void> {
  try {
    const { members } = await readEtcd(ctx, [via]);
    const member = members.find((candidate) => isMemberAt(candidate, machine.address));
    // One that votes by now is no failure: its data is a part of the quorum.
    if (member !== undefined && !member.isLearner) return;
    if (member !== undefined) await removeMember(ctx, via, member.id);
    await endMember(ctx, tools.fleet.machine(machine.name), 'rm');
  } catch (error) {
    ctx.emit('warning', { text: `${machine.name} could not be taken out of etcd again: ${messageOf(error)}` });
  }
}

async function startPlane(ctx: Context, tools: Toolbox, input: GroupInput): Promise<void> {
  const { machine } = input;
  const host = tools.fleet.machine(machine.name);
  await host.writeFiles(
    ctx,
    staticPodGroup(input).files.filter(({ path }) => path !== ETCD_MANIFEST),
  );
  const condition = `the API server of ${machine.name} is ready`;
  await waitFor(ctx, { condition, deadlineMs: CATCH_UP_DEADLINE_MS, intervalMs: 500 }, async () => {
    const probe = await tools.probe(ctx, machine.address);
    return probe.ready ? true : (probe.detail ?? 'no answer');
  });
  await awaitGood(ctx, tools, { machine: machine.name, kubelet: input.spec.kubernetesVersion });
}
