// The objects that quorate applies carry a label that finds them and a digest that tells whether they are up to date.
import { createHash } from 'node:crypto';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { KubeObject } from '../manifests/object.ts';
import { httpStatus, type KubeClient } from './client.ts';

/** Kubernetes' recommended label for "who manages this object". */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'quorate' } as const;
/** The same as a label selector. */
export const MANAGED_SELECTOR = 'app.kubernetes.io/managed-by=quorate';
/** Hex SHA-256 of the object as quorate rendered it. */
export const DIGEST_ANNOTATION = 'quorate/digest';

/** Every kind that an add-on may have; reading them all is a dozen small requests. */
const KINDS: readonly (readonly [apiVersion: string, kind: string])[] = [
  ['v1', 'Namespace'],
  ['v1', 'ServiceAccount'],
  ['v1', 'ConfigMap'],
  ['v1', 'Service'],
  ['apps/v1', 'DaemonSet'],
  ['apps/v1', 'Deployment'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['apiregistration.k8s.io/v1', 'APIService'],
];

/** `kind/namespace/name`; the namespace is empty for cluster-wide kinds. */
export function addonKey(object: Pick<KubernetesObject, 'kind' | 'metadata'>): string {
  return `${object.kind}/${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

/** Hex SHA-256 of the object as rendered, before it is stamped. The order of its keys counts. */
export function addonDigest(object: KubeObject): string {
  return createHash('sha256').update(JSON.stringify(object)).digest('hex');
}

/** The object with quorate's label and digest on it. */
export function stampAddon(object: KubeObject): KubeObject {
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata?.labels, ...MANAGED_BY },
      annotations: { ...object.metadata?.annotations, [DIGEST_ANNOTATION]: addonDigest(object) },
    },
  };
}

/** Digests of all add-on objects in the cluster, by key. */
export async function readAddons(kube: KubeClient): Promise<Record<string, string>> {
  const selector = MANAGED_SELECTOR;
  const lists = await Promise.all(
    KINDS.map(([apiVersion, kind]) =>
      kube
        .request(`list ${kind}s`, async () => {
          try {
            return await kube.objects.list(
              apiVersion,
              kind,
              undefined,
              undefined,
              undefined,
              undefined,
              undefined,
              selector,
            );
          } catch (error) {
            // An API group can be missing for a moment while the API server starts.
            if (httpStatus(error) === 404) return { items: [] };
            throw error;
          }
        })
        .then(({ items }) => items.map((item) => ({ ...item, kind }))),
    ),
  );
  return Object.fromEntries(
    lists.flat().map((item) => [addonKey(item), item.metadata?.annotations?.[DIGEST_ANNOTATION] ?? '']),
  );
}
