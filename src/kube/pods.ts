// What may become of a pod when its node is drained: the rules of `kubectl drain --ignore-daemonsets --delete-emptydir-data`.
import type { V1Pod } from '@kubernetes/client-node';
import { httpStatus, type KubeClient } from './client.ts';

/** On the API's copy of a static pod; the pod itself ends with its manifest only (kubernetes.io, "Well-Known Annotations"). */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const NOT_FOUND = 404;

/** `skip`: stays on the node. `unmanaged`: nothing would make it again, so it needs its owner's consent. */
export type PodFate = 'skip' | 'evict' | 'unmanaged';

/** Decides about one pod: mirror pods, finished ones and those of DaemonSets stay. */
export function fateOf({ metadata, status }: V1Pod): PodFate {
  if (metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) return 'skip';
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 'skip';
  const controller = metadata?.ownerReferences?.find((owner) => owner.controller);
  if (controller === undefined) return 'unmanaged';
  // Its controller would put it back at once: DaemonSets ignore that a node is cordoned.
  return controller.kind === 'DaemonSet' ? 'skip' : 'evict';
}

/** `namespace/name`. */
export function podName({ metadata }: V1Pod): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** The pods that are bound to a node, those that are ending included. Throws KUBE_FAILED, API_UNREACHABLE. */
export async function podsOnNode(kube: KubeClient, node: string): Promise<V1Pod[]> {
  const core = kube.api(kube.library.CoreV1Api);
  const pods = await kube.request(`list the pods of node ${node}`, () =>
    core.listPodForAllNamespaces({ fieldSelector: `spec.nodeName=${node}` }),
  );
  return pods.items;
}

/**
 * Asks the eviction API to end a pod in its own grace period. Returns undefined once that was agreed to (or the pod is
 * gone), else why not: the PodDisruptionBudgets that hold it up. Throws API_UNREACHABLE, ABORTED.
 */
export async function evictPod(kube: KubeClient, pod: V1Pod): Promise<string | undefined> {
  const { name = '', namespace = '', uid } = pod.metadata ?? {};
  // The uid: a pod of the same name that was made meanwhile is another one.
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: uid === undefined ? {} : { preconditions: { uid } },
  };
  const core = kube.api(kube.library.CoreV1Api);
  return kube.request(`evict pod ${namespace}/${name}`, async () => {
    try {
      await core.createNamespacedPodEviction({ name, namespace, body });
      return undefined;
    } catch (error) {
      const status = httpStatus(error);
      if (status === undefined) throw error;
      return status === NOT_FOUND ? undefined : refusal(error, status);
    }
  });
}

/** The parts of a Status object that say why (k8s.io/apimachinery, meta/v1 Status). */
interface StatusBody {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly message?: string }[] };
}

/** The causes name the budgets (`The disruption budget web needs 2 healthy pods and has 2 currently`), the message does not. */
function refusal(error: unknown, status: number): string {
  const { body } = error as { body?: unknown };
  const said = parse(body);
  const causes = (said?.details?.causes ?? []).flatMap(({ message }) => (message ? [message] : []));
  if (causes.length > 0) return causes.join('; ');
  return said?.message ?? `HTTP ${status}`;
}

function parse(body: unknown): StatusBody | undefined {
  if (typeof body !== 'string') return (body ?? undefined) as StatusBody | undefined;
  try {
    return JSON.parse(body) as StatusBody;
  } catch {
    return undefined;
  }
}
