// The rehearsal of a restore: the archive is found and opened, restored beside everything, and the result told to the control planes.
import { type RehearsalResult, rehearse } from '../backup/rehearse.ts';
import type { CheckedCondition } from '../checks/condition.ts';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf } from '../core/errors.ts';
import type { RehearsalState } from '../machines/facts.ts';
import type { Fleet } from '../machines/fleet.ts';
import { BACKUP_STATE_DIR } from '../manifests/paths.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { BackupOptions } from './backups.ts';
import { openFleet } from './cluster.ts';
import { type BackupAtHand, openBackup, withBackup, workDir } from './open-backup.ts';

/** What a rehearsal showed. */
export interface RehearsalReport {
  readonly cluster: string;
  readonly archive: string;
  readonly outcome: 'ok' | 'failed';
  /** When the snapshot was taken, ISO 8601. */
  readonly takenAt: string;
  /** Recovery point: how old the snapshot was when the rehearsal began; all that came later would be lost. Milliseconds. */
  readonly recoveryPointMs: number;
  /** Recovery time: from the opened archive to an API server that answers, milliseconds; absent when it never did. */
  readonly restoreMs?: number;
  /** Bytes of etcd's snapshot. */
  readonly snapshotBytes: number;
  readonly kubernetesVersion: string;
  readonly conditions: readonly CheckedCondition[];
  /** Control planes that were told, for status. */
  readonly recordedOn: readonly string[];
  /** With opening, fetching and cleaning up. */
  readonly durationMs: number;
}

/** Small, and nobody waits for a machine that does not answer. */
const RECORD_TIMEOUT_MS = 10_000;

/**
 * Rehearses the restore of a backup (a path, a name, or latest) on this host. Checks that fail are a result with outcome failed; an
 * archive that cannot be opened is thrown. Either way the control planes that answer are told. Throws as withBackup and openBackup.
 */
export async function rehearseBackup(
  ctx: Context,
  spec: ClusterSpec,
  wanted: string,
  options: BackupOptions = {},
): Promise<RehearsalReport> {
  const startMs = Date.now();
  const fleet = openFleet(ctx, spec, options);
  const at = new Date(startMs).toISOString();
  let name = wanted;
  try {
    return await withBackup(ctx, fleet, wanted, async (backup) => {
      name = backup.name;
      const { report, state } = await rehearseOne(ctx, spec, backup, options, startMs);
      const recordedOn = await record(ctx, fleet, { at, ...state });
      return { ...report, recordedOn, durationMs: Date.now() - startMs };
    });
  } catch (error) {
    if (!hasCode(error, 'ABORTED', 'USAGE')) {
      await record(ctx, fleet, { at, outcome: 'failed', archive: name, error: ctx.redactor.redact(messageOf(error)) });
    }
    throw error;
  }
}

type Found = Omit<RehearsalReport, 'recordedOn' | 'durationMs'>;

async function rehearseOne(
  ctx: Context,
  spec: ClusterSpec,
  backup: BackupAtHand,
  options: BackupOptions,
  startMs: number,
): Promise<{ readonly report: Found; readonly state: Omit<RehearsalState, 'at'> }> {
  const archive = await openBackup(ctx, spec, backup, options);
  let result: RehearsalResult;
  try {
    result = await rehearse(ctx, archive, archive.programs, workDir());
  } finally {
    await archive.close();
  }
  const { takenAt, snapshotBytes, kubernetesVersion } = archive.meta;
  const { checks, restoreMs } = result;
  const failures = checks.filter(({ state }) => state === 'failed');
  const outcome = failures.length === 0 ? ('ok' as const) : ('failed' as const);
  const shared = { outcome, archive: backup.name, takenAt, ...(restoreMs === undefined ? {} : { restoreMs }) };
  const error = failures.map(({ title, detail }) => `${title}: ${detail}`).join('; ');
  return {
    report: {
      cluster: spec.name,
      ...shared,
      recoveryPointMs: startMs - Date.parse(takenAt),
      snapshotBytes,
      kubernetesVersion,
      conditions: checks,
    },
    state: { ...shared, ...(error === '' ? {} : { error: error.slice(0, 500) }) },
  };
}

/** Leaves the result on every control plane that answers. Nothing fails for those that do not. */
async function record(ctx: Context, fleet: Fleet, state: RehearsalState): Promise<readonly string[]> {
  const path = `${BACKUP_STATE_DIR}/rehearsal.json`;
  const content = `${JSON.stringify(state)}\n`;
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(RECORD_TIMEOUT_MS)]);
  const told = await Promise.all(
    fleet.controlPlanes.map(async (machine) => {
      try {
        await machine.writeFiles({ ...ctx, signal }, [{ path, content, mode: 0o644 }]);
        return [machine.name];
      } catch (error) {
        ctx.emit('warning', { text: `${machine.name} was not told of the rehearsal: ${messageOf(error)}` });
        return [];
      }
    }),
  );
  return told.flat();
}
