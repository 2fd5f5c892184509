import type { V1Node, V1ObjectMeta } from '@kubernetes/client-node';
import { MANAGED_SELECTOR, readAddons } from './addons.ts';
import type { KubeClient } from './client.ts';
import type { KubeState, ObservedKube, ObservedNode } from './types.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
/** The leases that kube-scheduler and kube-controller-manager elect their leaders with. */
export const COMPONENT_LEASES = ['kube-controller-manager', 'kube-scheduler'] as const;

/** Reads everything of ObservedKube. Throws API_UNREACHABLE or KUBE_FAILED. */
export async function readKube(kube: KubeClient): Promise<ObservedKube> {
  const [state, addons, config] = await Promise.all([
    readKubeState(kube),
    readAddons(kube),
    readClusterConfiguration(kube),
  ]);
  return { ...state, addons, ...(config === undefined ? {} : { clusterConfiguration: config }) };
}

/** What changes by itself: a handful of requests, for a wait that asks again and again. Throws as readKube. */
export async function readKubeState(kube: KubeClient): Promise<KubeState> {
  const { library } = kube;
  const core = kube.api(library.CoreV1Api);
  const [version, nodes, leases, workloads, pods] = await Promise.all([
    kube.request('read the version', () => kube.api(library.VersionApi).getCode()),
    kube.request('list nodes', () => core.listNode()),
    readLeases(kube),
    readWorkloads(kube),
    readSystemPods(kube),
  ]);
  return {
    version: version.gitVersion,
    nodes: nodes.items.map(toNode),
    leases,
    workloads,
    dnsNodes: pods.filter(({ labels }) => labels['k8s-app'] === 'kube-dns').map(({ node }) => node),
    controlPlanePods: pods.filter(({ labels }) => labels.tier === 'control-plane').map(({ name }) => name),
  };
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

/** kubeadm's own record of the cluster (ConfigMap kube-system/kubeadm-config); undefined before it is written. */
async function readClusterConfiguration(kube: KubeClient): Promise<string | undefined> {
  const core = kube.api(kube.library.CoreV1Api);
  const maps = await kube.request('read kubeadm-config', () =>
    core.listNamespacedConfigMap({ namespace: 'kube-system', fieldSelector: 'metadata.name=kubeadm-config' }),
  );
  return maps.items[0]?.data?.ClusterConfiguration;
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

interface SystemPod {
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The ready pods of DNS and of the control plane. */
async function readSystemPods(kube: KubeClient): Promise<SystemPod[]> {
  const core = kube.api(kube.library.CoreV1Api);
  const pods = await kube.request('list system pods', () => core.listNamespacedPod({ namespace: 'kube-system' }));
  return pods.items
    .filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
    .map(({ metadata, spec }) => ({
      name: metadata?.name ?? '',
      node: spec?.nodeName ?? '',
      labels: metadata?.labels ?? {},
    }));
}

function toNode(node: V1Node): ObservedNode {
  const labels = node.metadata?.labels ?? {};
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return {
    name: node.metadata?.name ?? '',
    ready: ready?.status === 'True',
    schedulable: node.spec?.unschedulable !== true,
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
