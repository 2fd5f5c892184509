// What control planes say about their backups, put together: the newest that succeeded, and whose last attempt failed. Pure.
import type { BackupState, MachineFacts, RehearsalState } from '../machines/facts.ts';
import { BACKUP_SERVICE } from '../manifests/backup-units.ts';
import { RECIPIENTS_PATH } from '../manifests/paths.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';

/** The machines of an observation, as far as backups are concerned. */
export type SeenMachines = Readonly<Record<string, { readonly facts?: MachineFacts } | undefined>>;

/** A backup that succeeded, by the state of the control plane that made it. */
export interface MadeBackup {
  readonly machine: string;
  /** When its snapshot was taken, ISO 8601. */
  readonly takenAt: string;
  readonly archive: string;
  readonly sizeBytes: number;
}

/** An attempt that failed and has not been followed by a better one on the same machine. */
export interface FailedBackup {
  readonly machine: string;
  /** When it began, ISO 8601; absent when it could not even say that. */
  readonly at?: string;
  readonly error: string;
}

/** Backups of a cluster. Of machines that do not answer nothing is known. */
export interface ClusterBackups {
  /** The newest of all control planes. */
  readonly newest?: MadeBackup;
  readonly failures: readonly FailedBackup[];
  /** Control planes that are making one now. */
  readonly running: readonly string[];
  /** Since when backups can be made, milliseconds since the Unix epoch: the oldest list of recipients. */
  readonly sinceMs?: number;
  /** The newest that any control plane was told of. */
  readonly rehearsal?: RehearsalState;
}

/** Between reading a unit and reading the state file some time passes; and state files are written a moment after a unit starts. */
const RACE_MS = 30_000;

/** Puts together what the control planes of a specification say at a moment, milliseconds since the Unix epoch. */
export function clusterBackups(spec: ClusterSpec, machines: SeenMachines, nowMs: number): ClusterBackups {
  const seen = controlPlanes(spec).flatMap(({ name }) => {
    const facts = machines[name]?.facts;
    return facts === undefined ? [] : [{ name, facts }];
  });
  const newest = latest(
    seen.flatMap(({ name, facts }) => madeBy(name, facts.backup)),
    ({ takenAt }) => takenAt,
  );
  const rehearsal = latest(
    seen.flatMap(({ facts }) => facts.rehearsal ?? []),
    ({ at }) => at,
  );
  const since = seen.flatMap(({ facts }) => facts.files[RECIPIENTS_PATH]?.mtimeMs ?? []);
  const failures = seen.flatMap(({ name, facts }) => failureOf(name, facts, nowMs));
  const hasFailed = new Set(failures.map(({ machine }) => machine));
  return {
    ...(newest === undefined ? {} : { newest }),
    failures,
    running: seen.flatMap(({ name, facts }) =>
      facts.backup?.outcome === 'running' && !hasFailed.has(name) ? [name] : [],
    ),
    ...(since.length === 0 ? {} : { sinceMs: Math.min(...since) }),
    ...(rehearsal === undefined ? {} : { rehearsal }),
  };
}

function latest<T>(items: readonly T[], momentOf: (item: T) => string): T | undefined {
  return [...items].sort((a, b) => Date.parse(momentOf(b)) - Date.parse(momentOf(a)))[0];
}

function madeBy(machine: string, state: BackupState | undefined): MadeBackup[] {
  if (state?.lastSuccess === undefined || state.archive === undefined) return [];
  return [{ machine, takenAt: state.lastSuccess, archive: state.archive, sizeBytes: state.sizeBytes ?? 0 }];
}

function failureOf(machine: string, { backup, units }: MachineFacts, nowMs: number): FailedBackup[] {
  const unit = units[BACKUP_SERVICE]?.state ?? 'inactive';
  const at = backup === undefined ? {} : { at: backup.lastAttempt };
  if (backup?.outcome === 'failed') return [{ machine, ...at, error: backup.error ?? 'it did not say why' }];
  if (unit === 'failed') return [{ machine, ...at, error: `${BACKUP_SERVICE} failed before it could say why` }];
  const isOver = backup?.outcome === 'running' && ['inactive', 'unknown'].includes(unit);
  if (!isOver || nowMs - Date.parse(backup.lastAttempt) < RACE_MS) return [];
  return [{ machine, ...at, error: 'it was cut off: the machine lost power, or was killed' }];
}
