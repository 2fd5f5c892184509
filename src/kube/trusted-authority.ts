// What pods trust: the ConfigMap kube-root-ca.crt of every namespace, which the controller-manager keeps, and who read it before it changed.
import type { V1OwnerReference, V1Pod } from '@kubernetes/client-node';
import { trustDigest } from '../pki/trust.ts';
import { MANAGED_SELECTOR } from './addons.ts';
import type { KubeClient } from './client.ts';

const CONFIG_MAP = 'kube-root-ca.crt';
/** On the template of pods: which authorities they were last started for. A restart that is asked for twice happens once. */
export const TRUST_ANNOTATION = 'quorate/trusts';
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Kinds of workloads that can be restarted as a whole. */
const KINDS = ['Deployment', 'DaemonSet', 'StatefulSet'] as const;

/** A workload that is restarted as a whole. */
export interface Workload {
  readonly kind: (typeof KINDS)[number];
  readonly namespace: string;
  readonly name: string;
}

/** Namespaces whose pods are not given these authorities (PEM) yet. Throws API_UNREACHABLE, KUBE_FAILED. */
export async function namespacesBehind(kube: KubeClient, authority: string): Promise<readonly string[]> {
  const core = kube.api(kube.library.CoreV1Api);
  const [namespaces, maps] = await Promise.all([
    kube.request('list namespaces', () => core.listNamespace()),
    kube.request(`list ${CONFIG_MAP}`, () =>
      core.listConfigMapForAllNamespaces({ fieldSelector: `metadata.name=${CONFIG_MAP}` }),
    ),
  ]);
  const wanted = trustDigest(authority);
  const right = new Set(
    maps.items
      .filter(({ data }) => trustDigest(data?.['ca.crt']) === wanted)
      .map(({ metadata }) => metadata?.namespace ?? ''),
  );
  return namespaces.items
    .filter(({ status }) => status?.phase !== 'Terminating')
    .map(({ metadata }) => metadata?.name ?? '')
    .filter((name) => !right.has(name));
}

/** Workloads of quorate's own that have not been started for these authorities. Throws as above. */
export async function addonsBehind(kube: KubeClient, authority: string): Promise<readonly Workload[]> {
  const apps = kube.api(kube.library.AppsV1Api);
  const selector = { labelSelector: MANAGED_SELECTOR };
  const [deployments, daemonSets] = await Promise.all([
    kube.request('list deployments', () => apps.listDeploymentForAllNamespaces(selector)),
    kube.request('list daemon sets', () => apps.listDaemonSetForAllNamespaces(selector)),
  ]);
  const found = [
    ...daemonSets.items.map((item) => ({ kind: 'DaemonSet' as const, item })),
    ...deployments.items.map((item) => ({ kind: 'Deployment' as const, item })),
  ];
  return found
    .filter(({ item }) => item.spec?.template.metadata?.annotations?.[TRUST_ANNOTATION] !== mark(authority))
    .map(({ kind, item }) => ({ kind, namespace: item.metadata?.namespace ?? '', name: item.metadata?.name ?? '' }));
}

/** What reads the authorities and was started before they changed: workloads that can be restarted, and pods that nobody restarts. */
export interface BehindWorkloads {
  readonly workloads: readonly Workload[];
  /** `namespace/name`. */
  readonly pods: readonly string[];
}

/**
 * Others' workloads whose pods are older than the authorities in their namespace. Programs that use a recent client-go read them again
 * by themselves (feature ClientsAllowCARotation, 1.36); nobody can tell from outside which do. Throws as above.
 */
export async function workloadsBehind(kube: KubeClient): Promise<BehindWorkloads> {
  const core = kube.api(kube.library.CoreV1Api);
  const [pods, maps, own] = await Promise.all([
    kube.request('list pods', () => core.listPodForAllNamespaces()),
    kube.request(`list ${CONFIG_MAP}`, () =>
      core.listConfigMapForAllNamespaces({ fieldSelector: `metadata.name=${CONFIG_MAP}` }),
    ),
    addonNames(kube),
  ]);
  const sinceMs = new Map(
    maps.items.map(({ metadata }) => [
      metadata?.namespace ?? '',
      Math.max(0, ...(metadata?.managedFields ?? []).map(({ time }) => new Date(time ?? 0).getTime())),
    ]),
  );
  const old = pods.items.filter(
    (pod) => readsAuthority(pod) && startedMs(pod) < (sinceMs.get(pod.metadata?.namespace ?? '') ?? 0),
  );
  const owned = old.flatMap((pod): Workload[] => {
    const owner = workloadOf(pod);
    return owner === undefined || own.has(keyOf(owner)) ? [] : [owner];
  });
  const alone = old.filter((pod) => workloadOf(pod) === undefined);
  return {
    workloads: [...new Map(owned.map((workload) => [keyOf(workload), workload])).values()],
    pods: alone.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
  };
}

async function addonNames(kube: KubeClient): Promise<ReadonlySet<string>> {
  return new Set((await addonsBehind(kube, '')).map(keyOf));
}

/** `DaemonSet kube-system/kube-proxy`. */
export function keyOf({ kind, namespace, name }: Workload): string {
  return `${kind} ${namespace}/${name}`;
}

function readsAuthority({ metadata, spec, status }: V1Pod): boolean {
  if (metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) return false;
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  const volumes = spec?.volumes ?? [];
  return volumes.some(
    ({ projected, configMap }) =>
      configMap?.name === CONFIG_MAP || projected?.sources?.some((source) => source.configMap?.name === CONFIG_MAP),
  );
}

function startedMs({ status, metadata }: V1Pod): number {
  return new Date(status?.startTime ?? metadata?.creationTimestamp ?? 0).getTime();
}

function workloadOf({ metadata }: V1Pod): Workload | undefined {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  const namespace = metadata?.namespace ?? '';
  if (owner?.kind === 'ReplicaSet') return ofReplicaSet(owner, namespace, metadata?.labels?.['pod-template-hash']);
  const kind = KINDS.find((candidate) => candidate === owner?.kind);
  return kind === undefined || owner === undefined ? undefined : { kind, namespace, name: owner.name };
}

/** A Deployment's ReplicaSet has its name and the hash of the template behind it. */
function ofReplicaSet({ name }: V1OwnerReference, namespace: string, hash: string | undefined): Workload | undefined {
  if (hash === undefined || !name.endsWith(`-${hash}`)) return undefined;
  return { kind: 'Deployment', namespace, name: name.slice(0, -hash.length - 1) };
}

/** Starts the pods of a workload anew, as its own strategy says, unless that has been done for these authorities. Throws as above. */
export async function restartFor(kube: KubeClient, { kind, namespace, name }: Workload, authority: string) {
  const annotations = { [TRUST_ANNOTATION]: mark(authority) };
  const object = {
    apiVersion: 'apps/v1',
    kind,
    metadata: { namespace, name },
    spec: { template: { metadata: { annotations } } },
  };
  const strategy = kube.library.PatchStrategy.MergePatch;
  await kube.request(`restart ${kind} ${namespace}/${name}`, () =>
    kube.objects.patch(object, undefined, undefined, undefined, undefined, strategy),
  );
}

/** Why a workload is not wholly what its template says; undefined when it is. Throws as above. */
export async function rolloutProblem(kube: KubeClient, workload: Workload): Promise<string | undefined> {
  const { kind, namespace, name } = workload;
  const read = { apiVersion: 'apps/v1', kind, metadata: { namespace, name } };
  const { metadata, spec, status } = (await kube.request(`read ${keyOf(workload)}`, () =>
    kube.objects.read(read),
  )) as RolledOut;
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return 'its controller has not seen it yet';
  const wanted = kind === 'DaemonSet' ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1);
  const updated = (kind === 'DaemonSet' ? status?.updatedNumberScheduled : status?.updatedReplicas) ?? 0;
  const ready = (kind === 'DaemonSet' ? status?.numberAvailable : status?.availableReplicas) ?? 0;
  const total = kind === 'DaemonSet' ? wanted : (status?.replicas ?? 0);
  if (updated >= wanted && ready >= wanted && total <= wanted) return undefined;
  return `${updated} of ${wanted} are new, ${ready} available`;
}

interface RolledOut {
  readonly metadata?: { readonly generation?: number };
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

function mark(authority: string): string {
  return trustDigest(authority).slice(0, 16);
}
