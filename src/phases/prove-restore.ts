import type { Context } from '../core/context.ts';
import { hasCode, QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { createKubeClient } from '../kube/client.ts';
import { readOperatorKubeconfig } from '../kube/connect.ts';
import { type PodIdentity, readApiEndpoints, readPodIdentities, readRevision } from '../kube/reconcile.ts';
import type { Observed } from '../observe/observed.ts';
import { API_SERVER_PORT } from '../pki/names.ts';
import { type ClusterSpec, controlPlanes, isNode } from '../spec/types.ts';
import { type Restoration, restoredRevision } from './restoration/restoration.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/** Kubelets look for pods that are not theirs any more every two seconds, and give each its grace period (30 s by default). */
const PODS_DEADLINE_MS = 240_000;
/** API servers renew their entries every 10 s and drop those of others after 15 s (k8s.io/kubernetes pkg/controlplane/reconcilers). */
const ENDPOINTS_DEADLINE_MS = 90_000;

/** Shows that the restore is through: nobody answers from before, nobody is listed who is gone, no pod runs that the API does not know. */
export function proveRestore(restoration: Restoration): Phase {
  return {
    id: 'prove-restore',
    title: 'Prove the restore',
    plan: (spec, observed) => [
      step('revision', 'see that every API server answers above every revision of before', (ctx, tools) =>
        proveRevisions(ctx, tools, restoredRevision(restoration)),
      ),
      step('endpoints', 'see that the endpoints of the API are those that run', (ctx, tools) =>
        proveEndpoints(ctx, tools, spec),
      ),
      step('pods', 'see that pods and what runs on the nodes are the same', (ctx, tools) =>
        provePods(ctx, tools, nodesToAsk(spec, observed)),
      ),
    ],
  };
}

function step(id: string, title: string, run: Step['run']): Step {
  return { id, lane: SERIAL_LANE, title, why: 'a restore counts when it is proved', run };
}

async function proveRevisions(ctx: Context, tools: Toolbox, floor: number): Promise<void> {
  const kubeconfig = await readOperatorKubeconfig(ctx, tools.fleet);
  const condition = `every API server answers at revision ${floor} or above`;
  const isFinal = (error: unknown) => hasCode(error, 'RESTORE_UNPROVED');
  await waitFor(ctx, { condition, deadlineMs: ENDPOINTS_DEADLINE_MS, intervalMs: 500, isFinal }, async () => {
    for (const { name, address } of controlPlanes(tools.fleet.spec)) {
      const kube = await createKubeClient(ctx, kubeconfig, `https://${address}:${API_SERVER_PORT}`);
      const revision = await readRevision(kube);
      if (revision >= floor) continue;
      const message = `the API server of ${name} answers from revision ${revision}, below ${floor}`;
      throw new QuorateError('RESTORE_UNPROVED', message);
    }
    return true;
  });
}

async function proveEndpoints(ctx: Context, tools: Toolbox, spec: ClusterSpec): Promise<void> {
  const wanted = controlPlanes(spec)
    .map(({ address }) => address)
    .sort();
  const condition = `the endpoints of the API are ${wanted.join(', ')}`;
  await waitFor(ctx, { condition, deadlineMs: ENDPOINTS_DEADLINE_MS, intervalMs: 1_000 }, async () => {
    const found = await readApiEndpoints(await tools.kube(ctx));
    return found.join() === wanted.join() ? true : `they are ${found.join(', ') || 'none'}`;
  });
}

function nodesToAsk(spec: ClusterSpec, observed: Observed): readonly string[] {
  return spec.machines.filter(isNode).flatMap(({ name }) => (observed.machines[name]?.facts ? [name] : []));
}

/** The uids of pods whose sandbox runs on the machine, one a line. */
const SANDBOXES_SCRIPT = `running=$(ctr -n k8s.io tasks ls | awk '$3 == "RUNNING" { print $1 }') || exit 1
ctr -n k8s.io containers ls -q 'labels."io.cri-containerd.kind"==sandbox' | grep -x -F "$running" | while IFS= read -r id; do
  ctr -n k8s.io containers info "$id" | jq -r '.Labels["io.kubernetes.pod.uid"] // empty'
done
exit 0
`;

async function provePods(ctx: Context, tools: Toolbox, nodes: readonly string[]): Promise<void> {
  const condition = 'no pod runs that the API does not know, and none is said to run that does not';
  await waitFor(ctx, { condition, deadlineMs: PODS_DEADLINE_MS, intervalMs: 2_000 }, async () => {
    const pods = await readPodIdentities(await tools.kube(ctx));
    const problems = await Promise.all(nodes.map((node) => phantomsOn(ctx, tools, node, pods)));
    return problems.flat().length === 0 ? true : problems.flat().slice(0, 5).join('; ');
  });
}

async function phantomsOn(
  ctx: Context,
  tools: Toolbox,
  node: string,
  pods: readonly PodIdentity[],
): Promise<readonly string[]> {
  const { stdout } = await tools.fleet.machine(node).exec(ctx, ['sh', '-c', SANDBOXES_SCRIPT], { timeoutMs: 30_000 });
  return phantoms(node, pods, stdout.split('\n').filter(Boolean));
}

/** What does not agree between the API and the sandboxes (uids) that run on a node, a sentence each. Pure. */
export function phantoms(node: string, pods: readonly PodIdentity[], sandboxes: readonly string[]): readonly string[] {
  const own = pods.filter((pod) => pod.node === node);
  const known = new Set(own.map(({ uid }) => uid));
  const running = new Set(sandboxes);
  return [
    ...sandboxes.filter((uid) => !known.has(uid)).map((uid) => `${node} runs pod ${uid}, which the API does not know`),
    ...own
      .filter(({ uid, isRunning }) => isRunning && !running.has(uid))
      .map(({ name }) => `${name} is said to run on ${node}, and does not`),
  ];
}
