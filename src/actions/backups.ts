// Backups as the operator sees them: which there are, and what is known of one; fetched to this host, pruned when old.
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ArchiveLabel, ArchiveMeta } from '../backup/format.ts';
import { expired, type PruneRules } from '../backup/prune.ts';
import {
  type ArchiveList,
  chooseArchive,
  fetchArchive,
  listArchives,
  removeArchives,
  type StoredArchive,
  type StoreProblem,
} from '../backup/store.ts';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type DriverOptions, openFleet } from './cluster.ts';
import { type KeyFiles, localBackup, openBackup, workDir } from './open-backup.ts';

/** How backups are looked at. */
export interface BackupOptions extends DriverOptions, KeyFiles {}

/** Every backup that can be seen. Throws ABORTED. */
export function listBackups(ctx: Context, spec: ClusterSpec, options: DriverOptions = {}): Promise<ArchiveList> {
  return listArchives(ctx, openFleet(ctx, spec, options), workDir());
}

/** What is known of one backup without a rehearsal. */
export interface BackupStatus {
  readonly name: string;
  /** Where it lies: machines, s3, or a path of this host. */
  readonly places: readonly string[];
  /** Facts by the label; by the archive itself where no label lies beside it. */
  readonly facts: ArchiveLabel | ArchiveMeta;
}

/** Label of one backup, without opening it; a file without label is opened. Throws ARCHIVE_NOT_FOUND and what openArchive throws. */
export async function backupStatus(
  ctx: Context,
  spec: ClusterSpec,
  wanted: string,
  options: BackupOptions = {},
): Promise<BackupStatus> {
  const local = await localBackup(wanted);
  if (local === undefined) {
    const { name, places, label } = chooseArchive(await listBackups(ctx, spec, options), wanted);
    return { name, places, facts: label };
  }
  const { name, path, label } = local;
  if (label !== undefined) return { name, places: [path], facts: label };
  const { meta, close } = await openBackup(ctx, spec, local, options);
  await close();
  return { name, places: [path], facts: meta };
}

/** A backup that was copied to this host. */
export interface FetchedBackup {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

/** Copies a backup and its label into a directory of this host. Throws as fetchArchive, and ARCHIVE_NOT_FOUND. */
export async function fetchBackup(
  ctx: Context,
  spec: ClusterSpec,
  wanted: string,
  directory: string,
  options: DriverOptions = {},
): Promise<FetchedBackup> {
  const fleet = openFleet(ctx, spec, options);
  const archive = chooseArchive(await listArchives(ctx, fleet, workDir()), wanted);
  await mkdir(directory, { recursive: true });
  const path = await fetchArchive(ctx, fleet, archive, resolve(directory));
  return { name: archive.name, path, sizeBytes: archive.label.sizeBytes };
}

/** How old backups are removed. */
export interface PruneOptions extends DriverOptions, PruneRules {
  /** Asked before anything is removed, not when there is nothing to remove. Throws to decline. */
  readonly confirm: (archives: readonly StoredArchive[]) => Promise<void>;
}

/** What was removed, and where it could not be. */
export interface PruneReport {
  readonly removed: readonly string[];
  readonly kept: number;
  readonly problems: readonly StoreProblem[];
}

/** Removes old backups from every place. The newest always stays. Throws LOCKED, ABORTED and whatever `confirm` throws. */
export async function pruneBackups(ctx: Context, spec: ClusterSpec, options: PruneOptions): Promise<PruneReport> {
  const fleet = openFleet(ctx, spec, options);
  return withClusterLock(ctx, spec.name, async () => {
    const { archives, problems } = await listArchives(ctx, fleet, workDir());
    const old = expired(archives, options, Date.now());
    if (old.length === 0) return { removed: [], kept: archives.length, problems };
    await options.confirm(old);
    return recorded(ctx, spec, 'etcd snapshot prune', async () => {
      const failures = await removeEverywhere(ctx, fleet, old);
      return {
        removed: old.map(({ name }) => name),
        kept: archives.length - old.length,
        problems: [...problems, ...failures],
      };
    });
  });
}

async function removeEverywhere(
  ctx: Context,
  fleet: Fleet,
  archives: readonly StoredArchive[],
): Promise<readonly StoreProblem[]> {
  const failures: StoreProblem[] = [];
  for (const place of new Set(archives.flatMap(({ places }) => places))) {
    const names = archives.filter(({ places }) => places.includes(place)).map(({ name }) => name);
    try {
      await removeArchives(ctx, fleet, place, names);
    } catch (error) {
      if (hasCode(error, 'ABORTED')) throw error;
      failures.push({ place, problem: messageOf(error) });
    }
  }
  return failures;
}
