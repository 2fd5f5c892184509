// Where each machine of the control plane stands: to be started, to join, running, or lost. Every phase asks here, so that no two
// of them see the same machine differently. Pure.
import { isMemberAt } from '../etcd/members.ts';
import type { ObservedMember } from '../etcd/types.ts';
import { FORMED_PATH, STAND_IN_DIR } from '../manifests/paths.ts';
import type { Observed } from '../observe/observed.ts';
import { KUBELET_CONF_PATH } from '../pki/names.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec, machinesOf } from '../spec/types.ts';

/**
 * living: etcd answers, so it has a quorum. down: no answer, and something shows that there has been a cluster. new: every machine that
 * is to carry etcd has been looked at, and nothing does. unknown: one of them could not be looked at; what it holds may be all there is.
 */
export type ClusterLife = 'new' | 'living' | 'down' | 'unknown';

/** The life of the cluster's etcd. */
export function clusterLife(spec: ClusterSpec, observed: Observed): ClusterLife {
  if (observed.etcd !== undefined) return 'living';
  const hasData = Object.values(observed.machines).some(({ facts }) => facts?.hasEtcdData);
  if (hasData || hasFormed(spec, observed)) return 'down';
  return unseenCarriers(spec, observed).length > 0 ? 'unknown' : 'new';
}

/** Machines that carry etcd, exist, and could not be looked at: without power, or silent. */
export function unseenCarriers(spec: ClusterSpec, observed: Observed): readonly MachineSpec[] {
  return etcdMachines(spec).filter(({ name }) => {
    const seen = observed.machines[name];
    return seen !== undefined && seen.facts === undefined && seen.state !== 'absent';
  });
}

/**
 * start: nothing of it runs, and it is part of the first membership or has its data: it can be started with others at the same time.
 * join: it is no voter of the living cluster yet. running: a change of it takes something away, so it is rolled out.
 * lost: it has voted, and its data is gone. waiting: nothing can be said or done now; a process that does not answer is no
 * dead one.
 */
export type Stage = 'start' | 'join' | 'running' | 'lost' | 'waiting';

/** The member that a machine carries or is to carry; a member that has never started has no name, but its peer URL. */
export function memberOf(
  observed: Observed,
  machine: Pick<MachineSpec, 'name' | 'address'>,
): ObservedMember | undefined {
  const members = observed.etcd?.members ?? [];
  const byUrl = members.find((member) => isMemberAt(member, machine.address));
  return byUrl ?? members.find(({ name }) => name === machine.name);
}

/** The stage of a machine that carries etcd. */
export function memberStage(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Stage {
  const life = clusterLife(spec, observed);
  const seen = observed.machines[machine.name];
  const isGone = seen?.state === 'absent';
  if (seen?.facts === undefined && !isGone) return 'waiting';
  const hasData = seen?.facts?.hasEtcdData === true;
  const isRunning = seen?.facts?.running.includes('etcd') === true;
  if (life === 'new') return 'start';
  if (life === 'unknown') return 'waiting';
  if (life === 'down') return !isRunning && (hasData || !hasFormed(spec, observed)) ? 'start' : 'waiting';
  const member = memberOf(observed, machine);
  if (member === undefined || member.isLearner) return 'join';
  if (member.status !== undefined) return 'running';
  // One that has only been configured has no client URLs yet: the first start of the cluster was interrupted.
  if (!hasData) return member.clientURLs.length === 0 ? 'start' : 'lost';
  return isRunning ? 'running' : 'start';
}

/** The stage of a control plane: with stacked etcd that of its member, else that of its API server. */
export function planeStage(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Stage {
  if (carriesEtcd(spec, machine)) return memberStage(spec, observed, machine);
  const seen = observed.machines[machine.name];
  if (seen?.facts === undefined && seen?.state !== 'absent') return 'waiting';
  return seen?.facts?.running.includes('kube-apiserver') ? 'running' : 'start';
}

/** True for the machines that etcd members run on. */
export function carriesEtcd(spec: ClusterSpec, machine: MachineSpec): boolean {
  return etcdMachines(spec).some(({ name }) => name === machine.name);
}

/** Whether the cluster has served once, by its own mark or by a worker that has joined: from then on an empty disk is a loss. */
export function hasFormed(spec: ClusterSpec, observed: Observed): boolean {
  const hasJoined = machinesOf(spec, 'worker').some(
    ({ name }) => observed.machines[name]?.facts?.files[KUBELET_CONF_PATH] !== undefined,
  );
  return hasJoined || Object.values(observed.machines).some(({ facts }) => facts?.files[FORMED_PATH] !== undefined);
}

/** Followers first, the leader last: an election is paid for once. Machines without a member keep their place before the leader. */
export function leaderLast<M extends MachineSpec>(observed: Observed, machines: readonly M[]): readonly M[] {
  return [
    ...machines.filter((machine) => !isLeader(observed, machine)),
    ...machines.filter((m) => isLeader(observed, m)),
  ];
}

function isLeader(observed: Observed, machine: MachineSpec): boolean {
  const member = memberOf(observed, machine);
  return member?.status !== undefined && member.status.leaderId === member.id;
}

/** The machine where stand-ins for lost members are or were, if a recovery of the quorum has not ended (ADR 0013). */
export function standInHolder({ machines }: Pick<Observed, 'machines'>): string | undefined {
  return Object.values(machines).find(({ facts }) =>
    Object.keys(facts?.files ?? {}).some((path) => path.startsWith(`${STAND_IN_DIR}/`)),
  )?.name;
}
