// Whether backups are whole: each one fetched and opened, nothing of it kept.
import type { ArchiveMeta } from '../backup/format.ts';
import { chooseArchive, listArchives, type StoreProblem } from '../backup/store.ts';
import type { Context } from '../core/context.ts';
import { hasCode, QuorateError, toQuorateError } from '../core/errors.ts';
import type { ErrorData } from '../core/events.ts';
import { errorData } from '../engine/run.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { BackupOptions } from './backups.ts';
import { openFleet } from './cluster.ts';
import { type BackupAtHand, localBackup, openBackup, withFetched, workDir } from './open-backup.ts';

/** One backup, and whether it is whole. */
export interface Verification {
  readonly name: string;
  readonly ok: boolean;
  /** Of an archive that could be opened. */
  readonly meta?: ArchiveMeta;
  /** Why not. */
  readonly error?: ErrorData;
  readonly durationMs: number;
}

/** What was verified, and what could not be seen. `ok`: everything that was looked at is whole, and there was something. */
export interface VerifyReport {
  readonly cluster: string;
  readonly ok: boolean;
  readonly archives: readonly Verification[];
  readonly problems: readonly StoreProblem[];
  /** Exit code of the first failure; 0. */
  readonly exitCode: number;
}

/**
 * Opens backups fully, one after the other: `wanted` is a path, a name or latest; undefined is all of them. A backup that is not whole is a
 * result. Throws ARCHIVE_NOT_FOUND, USAGE, HOST_TOOL_MISSING, ABORTED.
 */
export async function verifyBackups(
  ctx: Context,
  spec: ClusterSpec,
  wanted: string | undefined,
  options: BackupOptions = {},
): Promise<VerifyReport> {
  const fleet = openFleet(ctx, spec, options);
  const open = async (backup: BackupAtHand) => {
    const { meta, close } = await openBackup(ctx, spec, backup, options);
    await close();
    return meta;
  };
  const local = wanted === undefined ? undefined : await localBackup(wanted);
  if (local !== undefined) return verifyReport(spec, [await verifyOne(local.name, () => open(local))], []);
  const list = await listArchives(ctx, fleet, workDir());
  const chosen =
    wanted === undefined && list.archives.length > 0 ? list.archives : [chooseArchive(list, wanted ?? 'latest')];
  const archives: Verification[] = [];
  for (const archive of chosen) {
    archives.push(await verifyOne(archive.name, () => withFetched(ctx, fleet, archive, open)));
  }
  return verifyReport(spec, archives, wanted === undefined ? list.problems : []);
}

async function verifyOne(name: string, open: () => Promise<ArchiveMeta>): Promise<Verification> {
  const start = Date.now();
  try {
    const meta = await open();
    return { name, ok: true, meta, durationMs: Date.now() - start };
  } catch (error) {
    if (hasCode(error, 'ABORTED', 'USAGE', 'HOST_TOOL_MISSING', 'DISK_FULL', 'INTERNAL')) throw error;
    if (!(error instanceof QuorateError)) throw toQuorateError(error);
    return { name, ok: false, error: errorData(error), durationMs: Date.now() - start };
  }
}

function verifyReport(
  spec: ClusterSpec,
  archives: readonly Verification[],
  problems: readonly StoreProblem[],
): VerifyReport {
  const failure = archives.find(({ ok }) => !ok)?.error;
  const exitCode = failure === undefined ? 0 : toExitCode(failure);
  return { cluster: spec.name, ok: failure === undefined, archives, problems, exitCode };
}

function toExitCode({ code, message }: ErrorData): number {
  return new QuorateError(code as QuorateError['code'], message).exitCode;
}
