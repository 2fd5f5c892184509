// Who leads etcd and who is in it, as phases: for `quorate etcd move-leader` and `etcd member remove`.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { readEtcd } from '../etcd/etcdctl.ts';
import { isMemberAt, memberName } from '../etcd/members.ts';
import { moveLeader, removeMember } from '../etcd/membership.ts';
import type { ObservedEtcd, ObservedMember } from '../etcd/types.ts';
import { withLeaving } from '../machines/fleet.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { handOverLeadership } from './change/apply-change.ts';
import { voterMachine } from './change/living-member.ts';
import { requireMember } from './maintain-etcd.ts';
import { type Phase, SERIAL_LANE } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/** A change of leader is over within an election timeout, a second or two; a busy host makes that half a minute. */
const SETTLE_DEADLINE_MS = 30_000;

/** The member that leads; undefined while there is none. */
export function leaderOf({ members }: ObservedEtcd): ObservedMember | undefined {
  return members.find(({ id, status }) => status !== undefined && status.leaderId === id);
}

/**
 * Who is to lead: the member called for, else the follower that is healthiest, which has no error, no alarm, and the most of the log. Pure.
 * Throws ETCD_MEMBER_NOT_FOUND; ETCD_UNAVAILABLE where nobody can lead.
 */
export function chooseLeader(spec: ClusterSpec, observed: Observed, word?: string): ObservedMember {
  const { members = [], alarms = [] } = observed.etcd ?? {};
  if (word !== undefined) {
    const member = requireMember(spec, members, word);
    if (member.status !== undefined && !member.isLearner) return member;
    const why = member.isLearner ? 'a learner, which does not vote' : 'down';
    throw new QuorateError('ETCD_UNAVAILABLE', `${memberName(member, spec.machines)} cannot lead: it is ${why}`, {
      hint: 'see who can: quorate etcd status',
    });
  }
  const ills = ({ id, status }: ObservedMember) =>
    (status?.errors.length ?? 0) + alarms.filter(({ memberId }) => memberId === id).length;
  const applied = ({ status }: ObservedMember) => status?.raftAppliedIndex ?? status?.raftIndex ?? 0;
  const heirs = members
    .filter(({ id, isLearner, status }) => status !== undefined && !isLearner && status.leaderId !== id)
    .sort((a, b) => ills(a) - ills(b) || applied(b) - applied(a) || a.name.localeCompare(b.name));
  const [heir] = heirs;
  if (heir !== undefined) return heir;
  throw new QuorateError('ETCD_UNAVAILABLE', 'there is no follower that answers and could lead', {
    hint: 'see the members: quorate etcd status',
  });
}

/** Hands the leadership over; without `word` to the healthiest follower of the moment when it is planned. Nothing to do for one that leads. */
export function moveLeaderPhase(word?: string): Phase {
  let chosen = word;
  return {
    id: 'move-leader',
    title: 'Hand the leadership of etcd over',
    needs: ['etcd', 'kube'],
    plan: (spec, observed) => {
      const leader = observed.etcd && leaderOf(observed.etcd);
      const heir = chooseLeader(spec, observed, chosen);
      // Planned again once it is done, it is not to move on to the next one.
      chosen = heir.id;
      if (leader === undefined || leader.id === heir.id) return [];
      const name = memberName(heir, spec.machines);
      const from = memberName(leader, spec.machines);
      return [
        {
          id: 'move-leader',
          lane: SERIAL_LANE,
          title: `hand the leadership over from ${from} to ${name}`,
          why: word === undefined ? 'it is the healthiest follower' : 'asked for',
          run: (ctx, tools) => handTo(ctx, tools, heir.id),
        },
      ];
    },
  };
}

async function handTo(ctx: Context, tools: Toolbox, id: string): Promise<void> {
  const { etcd, via } = await voterMachine(ctx, tools);
  const leader = leaderOf(etcd);
  if (leader?.id === id) return;
  const machine = leader && tools.fleet.machines.find(({ address }) => isMemberAt(leader, address));
  if (machine === undefined) {
    throw new QuorateError('ETCD_UNAVAILABLE', 'no machine of cluster.yaml carries the member that leads');
  }
  await moveLeader(ctx, tools.fleet.machine(machine.name), id);
  const condition = 'the members agree on the new leader';
  await waitFor(ctx, { condition, deadlineMs: SETTLE_DEADLINE_MS, intervalMs: 250 }, async () => {
    const { members } = await readEtcd(ctx, [via]);
    const others = members.filter(({ status }) => status !== undefined && status.leaderId !== id);
    return others.length === 0 ? true : `${others.map(({ name }) => name).join(', ')} follow another one`;
  });
}

/** The machine of cluster.yaml that a member is on. */
export function machineOfMember(spec: ClusterSpec, member: ObservedMember): MachineSpec | undefined {
  return etcdMachines(spec).find(({ address }) => isMemberAt(member, address));
}

/**
 * Takes one member out, through the gate. The plan throws ETCD_MEMBER_IN_USE for a voter whose machine cluster.yaml names, unless `force`
 * is there, and ETCD_MEMBER_NOT_FOUND. Once planned, it is that very member: planned again when it is gone, nothing is left to do.
 */
export function removeMemberPhase(word: string, force: boolean): Phase {
  let target: ObservedMember | undefined;
  return {
    id: 'remove-member',
    title: 'Remove a member from etcd',
    needs: ['etcd', 'kube'],
    plan: (spec, observed) => {
      const members = observed.etcd?.members ?? [];
      target ??= requireMember(spec, members, word);
      const member = members.find(({ id }) => id === target?.id);
      if (member === undefined) return [];
      refuseInUse(spec, member, force);
      const machine = machineOfMember(withLeaving(spec, observed.leaving), member);
      const name = memberName(member, withLeaving(spec, observed.leaving).machines);
      return [
        {
          id: `${name}/remove`,
          lane: SERIAL_LANE,
          ...(machine === undefined ? {} : { machine: machine.name }),
          title: `remove ${member.isLearner ? 'the learner' : 'the voter'} ${member.id} from etcd`,
          why: 'asked for',
          disruption: { machine: name, kind: 'remove' },
          run: (ctx, tools) => remove(ctx, tools, member, machine),
        },
      ];
    },
  };
}

function refuseInUse(spec: ClusterSpec, member: ObservedMember, force: boolean): void {
  const machine = machineOfMember(spec, member);
  if (machine === undefined || member.isLearner || force) return;
  const { name } = machine;
  throw new QuorateError('ETCD_MEMBER_IN_USE', `cluster.yaml names ${name}: without its member it could not serve`, {
    hint: `for new data: quorate etcd member replace ${name}; for a new machine: quorate machine replace ${name}; to be rid of it, take it out of cluster.yaml and apply`,
    data: { machine: name, member: member.id },
  });
}

async function remove(
  ctx: Context,
  tools: Toolbox,
  { id, status }: ObservedMember,
  machine: MachineSpec | undefined,
): Promise<void> {
  if (machine !== undefined && status !== undefined) await handOverLeadership(ctx, tools.fleet.machine(machine.name));
  const { via } = await voterMachine(ctx, tools, id);
  await removeMember(ctx, via, id);
}
