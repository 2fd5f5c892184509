// What a living cluster is built on cannot be changed by writing another value into the file. Said before anything runs.
import { parse } from 'yaml';
import type { ErrorCode } from '../core/error-codes.ts';
import { QuorateError } from '../core/errors.ts';
import { findByName } from '../core/per-object.ts';
import { isMemberAt, peerAddress } from '../etcd/members.ts';
import type { Observed } from '../observe/observed.ts';
import { clusterLife, standInHolder } from '../phases/membership.ts';
import { type ClusterSpec, etcdMachines } from '../spec/types.ts';
import { compareVersions, kubeletSkew, parseVersion } from '../topology/version.ts';
import { versionChange } from './version-change.ts';

interface Change {
  readonly field: string;
  readonly was: string;
  readonly is: string;
  /** Why not, and what to do instead. */
  readonly why: string;
}

/** The fields of kubeadm's ClusterConfiguration that are compared. */
interface Built {
  readonly clusterName?: string;
  readonly controlPlaneEndpoint?: string;
  readonly networking?: { readonly podSubnet?: string; readonly serviceSubnet?: string; readonly dnsDomain?: string };
}

/**
 * Throws IMMUTABLE_CHANGE with every field that a living cluster cannot change, each with its reason, and VERSION_SKEW when the
 * versions do not allow the step that the file asks for.
 */
export function refuseImpossibleChanges(spec: ClusterSpec, observed: Observed): void {
  refuseClosedDoors(spec, observed);
  const changes = [...builtChanges(spec, observed), ...machineChanges(spec, observed), ...totalChange(spec, observed)];
  if (changes.length > 0) {
    const texts = changes.map(({ field, was, is, why }) => `  ${field}: ${was} to ${is}: ${why}`);
    throw new QuorateError('IMMUTABLE_CHANGE', `a living cluster cannot change\n${texts.join('\n')}`, {
      data: { changes },
    });
  }
  refuseForeign(spec, observed);
  refuseSkew(spec, observed);
}

/** Throws FOREIGN_MACHINE when a machine says that it is part of another cluster: nothing may be written there, and nothing wiped. */
export function refuseForeign(spec: ClusterSpec, observed: Observed): void {
  const foreign = Object.values(observed.machines).flatMap(({ name, facts }) =>
    facts?.cluster === undefined || facts.cluster === spec.name ? [] : [`${name} is part of ${facts.cluster}`],
  );
  if (foreign.length > 0)
    throw new QuorateError('FOREIGN_MACHINE', `not of cluster ${spec.name}: ${foreign.join(', ')}`);
}

/** Throws QUORUM_RECOVERY_UNFINISHED while stand-ins vote (ADR 0013): what they say of lost machines is not to be planned from. */
export function refuseUnfinishedRecovery(observed: Observed): void {
  const holder = standInHolder(observed);
  if (holder === undefined) return;
  throw new QuorateError('QUORUM_RECOVERY_UNFINISHED', `${holder} still has stand-ins of lost members of etcd`);
}

/** A machine that does not answer is left out; one that refuses us is a matter for its owner, before anything else is changed. */
function refuseClosedDoors(spec: ClusterSpec, observed: Observed): void {
  const refusals: readonly ErrorCode[] = [
    'SSH_AUTH_FAILED',
    'SSH_HOST_KEY_CHANGED',
    'SSH_HOST_KEY_UNKNOWN',
    'SUDO_REFUSED',
  ];
  for (const { name } of spec.machines) {
    const error = observed.machines[name]?.error;
    const code = refusals.find((candidate) => candidate === error?.code);
    if (code !== undefined && error !== undefined) throw new QuorateError(code, error.message, { hint: error.hint });
  }
}

/** Against kubeadm-config. */
function builtChanges(spec: ClusterSpec, observed: Observed): Change[] {
  const text = observed.kube?.clusterConfiguration;
  if (text === undefined) return [];
  const built = (parse(text) ?? {}) as Built;
  const { networking } = built;
  const fields: [field: string, was: string | undefined, is: string, why: string][] = [
    ['metadata.name', built.clusterName, spec.name, 'it is in certificates, kubeconfigs and the etcd token'],
    [
      'spec.controlPlaneEndpoint',
      built.controlPlaneEndpoint,
      spec.endpoint.authority,
      'every kubelet and kubeconfig has it; add a further name to certSANs instead',
    ],
    [
      'spec.networking.podSubnet',
      networking?.podSubnet,
      spec.networking.podSubnet,
      'nodes and pods have addresses of it',
    ],
    [
      'spec.networking.serviceSubnet',
      networking?.serviceSubnet,
      spec.networking.serviceSubnet,
      'Services have addresses of it, and the API server its certificate',
    ],
    ['spec.networking.dnsDomain', networking?.dnsDomain, spec.networking.dnsDomain, 'it is in tokens and in every pod'],
  ];
  return fields.flatMap(([field, was, is, why]) => (was === undefined || was === is ? [] : [{ field, was, is, why }]));
}

/** Against the record: what a machine is cannot become something else under the same name. */
function machineChanges(spec: ClusterSpec, observed: Observed): Change[] {
  const record = observed.kube?.record;
  if (record === undefined) return [];
  const why = 'remove the machine (apply the file without it), then add it anew';
  const machines = record.machines.flatMap((old): Change[] => {
    const now = findByName(spec.machines, old.name);
    if (now === undefined) return [];
    return (['address', 'role', 'driver'] as const).flatMap((field) =>
      now[field] === old[field] ? [] : [{ field: `${field} of ${old.name}`, was: old[field], is: now[field], why }],
    );
  });
  if (record.etcdTopology === spec.etcd.topology) return machines;
  const topology: Change = {
    field: 'spec.etcd.topology',
    was: record.etcdTopology,
    is: spec.etcd.topology,
    why: 'its members would all have to move; build a new cluster and restore a backup into it',
  };
  return [...machines, topology];
}

/** Members join and leave while others stay; with none of them left it would be another cluster. */
function totalChange(spec: ClusterSpec, observed: Observed): Change[] {
  const members = observed.etcd?.members ?? [];
  const machines = etcdMachines(spec);
  const stays = members.some((member) => machines.some(({ address }) => isMemberAt(member, address)));
  if (members.length === 0 || stays) return [];
  const was = members.map(peerAddress).sort();
  const is = machines.map(({ address }) => address).sort();
  const why = 'none of them would be left; change some, apply, then change the others';
  return [{ field: 'all members of etcd', was: was.join(' '), is: is.join(' '), why }];
}

function refuseSkew(spec: ClusterSpec, observed: Observed): void {
  if (clusterLife(spec, observed) === 'new') return;
  const verdict = versionChange(spec, observed);
  if (!verdict.ok) {
    const back =
      'write the version that runs into cluster.yaml again; for older data restore a backup of that version: quorate restore';
    throw new QuorateError('VERSION_SKEW', verdict.reason, verdict.isBack ? { hint: back } : {});
  }
  const target = parseVersion(spec.kubernetesVersion);
  if (target === undefined) return;
  for (const { name, version } of observed.kube?.nodes ?? []) {
    const kubelet = parseVersion(version);
    const skew = kubelet === undefined ? undefined : kubeletSkew(kubelet, target);
    // A kubelet that is newer than the target is one that an unfinished upgrade has reached: it is rolled back with the rest.
    if (skew === undefined || skew.ok || (kubelet !== undefined && compareVersions(kubelet, target) > 0)) continue;
    throw new QuorateError('VERSION_SKEW', `${name}: ${skew.reason}`);
  }
}
