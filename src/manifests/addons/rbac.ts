// Short forms of the RBAC objects that every add-on needs.
import type { KubeObject } from '../object.ts';

const API = 'rbac.authorization.k8s.io';

/** What a role allows. */
export interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** Who is allowed. */
export type Subject =
  | { readonly kind: 'User' | 'Group'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string };

/** Rights in the whole cluster. */
export function clusterRole(name: string, rules: readonly Rule[], labels?: Record<string, string>): KubeObject {
  return { apiVersion: `${API}/v1`, kind: 'ClusterRole', metadata: { name, ...(labels ? { labels } : {}) }, rules };
}

/** Gives a ClusterRole to one subject, everywhere. */
export function clusterRoleBinding(name: string, role: string, subject: Subject): KubeObject {
  return {
    apiVersion: `${API}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: API, kind: 'ClusterRole', name: role },
    subjects: [subjectReference(subject)],
  };
}

/** Rights in one namespace. */
export function role(namespace: string, name: string, rules: readonly Rule[]): KubeObject {
  return { apiVersion: `${API}/v1`, kind: 'Role', metadata: { name, namespace }, rules };
}

/** Binds a Role of the same namespace. */
export function roleBinding(
  namespace: string,
  name: string,
  roleName: string,
  subjects: readonly Subject[],
): KubeObject {
  return {
    apiVersion: `${API}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace },
    roleRef: { apiGroup: API, kind: 'Role', name: roleName },
    subjects: subjects.map(subjectReference),
  };
}

/** The account that a pod runs as. */
export function serviceAccount(namespace: string, name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
}

/** Configuration that pods mount or clients read. */
export function configMap(
  namespace: string,
  name: string,
  data: Record<string, string>,
  labels?: Record<string, string>,
): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...(labels ? { labels } : {}) }, data };
}

function subjectReference(subject: Subject): object {
  return subject.kind === 'ServiceAccount' ? subject : { apiGroup: API, ...subject };
}
