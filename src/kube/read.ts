import type { V1Node, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { parseRecord, RECORD_NAME } from '../manifests/cluster-record.ts';
import { POD_DIGEST_ANNOTATION } from '../manifests/static-pod.ts';
import { MANAGED_SELECTOR, readAddons } from './addons.ts';
import type { KubeClient } from './client.ts';
import { CORDONED_BY_ANNOTATION } from './cordon.ts';
import type { KubeState, ObservedKube, ObservedNode, ObservedStaticPod } from './types.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
/** The leases that kube-scheduler and kube-controller-manager elect their leaders with. */
export const COMPONENT_LEASES = ['kube-controller-manager', 'kube-scheduler'] as const;

/** Reads everything of ObservedKube. Throws API_UNREACHABLE or KUBE_FAILED. */
export async function readKube(kube: KubeClient): Promise<ObservedKube> {
  const [state, addons, config, recorded] = await Promise.all([
    readKubeState(kube),
    readAddons(kube),
    readConfigMap(kube, 'kubeadm-config'),
    readConfigMap(kube, RECORD_NAME),
  ]);
  const record = parseRecord(recorded);
  const clusterConfiguration = config?.ClusterConfiguration;
  return {
    ...state,
    addons,
    ...(clusterConfiguration === undefined ? {} : { clusterConfiguration }),
    ...(record === undefined ? {} : { record }),
  };
}

/** What changes by itself: a handful of requests, for a wait that asks again and again. Throws as readKube. */
export async function readKubeState(kube: KubeClient): Promise<KubeState> {
  const { library } = kube;
  const [version, nodes, leases, workloads, dnsPods, planePods] = await Promise.all([
    kube.request('read the version', () => kube.api(library.VersionApi).getCode()),
    readNodes(kube),
    readLeases(kube),
    readWorkloads(kube),
    readSystemPods(kube, DNS_LABEL),
    readSystemPods(kube, CONTROL_PLANE_LABEL),
  ]);
  return {
    version: version.gitVersion,
    nodes,
    leases,
    workloads,
    dnsNodes: dnsPods.filter(isReady).map(nodeOf),
    staticPods: Object.fromEntries(
      planePods
        .filter(({ metadata }) => metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined)
        .map((pod) => [pod.metadata?.name ?? '', toStaticPod(pod)]),
    ),
  };
}

/** Every Node object. Throws as readKube. */
export async function readNodes(kube: KubeClient): Promise<ObservedNode[]> {
  const nodes = await kube.request('list nodes', () => kube.api(kube.library.CoreV1Api).listNode());
  return nodes.items.map(toNode);
}

/** Who leads the scheduler and the controller-manager. Throws as readKube. */
export async function readLeases(kube: KubeClient): Promise<KubeState['leases']> {
  const coordination = kube.api(kube.library.CoordinationV1Api);
  const leases = await kube.request('list leases', () =>
    coordination.listNamespacedLease({ namespace: 'kube-system' }),
  );
  const wanted = leases.items.filter(({ metadata }) =>
    (COMPONENT_LEASES as readonly string[]).includes(metadata?.name ?? ''),
  );
  return Object.fromEntries(
    wanted.map(({ metadata, spec }) => [
      metadata?.name ?? '',
      {
        holder: (spec?.holderIdentity ?? '').split('_')[0] ?? '',
        renewedMs: new Date(spec?.renewTime ?? 0).getTime(),
        transitions: spec?.leaseTransitions ?? 0,
      },
    ]),
  );
}

/** When a node's kubelet last renewed its lease, by the node's own clock, milliseconds since the Unix epoch. Throws as readKube. */
export async function readNodeHeartbeat(kube: KubeClient, node: string): Promise<number> {
  const coordination = kube.api(kube.library.CoordinationV1Api);
  const lease = await kube.request(`read the lease of ${node}`, () =>
    coordination.readNamespacedLease({ namespace: 'kube-node-lease', name: node }),
  );
  return new Date(lease.spec?.renewTime ?? 0).getTime();
}

/** Data of a ConfigMap in kube-system; undefined before it is written. */
async function readConfigMap(kube: KubeClient, name: string): Promise<Record<string, string> | undefined> {
  const core = kube.api(kube.library.CoreV1Api);
  const maps = await kube.request(`read ${name}`, () =>
    core.listNamespacedConfigMap({ namespace: 'kube-system', fieldSelector: `metadata.name=${name}` }),
  );
  return maps.items[0]?.data;
}

async function readWorkloads(kube: KubeClient): Promise<KubeState['workloads']> {
  const apps = kube.api(kube.library.AppsV1Api);
  const [deployments, daemonSets] = await Promise.all([
    kube.request('list deployments', () => apps.listDeploymentForAllNamespaces({ labelSelector: MANAGED_SELECTOR })),
    kube.request('list daemon sets', () => apps.listDaemonSetForAllNamespaces({ labelSelector: MANAGED_SELECTOR })),
  ]);
  const name = ({ metadata }: { metadata?: V1ObjectMeta }) => ({
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
  });
  return [
    ...daemonSets.items.map((item) => ({
      kind: 'DaemonSet' as const,
      ...name(item),
      desired: item.status?.desiredNumberScheduled ?? 0,
      ready: item.status?.numberReady ?? 0,
    })),
    ...deployments.items.map((item) => ({
      kind: 'Deployment' as const,
      ...name(item),
      desired: item.spec?.replicas ?? 1,
      ready: item.status?.readyReplicas ?? 0,
    })),
  ];
}

/** The kubelet puts it on the pods that stand for static ones (k8s.io/kubernetes pkg/kubelet/types, ConfigMirrorAnnotationKey). */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** On CoreDNS (manifests/addons/coredns.ts), as kubeadm labels it. */
const DNS_LABEL = 'k8s-app=kube-dns';
/** On the static pods of control planes (manifests/static-pod.ts), as kubeadm labels them. */
const CONTROL_PLANE_LABEL = 'tier=control-plane';

/** Some only: kube-system also has pods of DaemonSets, one or more for every node. */
async function readSystemPods(kube: KubeClient, labelSelector: string): Promise<V1Pod[]> {
  const core = kube.api(kube.library.CoreV1Api);
  const pods = await kube.request(`list system pods with ${labelSelector}`, () =>
    core.listNamespacedPod({ namespace: 'kube-system', labelSelector }),
  );
  return pods.items;
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

function nodeOf({ spec }: V1Pod): string {
  return spec?.nodeName ?? '';
}

function toStaticPod(pod: V1Pod): ObservedStaticPod {
  const container = pod.status?.containerStatuses?.[0];
  const waiting = container?.state?.waiting?.reason;
  return {
    ready: isReady(pod),
    digest: pod.metadata?.annotations?.[POD_DIGEST_ANNOTATION] ?? '',
    restarts: container?.restartCount ?? 0,
    ...(waiting === undefined ? {} : { waiting }),
  };
}

/** A Node object as quorate sees it. */
export function toNode(node: V1Node): ObservedNode {
  const labels = node.metadata?.labels ?? {};
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const isCordoned = node.spec?.unschedulable === true;
  const cordonedFor = isCordoned ? node.metadata?.annotations?.[CORDONED_BY_ANNOTATION] : undefined;
  return {
    name: node.metadata?.name ?? '',
    ready: ready?.status === 'True',
    schedulable: node.spec?.unschedulable !== true,
    ...(cordonedFor === undefined ? {} : { cordonedFor }),
    roles: Object.keys(labels).flatMap((label) =>
      label.startsWith(ROLE_PREFIX) ? [label.slice(ROLE_PREFIX.length)] : [],
    ),
    version: node.status?.nodeInfo?.kubeletVersion ?? '',
    address: node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '',
    labels,
    taints: (node.spec?.taints ?? []).map(({ key, value, effect }) => ({
      key,
      effect,
      ...(value === undefined ? {} : { value }),
    })),
    ...(ready?.status === 'True' ? {} : { reason: ready?.message ?? 'the kubelet has not reported yet' }),
  };
}
