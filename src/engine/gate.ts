// The one gate for quorum: every step that takes a control plane down for a moment passes here, alone.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { sleep, waitFor } from '../core/wait.ts';
import type { Observed } from '../observe/observed.ts';
import type { Disruption, Step } from '../phases/step.ts';
import type { Toolbox } from '../phases/toolbox.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { mayDisrupt, type QuorumView } from '../topology/quorum.ts';

/** A restarted member replays its log and catches up; minutes mean that something else is wrong. */
const RECOVER_DEADLINE_MS = 180_000;
/** An election takes a second or two; etcdctl gives up after five. */
const ETCD_ATTEMPTS = 5;
const ETCD_PAUSE_MS = 2_000;

/** What the gate knows of the voters, from an observation. Members that do not answer count as down. */
export function quorumView(spec: ClusterSpec, observed: Observed): QuorumView {
  const members = observed.etcd?.members ?? [];
  const nameOf = (member: (typeof members)[number]) =>
    member.name ||
    (spec.machines.find(({ address }) => member.peerURLs.some((url) => url.includes(`//${address}:`)))?.name ??
      member.id);
  const cordoned = observed.kube?.nodes.filter(({ schedulable }) => !schedulable).map(({ name }) => name) ?? [];
  return {
    voters: members
      .filter(({ isLearner }) => !isLearner)
      .map((member) => ({ name: nameOf(member), up: member.status !== undefined })),
    learners: members.filter(({ isLearner }) => isLearner).map(nameOf),
    plannedDown: cordoned,
  };
}

/** Runs one disruptive step: only when quorum survives it, and returns only when its member is back. */
export async function runThroughGate(ctx: Context, tools: Toolbox, step: Step, disruption: Disruption): Promise<void> {
  const { spec } = tools.fleet;
  const observed = await observeEtcdPatiently(ctx, tools);
  // Without an etcd that answers there is no quorum to protect: the step may be what brings it back.
  if (observed.etcd !== undefined) {
    const decision = mayDisrupt(quorumView(spec, observed), {
      ...disruption,
      // The plan was shown and agreed to; a single voter cannot be changed any other way.
      outageAccepted: true,
    });
    if (!decision.allowed) {
      throw new QuorateError('ETCD_QUORUM_AT_RISK', `${step.title} on ${disruption.machine}: ${decision.reason}`, {
        data: { ...decision },
      });
    }
    ctx.emit('note', { text: `${disruption.machine}: ${decision.reason}` });
  }
  await step.run(ctx, tools);
  if (disruption.kind !== 'restart') return;
  // Until the change has begun, everything looks as healthy as before.
  await sleep(disruption.settleMs ?? 0, ctx);
  if (observed.etcd !== undefined) await waitUntilBack(ctx, tools, disruption.machine);
}

/** One unanswered question is no proof that etcd is gone: it is asked for half a minute. */
async function observeEtcdPatiently(ctx: Context, tools: Toolbox): Promise<Observed> {
  for (let attempt = 1; ; attempt++) {
    const observed = await tools.observe(ctx);
    const hasData = Object.values(observed.machines).some(({ facts }) => facts?.hasEtcdData);
    if (observed.etcd !== undefined || !hasData || attempt >= ETCD_ATTEMPTS) return observed;
    await sleep(ETCD_PAUSE_MS, ctx);
  }
}

async function waitUntilBack(ctx: Context, tools: Toolbox, machine: string): Promise<void> {
  const condition = `${machine}: etcd member and API server are back`;
  const options = { condition, deadlineMs: RECOVER_DEADLINE_MS, intervalMs: 1_000, successes: 3 };
  await waitFor(ctx, options, async () => {
    const observed = await tools.observe(ctx);
    const member = observed.etcd?.members.find(({ name }) => name === machine);
    if (member?.status === undefined) return 'its etcd member does not answer';
    const server = observed.apiServers.find((candidate) => candidate.machine === machine);
    return server?.ready ? true : `its API server is not ready: ${server?.detail ?? 'no answer'}`;
  });
}
