import { readFile, rename, writeFile } from 'node:fs/promises';
import { supportedKubernetesVersions } from '../artifacts/catalog.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { previousOf, reachedVersion } from '../engine/version-change.ts';
import type { Observed } from '../observe/observed.ts';
import { withKubernetesVersion } from '../spec/edit.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { controlPlaneUpgrade, parseVersion } from '../topology/version.ts';
import type { ChangeOptions, ChangeReport } from './carry-out.ts';
import { type DriverOptions, openCluster } from './cluster.ts';
import { up } from './up.ts';

/** Where the cluster is and where it can go. */
export interface UpgradeReport {
  readonly cluster: string;
  /** What every machine has reached; absent while it cannot be read. */
  readonly version?: string;
  /** Why it cannot. */
  readonly problem?: string;
  /** What cluster.yaml asks for. */
  readonly wanted: string;
  /** An upgrade that has begun and not ended. */
  readonly upgradingTo?: string;
  /** A way back that has begun and not ended. */
  readonly rollingBackTo?: string;
  /** What --rollback would return to. */
  readonly previous?: string;
  readonly nodes: readonly { readonly name: string; readonly version: string }[];
  /** Versions of this release's catalog, each with whether the cluster may go there and why not. */
  readonly targets: readonly { readonly version: string; readonly ok: boolean; readonly reason: string }[];
}

/** Compares the versions that run with those that can be had. Reads only. */
export async function upgradeReport(
  ctx: Context,
  spec: ClusterSpec,
  options: DriverOptions = {},
): Promise<UpgradeReport> {
  const { observed } = await openCluster(ctx, spec, options);
  const version = reachedVersion(observed);
  const record = observed.kube?.record;
  const previous = previousOf(record);
  return {
    cluster: spec.name,
    ...(version === undefined ? { problem: whyUnknown(observed) } : { version }),
    wanted: spec.kubernetesVersion,
    ...(record?.upgradingTo === undefined ? {} : { upgradingTo: record.upgradingTo }),
    ...(record?.rollingBackTo === undefined ? {} : { rollingBackTo: record.rollingBackTo }),
    ...(previous === undefined ? {} : { previous }),
    nodes: (observed.kube?.nodes ?? []).map((node) => ({ name: node.name, version: node.version })),
    targets: targetsFrom(version),
  };
}

function whyUnknown({ kube }: Observed): string {
  return kube === undefined ? 'the API does not answer' : 'the cluster does not say which version it has reached';
}

/** What this release can install is known even where the cluster says nothing. */
function targetsFrom(version: string | undefined): UpgradeReport['targets'] {
  const from = parseVersion(version ?? '');
  return supportedKubernetesVersions().flatMap((target) => {
    const to = parseVersion(target);
    if (to === undefined) return [];
    if (from === undefined) return [{ version: target, ok: false, reason: 'unknown: nothing to compare it with' }];
    const { ok, reason } = controlPlaneUpgrade(from, to);
    return [{ version: target, ok, reason }];
  });
}

/** Where to go, beside what every change takes. */
export interface UpgradeOptions extends ChangeOptions {
  /** A version of the catalog, or the one before. */
  readonly to: string | 'previous';
}

/**
 * Carries the cluster to another version of Kubernetes and writes it into cluster.yaml first, so that the file and the cluster go on
 * saying the same. Throws VERSION_SKEW when the step is not allowed or, going back, not possible any more, and API_UNREACHABLE when
 * nobody can tell where to go back to.
 */
export async function upgrade(ctx: Context, spec: ClusterSpec, options: UpgradeOptions): Promise<ChangeReport> {
  const isBack = options.to === 'previous';
  const version = isBack ? await previousVersion(ctx, spec, options) : options.to;
  const confirm: ChangeOptions['confirm'] = async (plan) => {
    await options.confirm(plan);
    if (spec.file !== undefined) await rewrite(spec.file, version);
  };
  const report = await up(
    ctx,
    { ...spec, kubernetesVersion: version },
    { ...options, confirm },
    isBack ? 'upgrade --rollback' : 'upgrade',
  );
  // Nobody is asked when nothing has to be changed; the file may say another version all the same.
  if (spec.file !== undefined) await rewrite(spec.file, version);
  return report;
}

async function previousVersion(ctx: Context, spec: ClusterSpec, options: DriverOptions): Promise<string> {
  const { observed } = await openCluster(ctx, spec, options);
  if (observed.kube === undefined)
    throw new QuorateError('API_UNREACHABLE', 'no API server answers that could tell the version before this one');
  const previous = previousOf(observed.kube.record);
  if (previous !== undefined) return previous;
  throw new QuorateError('VERSION_SKEW', `cluster ${spec.name} has no upgrade that could be undone`, {
    hint: 'see where it is with: quorate upgrade',
  });
}

/** Atomic: a full disk leaves the old file. One that says so already is left alone. */
async function rewrite(file: string, version: string): Promise<void> {
  const old = await readFile(file, 'utf8');
  const text = withKubernetesVersion(old, version);
  if (text === old) return;
  const temporary = `${file}.quorate-${process.pid}`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}
