// When a changed machine is good again: its member, its API server, its pods and its node, several times in a row.
import type { Context } from '../../core/context.ts';
import { hasCode, QuorateError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { readMemberStatus } from '../../etcd/membership.ts';
import type { KubeClient } from '../../kube/client.ts';
import { readKubeState, readNodeHeartbeat } from '../../kube/read.ts';
import type { KubeState } from '../../kube/types.ts';
import type { Machine } from '../../machines/machine.ts';
import type { Toolbox } from '../toolbox.ts';
import { isRunning } from './running.ts';

/** A start of everything takes half a minute on two cores; minutes mean that something is wrong. */
const GOOD_DEADLINE_MS = 180_000;
/** Looks in a row: a component that crashes is up for a moment too. */
const SUCCESSES = 3;
/** A third restart is no bad luck: the kubelet starts a component again after 10, 20 and 40 s. */
const HOPELESS_RESTARTS = 3;
/** systemd starts a kubelet again after a second (RestartSec of its unit); one that waits for containerd needs a few attempts. */
const HOPELESS_KUBELET_RESTARTS = 10;

/**
 * The kubelet tries a container that does not start again after 10, 20 and 40 s. While its API server is not there it cannot say why, so
 * the process itself is looked for.
 */
const NOT_THERE_MS = 60_000;

/** What a machine is to run after its change. Absent parts are not asked for. */
export interface GoodState {
  readonly machine: string;
  /** Version of its etcd member, without v. */
  readonly etcd?: string;
  /** Digest by name of its static pods: `kube-apiserver`. */
  readonly pods?: Readonly<Record<string, string>>;
  /** Version of its kubelet, with v. */
  readonly kubelet?: string;
}

/** Waits until the machine is as wanted. Throws WAIT_TIMED_OUT, or NODE_NOT_GOOD when a component crashes again and again. */
export async function awaitGood(ctx: Context, tools: Toolbox, wanted: GoodState): Promise<void> {
  const condition = `${wanted.machine} is good again`;
  const isFinal = (error: unknown) => hasCode(error, 'NODE_NOT_GOOD');
  const options = { condition, deadlineMs: GOOD_DEADLINE_MS, intervalMs: 1_000, successes: SUCCESSES, isFinal };
  let lastSeenMs = Date.now();
  const host = tools.fleet.machine(wanted.machine);
  await waitFor(ctx, options, async () => {
    const kubelet = wanted.kubelet === undefined ? undefined : await readKubeletState(ctx, host);
    if (kubelet !== undefined) refuseCrashingKubelet(wanted.machine, kubelet);
    if (wanted.etcd !== undefined) {
      const { version } = await readMemberStatus(ctx, host);
      if (version !== wanted.etcd) return `its etcd member runs ${version}, not ${wanted.etcd}`;
    }
    if (wanted.pods !== undefined) {
      // Its kubelet reports to this very API server: while that one is down, what others say of its pods is of before.
      const probe = await tools.probe(ctx, host.address);
      if (probe.ready || (await isRunning(ctx, host, 'kube-apiserver'))) lastSeenMs = Date.now();
      if (Date.now() - lastSeenMs > NOT_THERE_MS) {
        const seconds = NOT_THERE_MS / 1000;
        throw new QuorateError('NODE_NOT_GOOD', `${wanted.machine} has had no kube-apiserver process for ${seconds} s`);
      }
      if (!probe.ready) return `its API server is not ready: ${probe.detail ?? 'no answer'}`;
    }
    if (wanted.pods === undefined && wanted.kubelet === undefined) return true;
    const kube = await tools.kube(ctx);
    const state = await readKubeState(kube);
    refuseCrashes(wanted, state);
    const problem = kubelet === undefined ? undefined : await kubeletProblem(kube, wanted.machine, kubelet);
    return missing(wanted, state) ?? problem ?? true;
  });
}

/** What systemd says of a machine's kubelet. */
interface KubeletState {
  readonly isActive: boolean;
  /** When it was last started, by the machine's own clock, milliseconds since the Unix epoch. */
  readonly startedMs: number;
  /** How often systemd has started it again by itself since somebody last did. */
  readonly restarts: number;
}

async function readKubeletState(ctx: Context, host: Machine): Promise<KubeletState> {
  const properties = 'ActiveState,ActiveEnterTimestamp,NRestarts';
  const { stdout } = await host.exec(ctx, [
    'systemctl',
    'show',
    'kubelet.service',
    '--timestamp=unix',
    '-p',
    properties,
  ]);
  return {
    isActive: stdout.includes('ActiveState=active'),
    startedMs: Number(/^ActiveEnterTimestamp=@(\d+)/m.exec(stdout)?.[1] ?? 0) * 1000,
    restarts: Number(/^NRestarts=(\d+)/m.exec(stdout)?.[1] ?? 0),
  };
}

/** Throws NODE_NOT_GOOD for a kubelet that crashes again and again. */
function refuseCrashingKubelet(machine: string, { isActive, restarts }: KubeletState): void {
  if (isActive || restarts < HOPELESS_KUBELET_RESTARTS) return;
  throw new QuorateError('NODE_NOT_GOOD', `the kubelet of ${machine} crashes again and again (${restarts} restarts)`);
}

/**
 * A node stays Ready for 40 s after its kubelet has died, so it counts only what the kubelet has done since it was started: it renews its
 * lease at once, and then every 10 s (k8s.io/kubernetes pkg/kubelet/kubelet.go, nodeLeaseRenewIntervalFraction).
 */
async function kubeletProblem(
  kube: KubeClient,
  machine: string,
  { isActive, startedMs }: KubeletState,
): Promise<string | undefined> {
  if (!isActive) return 'its kubelet does not stay up';
  if ((await readNodeHeartbeat(kube, machine)) >= startedMs) return undefined;
  return 'its kubelet has not been heard of since its start';
}

function missing({ machine, pods = {}, kubelet }: GoodState, state: KubeState): string | undefined {
  for (const [name, digest] of Object.entries(pods)) {
    const pod = state.staticPods[`${name}-${machine}`];
    if (pod === undefined) return `the API does not show ${name}-${machine}`;
    if (pod.digest !== digest) return `${name}-${machine} is still the old one`;
    if (!pod.ready) return `${name}-${machine} is not ready${pod.waiting === undefined ? '' : ` (${pod.waiting})`}`;
  }
  if (kubelet === undefined) return undefined;
  const node = state.nodes.find(({ name }) => name === machine);
  if (node?.version !== kubelet) return `its kubelet says ${node?.version ?? 'nothing'}, not ${kubelet}`;
  return node.ready ? undefined : `its node is not Ready: ${node.reason ?? 'no reason given'}`;
}

function refuseCrashes({ machine, pods = {} }: GoodState, state: KubeState): void {
  for (const [name, digest] of Object.entries(pods)) {
    const pod = state.staticPods[`${name}-${machine}`];
    if (pod?.digest !== digest || pod.waiting === undefined || pod.restarts < HOPELESS_RESTARTS) continue;
    const how = `${pod.waiting}, ${pod.restarts} restarts`;
    throw new QuorateError('NODE_NOT_GOOD', `${name} on ${machine} crashes again and again (${how})`);
  }
}
