// From a backup that somebody names to a cluster that is as it was then.
import { writeFile } from 'node:fs/promises';
import { CLUSTER_ENTRY } from '../backup/format.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';
import { type KeyFiles, openBackup, withBackup } from './open-backup.ts';
import { type RestoreOptions, type RestoreReport, restoreCluster } from './restore.ts';

/**
 * Finds, opens and checks a backup, then restores the cluster from it. `wanted` is a name, a file or latest. Throws what openArchive throws
 * before anything is touched, and as restoreCluster.
 */
export async function restoreBackup(
  ctx: Context,
  spec: ClusterSpec,
  wanted: string,
  options: RestoreOptions & { readonly keys: KeyFiles },
): Promise<RestoreReport> {
  return withBackup(ctx, openFleet(ctx, spec, options), wanted, async (backup) => {
    const archive = await openBackup(ctx, spec, backup, options.keys);
    try {
      return await restoreCluster(ctx, spec, archive, options);
    } finally {
      await archive.close();
    }
  });
}

/** A file that was written. */
export interface WrittenSpec {
  readonly path: string;
  /** When the backup was made that it is from: 2026-11-21T11:45:00Z. */
  readonly takenAt: string;
}

/** Writes the cluster.yaml of a backup to a new file. Throws FILE_EXISTS, and what openArchive throws. */
export async function writeArchivedSpec(
  ctx: Context,
  spec: ClusterSpec,
  wanted: string,
  keys: KeyFiles,
  path: string,
): Promise<WrittenSpec> {
  return withBackup(ctx, openFleet(ctx, spec), wanted, async (backup) => {
    // Whoever lost the file does not know its name better than the backup does.
    const name = backup.label?.cluster ?? spec.name;
    const archive = await openBackup(ctx, { ...spec, name }, backup, keys);
    try {
      await writeFile(path, archive.files.get(CLUSTER_ENTRY) ?? '', { flag: 'wx' });
      return { path, takenAt: archive.meta.takenAt };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new QuorateError('FILE_EXISTS', `${path} exists already`, { hint: 'name a file that does not' });
    } finally {
      await archive.close();
    }
  });
}
