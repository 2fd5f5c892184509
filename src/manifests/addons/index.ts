// Everything that quorate applies to the API, in groups, each in the order in which it has to be applied.
import type { ClusterSpec } from '../../spec/types.ts';
import type { KubeObject } from '../object.ts';
import { bootstrapObjects } from './bootstrap.ts';
import { corednsObjects } from './coredns.ts';
import { flannelObjects } from './flannel.ts';
import { kubeProxyObjects } from './kube-proxy.ts';
import { metricsServerObjects } from './metrics-server.ts';

export { bootstrapTokenSecret } from '../bootstrap-token.ts';

/** prerequisites is what others refer to: the namespace, accounts, rights, configuration. */
export type AddonGroup = 'namespaces' | 'prerequisites' | 'networking' | 'dns' | 'metrics';

/** What objects need beyond the specification. */
export interface AddonInput {
  /** PEM of the cluster's certificate authority, for cluster-info, which `kubeadm join` reads first. */
  readonly caCertificate: string;
}

/** All objects, in groups that are applied in the order given; within a group there is no order. */
export function addonGroups(spec: ClusterSpec, input: AddonInput): Readonly<Record<AddonGroup, readonly KubeObject[]>> {
  const networking = [...kubeProxyObjects(spec), ...flannelObjects(spec)];
  const dns = corednsObjects(spec);
  const metrics = metricsServerObjects(spec);
  const addons = [...networking, ...dns, ...metrics];
  return {
    namespaces: addons.filter(isNamespace),
    prerequisites: [...bootstrapObjects(spec, input.caCertificate), ...addons.filter(isPrerequisite)],
    networking: networking.filter(isLast),
    dns: dns.filter(isLast),
    metrics: metrics.filter(isLast),
  };
}

/** All objects in the order in which they are applied. */
export function addonObjects(spec: ClusterSpec, input: AddonInput): readonly KubeObject[] {
  return Object.values(addonGroups(spec, input)).flat();
}

const PREREQUISITES = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'ConfigMap'];

function isNamespace({ kind }: KubeObject): boolean {
  return kind === 'Namespace';
}

function isPrerequisite({ kind }: KubeObject): boolean {
  return PREREQUISITES.includes(kind);
}

function isLast(object: KubeObject): boolean {
  return !isNamespace(object) && !isPrerequisite(object);
}
