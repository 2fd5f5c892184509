// Once the control plane trusts other authorities: every pod is given them, and quorate's own add-ons are started for them.
import type { Context } from '../core/context.ts';
import { waitFor } from '../core/wait.ts';
import {
  addonsBehind,
  keyOf,
  namespacesBehind,
  restartFor,
  rolloutProblem,
  type Workload,
  workloadsBehind,
} from '../kube/trusted-authority.ts';
import type { Phase, Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

const LANE = 'publish';
/** The controller-manager publishes once its leader has been started anew; a lease that nobody gave back runs out after 15 s. */
const PUBLISH_DEADLINE_MS = 180_000;
/** One node after the other: a DaemonSet of a large cluster takes as long as it has nodes. */
const ROLLOUT_DEADLINE_MS = 900_000;

/**
 * Waits until every namespace has the authorities of the control planes, then starts the add-ons anew, one after the other; with
 * `restartOthers` everything else too that was started before.
 */
export function publishAuthorities(restartOthers: boolean): Phase {
  return {
    id: 'publish-authorities',
    title: 'Give pods the authorities',
    plan: () => [
      step('namespaces', 'wait until every namespace has the authorities', awaitPublished),
      step('addons', "start quorate's own add-ons for them, one after the other", restartAddons),
      ...(restartOthers ? [step('workloads', 'start other workloads that read them earlier', restartWorkloads)] : []),
    ],
  };
}

function step(id: string, title: string, run: Step['run']): Step {
  return { id, lane: LANE, title, why: 'the authorities have changed', run };
}

async function authorityNow(ctx: Context, tools: Toolbox): Promise<string> {
  return (await tools.shared(ctx)).authorities.ca.certificate;
}

async function awaitPublished(ctx: Context, tools: Toolbox): Promise<void> {
  const authority = await authorityNow(ctx, tools);
  const condition = 'every namespace has the authorities (ConfigMap kube-root-ca.crt)';
  await waitFor(ctx, { condition, deadlineMs: PUBLISH_DEADLINE_MS, intervalMs: 1_000 }, async () => {
    const behind = await namespacesBehind(await tools.kube(ctx), authority);
    return behind.length === 0 ? true : `not yet: ${behind.slice(0, 5).join(', ')}`;
  });
}

async function restartAddons(ctx: Context, tools: Toolbox): Promise<void> {
  const authority = await authorityNow(ctx, tools);
  await restartAll(ctx, tools, await addonsBehind(await tools.kube(ctx), authority), authority);
}

async function restartWorkloads(ctx: Context, tools: Toolbox): Promise<void> {
  const { workloads } = await workloadsBehind(await tools.kube(ctx));
  await restartAll(ctx, tools, workloads, await authorityNow(ctx, tools));
}

/** One after the other: what should be wrong with the new ones meets one workload first. */
async function restartAll(
  ctx: Context,
  tools: Toolbox,
  workloads: readonly Workload[],
  authority: string,
): Promise<void> {
  for (const workload of workloads) {
    await restartFor(await tools.kube(ctx), workload, authority);
    const condition = `${keyOf(workload)} runs with the authorities`;
    await waitFor(ctx, { condition, deadlineMs: ROLLOUT_DEADLINE_MS, intervalMs: 1_000 }, async () => {
      return (await rolloutProblem(await tools.kube(ctx), workload)) ?? true;
    });
  }
}
