// The one gate for quorum: every step that takes a control plane down for a moment passes here, alone.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { sleep } from '../core/wait.ts';
import { memberName } from '../etcd/members.ts';
import { withLeaving } from '../machines/fleet.ts';
import type { Observed } from '../observe/observed.ts';
import type { Disruption, Step } from '../phases/step.ts';
import type { Toolbox } from '../phases/toolbox.ts';
import { type ClusterSpec, controlPlanes, etcdMachines } from '../spec/types.ts';
import { afterAction, mayDisrupt, type QuorumDecision, type QuorumView } from '../topology/quorum.ts';

/** An election takes a second or two; etcdctl gives up after five. */
const ETCD_ATTEMPTS = 5;
const ETCD_PAUSE_MS = 2_000;

/** What the gate knows of the voters, from an observation. Members that do not answer count as down. */
export function quorumView(spec: ClusterSpec, observed: Observed): QuorumView {
  const members = observed.etcd?.members ?? [];
  const alarms = observed.etcd?.alarms ?? [];
  // It answers for itself, and takes no part: nobody may count on it.
  const corrupt = new Set(alarms.filter(({ alarm }) => alarm === 'CORRUPT').map(({ memberId }) => memberId));
  const nameOf = (member: (typeof members)[number]) => memberName(member, spec.machines);
  const cordoned = observed.kube?.nodes.filter(({ schedulable }) => !schedulable).map(({ name }) => name) ?? [];
  return {
    voters: members
      .filter(({ isLearner }) => !isLearner)
      .map((member) => ({
        name: nameOf(member),
        up: member.status !== undefined && member.status.leaderId !== '0' && !corrupt.has(member.id),
      })),
    learners: members.filter(({ isLearner }) => isLearner).map(nameOf),
    plannedDown: cordoned,
  };
}

/**
 * Asks the gate about steps before any of them runs, for those that nothing comes before: what it will refuse in the end is not to be
 * begun. Throws ETCD_QUORUM_AT_RISK.
 */
export function refuseRisky(spec: ClusterSpec, observed: Observed, steps: readonly Step[]): void {
  let view = quorumView(withLeaving(spec, observed.leaving), observed);
  for (const { title, disruption } of steps) {
    if (disruption === undefined) continue;
    const decision = mayDisrupt(view, { ...disruption, outageAccepted: true });
    if (!decision.allowed) throw refusal(title, disruption, decision);
    view = afterAction(view, disruption);
  }
}

function refusal(title: string, { machine }: Disruption, decision: QuorumDecision): QuorateError {
  return new QuorateError('ETCD_QUORUM_AT_RISK', `${title} on ${machine}: ${decision.reason}`, {
    data: { ...decision },
  });
}

/**
 * Asks the gate whether a machine may be disrupted now, by a fresh look at etcd. Throws ETCD_UNAVAILABLE, ETCD_QUORUM_AT_RISK and
 * API_SERVERS_AT_RISK; `what` is what is to be done, for these.
 */
export async function askGate(
  ctx: Context,
  tools: Pick<Toolbox, 'fleet' | 'observe'>,
  what: string,
  disruption: Disruption,
): Promise<void> {
  const observed = await observeEtcdPatiently(ctx, tools);
  if (observed.etcd === undefined) {
    // Whatever is to be done to a member, etcd has to agree to it or to survive it: neither can be told now.
    throw new QuorateError('ETCD_UNAVAILABLE', `${what} on ${disruption.machine}: etcd does not answer`, {
      hint: 'bring its members back first (quorate status shows them), then run the same command again',
    });
  }
  const decision = mayDisrupt(quorumView(withLeaving(tools.fleet.spec, tools.fleet.leaving), observed), {
    ...disruption,
    // The plan was shown and agreed to; a single voter cannot be changed any other way.
    outageAccepted: true,
  });
  if (!decision.allowed) throw refusal(what, disruption, decision);
  refuseLastApiServer(tools.fleet.spec, observed, what, disruption);
  ctx.emit('note', { text: `${disruption.machine}: ${decision.reason}` });
}

/** Runs one disruptive step: only when quorum survives it. The step returns only when its member is back, promoted or gone. */
export async function runThroughGate(ctx: Context, tools: Toolbox, step: Step, disruption: Disruption): Promise<void> {
  await askGate(ctx, tools, step.title, disruption);
  await step.run(ctx, tools);
}

/**
 * Why machines may not all be taken down by hand, one after the other, as the members are now; undefined when nothing speaks against
 * it. Each counts as planned down for the next.
 */
export function riskOfStopping(spec: ClusterSpec, observed: Observed, machines: readonly string[]): string | undefined {
  const voters = etcdMachines(spec).filter(({ name }) => machines.includes(name));
  if (voters.length === 0) return undefined;
  if (observed.etcd === undefined) return 'etcd does not answer, so nobody can tell whether its quorum survives';
  const view = quorumView(spec, observed);
  const taken: string[] = [...view.plannedDown];
  for (const { name } of voters) {
    const decision = mayDisrupt({ ...view, plannedDown: taken }, { kind: 'restart', machine: name });
    if (!decision.allowed) return decision.reason;
    taken.push(name);
  }
  return undefined;
}

/**
 * A quorum of etcd is not all that clients need. Throws API_SERVERS_AT_RISK when a restart would stop the only API server that is
 * ready, unless the cluster has no other: then there is no other way to change it.
 */
function refuseLastApiServer(spec: ClusterSpec, observed: Observed, title: string, disruption: Disruption): void {
  const { machine, kind } = disruption;
  const ready = observed.apiServers.filter((server) => server.ready).map((server) => server.machine);
  if (kind !== 'restart' || ready.length !== 1 || ready[0] !== machine || controlPlanes(spec).length === 1) return;
  throw new QuorateError('API_SERVERS_AT_RISK', `${title} on ${machine}: no other API server is ready`);
}

/** One unanswered question is no proof that etcd is gone: it is asked for half a minute. */
async function observeEtcdPatiently(ctx: Context, tools: Pick<Toolbox, 'observe'>): Promise<Observed> {
  for (let attempt = 1; ; attempt++) {
    const observed = await tools.observe(ctx, ['etcd', 'kube']);
    if (observed.etcd !== undefined || attempt >= ETCD_ATTEMPTS) return observed;
    await sleep(ETCD_PAUSE_MS, ctx);
  }
}
