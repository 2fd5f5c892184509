// Emptying a Node, as `kubectl drain --ignore-daemonsets --delete-emptydir-data` does it.
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { mapLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { hasCode, QuorateError } from '../core/errors.ts';
import { formatDuration, waitFor } from '../core/wait.ts';
import type { KubeClient } from './client.ts';
import { cordonNode } from './cordon.ts';
import { evictPod, fateOf, podName, podsOnNode } from './pods.ts';

/** Default time for a drain, milliseconds: pods get their own grace period, 30 s by default, and PodDisruptionBudgets their time. */
export const DRAIN_DEADLINE_MS = 600_000;

/** kubectl asks again after 5 s while a budget holds a pod up, and once a second whether pods are gone. */
const PAUSE_MS = 2_000;
/** Evictions that are under way at once; the pods of one node are some dozen (kubelet's default limit: 110). */
const PARALLEL = 8;
/** Pods that a line of progress names; the error names them all. */
const SHOWN = 3;

/** How a node is drained. */
export interface DrainOptions {
  /** How long all of it may take, milliseconds. */
  readonly deadlineMs: number;
  /** Also ends pods without a controller: nothing makes them again. */
  readonly force?: boolean;
  /** Returns once every eviction is agreed to, without waiting until the pods are gone. */
  readonly skipWait?: boolean;
  /** Pause between two looks, milliseconds. Default 2000. */
  readonly pauseMs?: number;
}

/** What became of the pods, each as `namespace/name`. */
export interface DrainReport {
  readonly evicted: readonly string[];
  /** Evicted pods that were still there at the end, because they were not waited for. */
  readonly left: readonly string[];
}

/** What one drain knows, from look to look. */
interface Drain {
  readonly kube: KubeClient;
  readonly node: string;
  readonly force: boolean;
  /** What was evicted counts as done. */
  readonly skipWait: boolean;
  /** Names of the pods whose eviction was agreed to, by uid. */
  readonly evicted: Map<string, string>;
  /** Why pods are still there, by name; of the last look. */
  held: Map<string, string>;
}

/**
 * Moves the pods of a node elsewhere through the eviction API, honouring PodDisruptionBudgets, and waits until they are gone;
 * cordons the node first where it is not. Mirror pods, finished pods and those of DaemonSets stay. The pods of a node that
 * does not answer cannot end: they are evicted and not waited for. Throws DRAIN_BLOCKED (naming the pods and what holds them
 * up) when a pod has no controller (before anything is evicted) or at the deadline; KUBE_FAILED, API_UNREACHABLE, ABORTED.
 */
export async function drainNode(
  ctx: Context,
  kube: KubeClient,
  node: string,
  options: DrainOptions,
): Promise<DrainReport> {
  const { force = false, skipWait = false, deadlineMs, pauseMs = PAUSE_MS } = options;
  await prepare(kube, node, force);
  const drain: Drain = { kube, node, force, skipWait, evicted: new Map(), held: new Map() };
  const start = Date.now();
  try {
    await waitFor(ctx, { condition: `node ${node} is drained`, deadlineMs, intervalMs: pauseMs }, () =>
      look(ctx, drain),
    );
  } catch (error) {
    // The deadline of the whole command has the same code; either way the pods are what the user has to know.
    if (!hasCode(error, 'WAIT_TIMED_OUT') || drain.held.size === 0) throw error;
    throw blocked(drain, `after ${formatDuration(Date.now() - start)}`, error);
  }
  return { evicted: [...drain.evicted.values()], left: [...drain.held.keys()] };
}

/** Refuses what must not be begun, and cordons. */
async function prepare(kube: KubeClient, node: string, force: boolean): Promise<void> {
  const { spec } = await readNode(kube, node);
  const unmanaged = (await podsOnNode(kube, node)).filter((pod) => fateOf(pod) === 'unmanaged').map(podName);
  if (unmanaged.length > 0 && !force) {
    throw new QuorateError(
      'DRAIN_BLOCKED',
      `node ${node} has pods without a controller, which nothing would make again: ${unmanaged.join(', ')}`,
      { hint: 'move or delete them, or end them with --force', data: { node, pods: unmanaged } },
    );
  }
  if (spec?.unschedulable !== true) await cordonNode(kube, node);
}

function readNode(kube: KubeClient, name: string): Promise<V1Node> {
  return kube.request(`read node ${name}`, () => kube.api(kube.library.CoreV1Api).readNode({ name }));
}

/** Whether pods of the node can end; says so when they cannot. It may stop answering while it is drained. */
async function canEnd(ctx: Context, { kube, node }: Drain): Promise<boolean> {
  const { status } = await readNode(kube, node);
  if (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True')) return true;
  ctx.emit('warning', { text: `node ${node} does not answer: its pods are evicted, but nobody can see them end` });
  return false;
}

/** One look at the node: evicts what can be evicted. True when there is nothing left to do, else what it waits for. */
async function look(ctx: Context, drain: Drain): Promise<true | string> {
  const { kube, node, skipWait, evicted } = drain;
  const pods = (await podsOnNode(kube, node)).filter((pod) => fateOf(pod) !== 'skip');
  const held = new Map<string, string>();
  let refused = 0;
  await mapLimit(pods, PARALLEL, async (pod) => {
    const reason = isEnding(pod, evicted) ? undefined : await evict(drain, pod);
    if (reason === undefined) evicted.set(pod.metadata?.uid ?? podName(pod), podName(pod));
    else refused += 1;
    held.set(podName(pod), reason ?? 'has not ended yet');
  });
  drain.held = held;
  if (held.size === 0) return true;
  if (refused === 0 && (skipWait || !(await canEnd(ctx, drain)))) return true;
  return describe(held);
}

/** Asks for one eviction; the reason when it was not agreed to. A pod without a controller may have come since the start. */
async function evict({ kube, force }: Drain, pod: V1Pod): Promise<string | undefined> {
  if (fateOf(pod) === 'unmanaged' && !force) return 'it has no controller';
  return evictPod(kube, pod);
}

function isEnding({ metadata }: V1Pod, evicted: ReadonlyMap<string, string>): boolean {
  return metadata?.deletionTimestamp !== undefined || evicted.has(metadata?.uid ?? '');
}

function describe(held: ReadonlyMap<string, string>): string {
  const lines = [...held].map(([pod, reason]) => `${pod}: ${reason}`);
  const more = lines.length - SHOWN;
  return lines.slice(0, SHOWN).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function blocked({ node, held, evicted }: Drain, when: string, cause: unknown): QuorateError {
  const pods = [...held].map(([pod, reason]) => ({ pod, reason }));
  const lines = pods.map(({ pod, reason }) => `  ${pod}: ${reason}`);
  return new QuorateError('DRAIN_BLOCKED', `node ${node} still has pods ${when}\n${lines.join('\n')}`, {
    data: { node, pods, evicted: [...evicted.values()] },
    cause,
  });
}
