// What has to agree with each other after the cluster's state has been replaced: API servers and their endpoints, nodes and their pods.
import type { V1Pod } from '@kubernetes/client-node';
import { httpStatus, type KubeClient } from './client.ts';
import { podsOnNode } from './pods.ts';

/** On a static pod's copy in the API: the uid that its kubelet knows it by (k8s.io/kubernetes pkg/kubelet/types, ConfigHashAnnotationKey). */
const STATIC_UID_ANNOTATION = 'kubernetes.io/config.hash';

/** The revision that an API server answers from: resourceVersion of a list, which is etcd's. Throws KUBE_FAILED, API_UNREACHABLE. */
export async function readRevision(kube: KubeClient): Promise<number> {
  const list = await kube.request('read the revision', () =>
    kube.api(kube.library.CoreV1Api).listNamespace({ limit: 1 }),
  );
  return Number(list.metadata?.resourceVersion ?? 0);
}

/** Addresses behind the Service `kubernetes`: where pods reach the API. Throws as readRevision. */
export async function readApiEndpoints(kube: KubeClient): Promise<readonly string[]> {
  const discovery = kube.api(kube.library.DiscoveryV1Api);
  const labelSelector = 'kubernetes.io/service-name=kubernetes';
  const slices = await kube.request('read the endpoints of the API', () =>
    discovery.listNamespacedEndpointSlice({ namespace: 'default', labelSelector }),
  );
  return slices.items.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses)).sort();
}

/** A pod as the API has it on a node. */
export interface PodIdentity {
  /** As the kubelet knows it. */
  readonly uid: string;
  /** namespace/name */
  readonly name: string;
  readonly node: string;
  /** It has begun and neither ended nor been told to. */
  readonly isRunning: boolean;
}

/** Every pod that is bound to a node. Throws as readRevision. */
export async function readPodIdentities(kube: KubeClient): Promise<readonly PodIdentity[]> {
  const pods = await kube.request('list pods', () => kube.api(kube.library.CoreV1Api).listPodForAllNamespaces());
  return pods.items.flatMap((pod) => (pod.spec?.nodeName ? [identityOf(pod, pod.spec.nodeName)] : []));
}

function identityOf({ metadata, status }: V1Pod, node: string): PodIdentity {
  return {
    uid: metadata?.annotations?.[STATIC_UID_ANNOTATION] ?? metadata?.uid ?? '',
    name: `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`,
    node,
    isRunning: status?.phase === 'Running' && metadata?.deletionTimestamp === undefined,
  };
}

/** Ends the pods of a node that will never answer again, so that their controllers make others at once. Throws as readRevision. */
export async function forgetPodsOf(kube: KubeClient, node: string): Promise<void> {
  const core = kube.api(kube.library.CoreV1Api);
  for (const { metadata } of await podsOnNode(kube, node)) {
    const { name = '', namespace = '' } = metadata ?? {};
    try {
      await kube.request(`delete pod ${namespace}/${name}`, () =>
        core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 }),
      );
    } catch (error) {
      if (httpStatus(error) !== 404) throw error;
    }
  }
}
