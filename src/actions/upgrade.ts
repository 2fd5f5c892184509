import { readFile, rename, writeFile } from 'node:fs/promises';
import { supportedKubernetesVersions } from '../artifacts/catalog.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { reachedVersion } from '../engine/version-change.ts';
import { withKubernetesVersion } from '../spec/edit.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { controlPlaneUpgrade, parseVersion } from '../topology/version.ts';
import type { ChangeOptions, ChangeReport } from './carry-out.ts';
import { openCluster } from './cluster.ts';
import { up } from './up.ts';

/** Where the cluster is and where it can go. */
export interface UpgradeReport {
  readonly cluster: string;
  /** What every machine has reached; absent while it cannot be read. */
  readonly version?: string;
  /** What cluster.yaml asks for. */
  readonly wanted: string;
  /** An upgrade that has begun and not ended. */
  readonly upgradingTo?: string;
  /** What --rollback would return to. */
  readonly previous?: string;
  readonly nodes: readonly { readonly name: string; readonly version: string }[];
  /** Versions of this release's catalog, each with whether the cluster may go there and why not. */
  readonly targets: readonly { readonly version: string; readonly ok: boolean; readonly reason: string }[];
}

/** Compares the versions that run with those that can be had. Reads only. */
export async function upgradeReport(ctx: Context, spec: ClusterSpec): Promise<UpgradeReport> {
  const { observed } = await openCluster(ctx, spec);
  const version = reachedVersion(observed);
  const record = observed.kube?.record;
  const previous = previousOf(record);
  const from = parseVersion(version ?? '');
  const targets = supportedKubernetesVersions().flatMap((target) => {
    const to = parseVersion(target);
    if (from === undefined || to === undefined) return [];
    const { ok, reason } = controlPlaneUpgrade(from, to);
    return [{ version: target, ok, reason }];
  });
  return {
    cluster: spec.name,
    ...(version === undefined ? {} : { version }),
    wanted: spec.kubernetesVersion,
    ...(record?.upgradingTo === undefined ? {} : { upgradingTo: record.upgradingTo }),
    ...(previous === undefined ? {} : { previous }),
    nodes: (observed.kube?.nodes ?? []).map((node) => ({ name: node.name, version: node.version })),
    targets,
  };
}

/** An upgrade that has not ended is undone to where it began, one that has to the version before it. */
function previousOf(
  record:
    | { kubernetesVersion: string; previousVersion?: string | undefined; upgradingTo?: string | undefined }
    | undefined,
): string | undefined {
  return record?.upgradingTo === undefined ? record?.previousVersion : record.kubernetesVersion;
}

/** Where to go, beside what every change takes. */
export interface UpgradeOptions extends ChangeOptions {
  /** A version of the catalog, or the one before. */
  readonly to: string | 'previous';
}

/**
 * Carries the cluster to another version of Kubernetes and writes it into cluster.yaml first, so that the file and the cluster go on
 * saying the same. Throws VERSION_SKEW when the step is not allowed or, going back, not possible any more.
 */
export async function upgrade(ctx: Context, spec: ClusterSpec, options: UpgradeOptions): Promise<ChangeReport> {
  const isBack = options.to === 'previous';
  const version = isBack ? await previousVersion(ctx, spec) : options.to;
  const confirm: ChangeOptions['confirm'] = async (plan) => {
    await options.confirm(plan);
    if (spec.file !== undefined) await rewrite(spec.file, version);
  };
  return up(
    ctx,
    { ...spec, kubernetesVersion: version },
    { ...options, confirm },
    isBack ? 'upgrade --rollback' : 'upgrade',
  );
}

async function previousVersion(ctx: Context, spec: ClusterSpec): Promise<string> {
  const { observed } = await openCluster(ctx, spec);
  const previous = previousOf(observed.kube?.record);
  if (previous !== undefined) return previous;
  const reason =
    observed.kube === undefined
      ? 'no API server answers that could tell the version before this one'
      : `cluster ${spec.name} has never been upgraded`;
  throw new QuorateError('VERSION_SKEW', reason, { hint: 'see where it is with: quorate upgrade' });
}

/** Atomic: a full disk leaves the old file. */
async function rewrite(file: string, version: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const temporary = `${file}.quorate-${process.pid}`;
  await writeFile(temporary, withKubernetesVersion(text, version));
  await rename(temporary, file);
}
