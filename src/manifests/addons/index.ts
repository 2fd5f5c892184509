// Everything that quorate applies to the API, in groups, each in the order in which it has to be applied.
import type { ClusterSpec } from '../../spec/types.ts';
import type { KubeObject } from '../object.ts';
import { bootstrapObjects } from './bootstrap.ts';
import { corednsObjects } from './coredns.ts';
import { flannelObjects } from './flannel.ts';
import { kubeProxyObjects } from './kube-proxy.ts';
import { metricsServerObjects } from './metrics-server.ts';

export { bootstrapTokenSecret } from '../bootstrap-token.ts';

/** access: rights and kubeadm's own records. The others are add-ons. No group waits for another one. */
export type AddonGroup = 'access' | 'networking' | 'dns' | 'metrics';

/** Objects in stages that are applied one after another; within a stage there is no order. */
export type Stages = readonly (readonly KubeObject[])[];

/** What objects need beyond the specification. */
export interface AddonInput {
  /** PEM of the cluster's certificate authority, for cluster-info, which `kubeadm join` reads first. */
  readonly caCertificate: string;
}

/** All objects: the namespace first, then what others refer to (accounts, rights, configuration), then the workloads. */
export function addonGroups(spec: ClusterSpec, input: AddonInput): Readonly<Record<AddonGroup, Stages>> {
  return {
    access: inStages(bootstrapObjects(spec, input.caCertificate)),
    networking: inStages([...kubeProxyObjects(spec), ...flannelObjects(spec)]),
    dns: inStages(corednsObjects(spec)),
    metrics: inStages(metricsServerObjects(spec)),
  };
}

function inStages(objects: readonly KubeObject[]): Stages {
  return [objects.filter(isNamespace), objects.filter(isPrerequisite), objects.filter(isLast)].filter(
    (stage) => stage.length > 0,
  );
}

/** All objects in an order in which they can be applied. */
export function addonObjects(spec: ClusterSpec, input: AddonInput): readonly KubeObject[] {
  return Object.values(addonGroups(spec, input)).flat(2);
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
