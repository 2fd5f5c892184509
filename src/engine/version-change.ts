// Whether the version in the file can be reached from where the cluster is: forward by the skew policy, back only while nothing
// irreversible has happened.
import { parse } from 'yaml';
import type { ClusterRecord } from '../manifests/cluster-record.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';
import {
  compareVersions,
  controlPlaneUpgrade,
  formatVersion,
  parseVersion,
  type Verdict,
  type Version,
} from '../topology/version.ts';

/** The version that the whole cluster has reached: its record's, or kubeadm's. undefined where neither can be read. */
export function reachedVersion(observed: Observed): string | undefined {
  const { record, clusterConfiguration } = observed.kube ?? {};
  if (record !== undefined) return record.kubernetesVersion;
  if (clusterConfiguration === undefined) return undefined;
  return (parse(clusterConfiguration) as { kubernetesVersion?: string } | null)?.kubernetesVersion;
}

/**
 * Where `upgrade --rollback` goes: on, when a way back has not ended; to where an upgrade that has not ended began; else to the version
 * before. undefined where there is none.
 */
export function previousOf(record: ClusterRecord | undefined): string | undefined {
  if (record?.rollingBackTo !== undefined) return record.rollingBackTo;
  return record?.upgradingTo === undefined ? record?.previousVersion : record.kubernetesVersion;
}

/** Versions of the kubelets on control planes: each is changed together with its API server. */
export function planeVersions(spec: ClusterSpec, observed: Observed): readonly Version[] {
  const names = controlPlanes(spec).map(({ name }) => name);
  return (observed.kube?.nodes ?? [])
    .filter(({ name }) => names.includes(name))
    .flatMap(({ version }) => parseVersion(version) ?? []);
}

/** The verdict on a step from one version to another. */
export interface VersionChange extends Verdict {
  /** true: the file names an older version than a control plane runs. */
  readonly isBack?: boolean;
}

/** Whether apply may carry the cluster to the version of its file. */
export function versionChange(spec: ClusterSpec, observed: Observed): VersionChange {
  const from = parseVersion(reachedVersion(observed) ?? '');
  const to = parseVersion(spec.kubernetesVersion);
  if (from === undefined || to === undefined) return { ok: true, reason: 'nothing is known of the version that runs' };
  const planes = planeVersions(spec, observed);
  const newest = planes.reduce((a, b) => (compareVersions(b, a) > 0 ? b : a), from);
  if (compareVersions(to, newest) >= 0) return controlPlaneUpgrade(from, to);
  return { ...wayBack(newest, to, planes), isBack: true };
}

/**
 * Patch releases store objects alike. An API server of a new minor version may store what an older one cannot read; it does so once it
 * is the only kind there is, because until then the others' versions are what is agreed on.
 */
function wayBack(newest: Version, to: Version, planes: readonly Version[]): Verdict {
  const step = `${formatVersion(newest)} back to ${formatVersion(to)}`;
  if (newest.major === to.major && newest.minor === to.minor)
    return { ok: true, reason: `${step} is within a minor version` };
  if (newest.minor - to.minor > 1) return { ok: false, reason: `${step} is more than one minor version` };
  const old = planes.filter(({ minor }) => minor === to.minor).length;
  if (old > 0)
    return {
      ok: true,
      reason: `${step}: ${old} control ${old === 1 ? 'plane still runs' : 'planes still run'} ${to.major}.${to.minor}`,
    };
  const reason = `${step} is a downgrade: every control plane runs ${formatVersion(newest)} by now and may have stored objects that an older API server cannot read; restore the snapshot from before the upgrade into a new cluster instead`;
  return { ok: false, reason };
}
