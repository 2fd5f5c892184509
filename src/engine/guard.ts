// What a living cluster is built on cannot be changed by writing another value into the file. Said before anything runs.
import { parse } from 'yaml';
import { QuorateError } from '../core/errors.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';

interface Change {
  readonly field: string;
  readonly was: string;
  readonly is: string;
}

/** The fields of kubeadm's ClusterConfiguration that are compared. */
interface Built {
  readonly clusterName?: string;
  readonly kubernetesVersion?: string;
  readonly controlPlaneEndpoint?: string;
  readonly networking?: { readonly podSubnet?: string; readonly serviceSubnet?: string; readonly dnsDomain?: string };
}

/** Throws IMMUTABLE_CHANGE with every field that differs from what the cluster was built with. */
export function refuseImmutableChanges(spec: ClusterSpec, observed: Observed): void {
  const changes = [...recordedChanges(spec, observed), ...memberChanges(spec, observed)];
  if (changes.length === 0) return;
  const texts = changes.map(({ field, was, is }) => `${field} (${was} to ${is})`);
  throw new QuorateError('IMMUTABLE_CHANGE', `this release cannot change on a living cluster: ${texts.join(', ')}`, {
    data: { changes },
  });
}

/** Against kubeadm-config: these are in certificates, routes, stored objects, or need an order that this release has not. */
function recordedChanges(spec: ClusterSpec, observed: Observed): Change[] {
  const text = observed.kube?.clusterConfiguration;
  if (text === undefined) return [];
  const built = (parse(text) ?? {}) as Built;
  const fields: [field: string, was: string | undefined, is: string][] = [
    ['metadata.name', built.clusterName, spec.name],
    ['spec.kubernetesVersion', built.kubernetesVersion, spec.kubernetesVersion],
    ['spec.controlPlaneEndpoint', built.controlPlaneEndpoint, spec.endpoint.authority],
    ['spec.networking.podSubnet', built.networking?.podSubnet, spec.networking.podSubnet],
    ['spec.networking.serviceSubnet', built.networking?.serviceSubnet, spec.networking.serviceSubnet],
    ['spec.networking.dnsDomain', built.networking?.dnsDomain, spec.networking.dnsDomain],
  ];
  return fields.flatMap(([field, was, is]) => (was === undefined || was === is ? [] : [{ field, was, is }]));
}

/** Against etcd's members: their names and addresses are its quorum, which only etcd itself may change. */
function memberChanges(spec: ClusterSpec, observed: Observed): Change[] {
  const members = observed.etcd?.members ?? [];
  if (members.length === 0) return [];
  const was = members.map(({ peerURLs }) => hostOf(peerURLs[0] ?? '')).sort();
  const is = controlPlanes(spec)
    .map(({ address }) => address)
    .sort();
  if (was.join() === is.join()) return [];
  return [{ field: 'the control planes', was: was.join(' '), is: is.join(' ') }];
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}
