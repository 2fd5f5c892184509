// Nodes of a cluster, one by one: what `quorate node` does.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { riskOfStopping } from '../engine/gate.ts';
import { withClusterLock } from '../engine/lock.ts';
import { withOperatorLock } from '../engine/operator-lock.ts';
import { recorded } from '../engine/run.ts';
import type { KubeClient } from '../kube/client.ts';
import { connectKube } from '../kube/connect.ts';
import { cordonNode, uncordonNode } from '../kube/cordon.ts';
import { DRAIN_DEADLINE_MS, drainNode } from '../kube/drain.ts';
import { readNodes } from '../kube/read.ts';
import type { ObservedNode } from '../kube/types.ts';
import type { Fleet } from '../machines/fleet.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';

/** Kubernetes' label for the failure zone of a node (kubernetes.io, "Well-Known Labels"). */
const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** A Node in use or out of it. */
export interface NodeRow {
  readonly name: string;
  readonly roles: readonly string[];
  /** Of its kubelet. */
  readonly version: string;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason?: string;
  readonly cordoned: boolean;
  readonly cordonedBy?: 'owner' | 'quorate';
  /** What quorate cordoned it for. */
  readonly cordonedFor?: string;
  readonly zone?: string;
  /** As kubectl writes them: `key=value:effect`. */
  readonly taints: readonly string[];
}

/** What a node verb needs of the cluster. */
export interface NodeTools {
  readonly spec: ClusterSpec;
  readonly fleet: Fleet;
  readonly kube: KubeClient;
  /** Looks at the whole cluster, for the quorum gate. */
  observe(): Promise<Observed>;
}

/** Connects to the cluster. Throws API_UNREACHABLE. */
export async function openNodeTools(ctx: Context, spec: ClusterSpec): Promise<NodeTools> {
  const fleet = openFleet(ctx, spec);
  return { spec, fleet, kube: await connectKube(ctx, fleet), observe: () => observe(ctx, fleet) };
}

/** Every node of the cluster, by name. Throws API_UNREACHABLE, KUBE_FAILED. */
export async function listNodes({ kube }: Pick<NodeTools, 'kube'>): Promise<readonly NodeRow[]> {
  const nodes = await readNodes(kube);
  return nodes.map(rowOf).sort((a, b) => a.name.localeCompare(b.name));
}

function rowOf({
  name,
  roles,
  version,
  ready,
  reason,
  schedulable,
  cordonedFor,
  labels,
  taints,
}: ObservedNode): NodeRow {
  const zone = labels[ZONE_LABEL];
  return {
    name,
    roles: [...roles].sort(),
    version,
    ready,
    ...(reason === undefined ? {} : { reason }),
    cordoned: !schedulable,
    ...(schedulable ? {} : { cordonedBy: cordonedFor === undefined ? ('owner' as const) : ('quorate' as const) }),
    ...(cordonedFor === undefined ? {} : { cordonedFor }),
    ...(zone === undefined ? {} : { zone }),
    taints: taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`),
  };
}

/** What was done to which nodes. */
export interface NodeReport {
  readonly verb: 'cordon' | 'uncordon';
  readonly nodes: readonly string[];
}

/**
 * Takes nodes out of scheduling, or back into it; what runs on them stays. Nodes cordoned here count as cordoned by their owner:
 * quorate leaves them so. Throws NODE_NOT_FOUND before anything is changed; API_UNREACHABLE, KUBE_FAILED.
 */
export async function setScheduling(
  ctx: Context,
  { spec, kube }: Pick<NodeTools, 'spec' | 'kube'>,
  verb: NodeReport['verb'],
  names: readonly string[],
): Promise<NodeReport> {
  const nodes = await named(kube, names);
  const change = verb === 'cordon' ? cordonNode : uncordonNode;
  await recorded(ctx, spec, `node ${verb}`, async () => {
    for (const node of nodes) await change(kube, node);
  });
  return { verb, nodes };
}

/** How nodes are drained. */
export interface DrainNodesOptions {
  /** Asked before anything is changed; `risk` says how little quorum would be left. Throws to decline. */
  readonly confirm: (nodes: readonly string[], risk?: string) => Promise<void>;
  /** Also ends pods without a controller. */
  readonly force?: boolean;
  /** For each node, milliseconds. Default: ten minutes. */
  readonly deadlineMs?: number;
}

/** What became of the pods of every node, in the order in which they were drained. */
export interface DrainNodesReport {
  readonly nodes: readonly {
    readonly name: string;
    readonly evicted: readonly string[];
    readonly left: readonly string[];
  }[];
  readonly durationMs: number;
}

/**
 * Cordons nodes and moves their pods elsewhere, one node after the other. They stay cordoned, by their owner. Throws
 * NODE_NOT_FOUND, LOCKED, DRAIN_BLOCKED, API_UNREACHABLE, KUBE_FAILED and whatever `confirm` throws.
 */
export async function drainNodes(
  ctx: Context,
  tools: NodeTools,
  names: readonly string[],
  options: DrainNodesOptions,
): Promise<DrainNodesReport> {
  const { spec, kube } = tools;
  const start = Date.now();
  const nodes = await named(kube, names);
  const drainAll = async (alone: Context) => {
    const done: DrainNodesReport['nodes'][number][] = [];
    for (const name of nodes) {
      const { force = false, deadlineMs = DRAIN_DEADLINE_MS } = options;
      done.push({ name, ...(await drainNode(alone, kube, name, { deadlineMs, force })) });
      // Should quorate have cordoned it for an operation of its own: from now on its owner wants it so.
      await cordonNode(kube, name);
    }
    return done;
  };
  const done = await withClusterLock(ctx, spec.name, async () => {
    // A drained node is about to go down: the gate is asked as for a machine that is stopped.
    const observed = await tools.observe();
    await options.confirm(nodes, riskOfStopping(spec, observed, nodes));
    return withOperatorLock(ctx, tools.fleet, observed, 'node drain', (alone) =>
      recorded(alone, spec, 'node drain', () => drainAll(alone)),
    );
  });
  return { nodes: done, durationMs: Date.now() - start };
}

/** The names, each once. Throws NODE_NOT_FOUND with those that there are. */
async function named(kube: KubeClient, names: readonly string[]): Promise<readonly string[]> {
  const known = (await readNodes(kube)).map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return [...new Set(names)];
  const message = `there is no node ${unknown.join(', ')}; there is ${known.sort().join(', ')}`;
  throw new QuorateError('NODE_NOT_FOUND', message, { data: { unknown, known } });
}
