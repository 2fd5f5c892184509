import { clusterBackups } from '../backup/attempts.ts';
import { cronPeriodMs } from '../spec/cron.ts';
import { type Condition, expectNone, failed, ok, skipped } from './condition.ts';

const HOUR_MS = 3_600_000;

/** Whether the cluster could be brought back: from no earlier than two slots ago, and on the word of every control plane. */
export const backupsMade: Condition = {
  id: 'backups',
  title: 'backups are made',
  isAboutPast: true,
  check: (spec, { machines, takenAtMs }) => {
    const { newest, failures, sinceMs } = clusterBackups(spec, machines, takenAtMs);
    if (failures.length > 0)
      return expectNone(
        failures.map(({ machine, error }) => `${machine}: ${error}`),
        '',
      );
    // One slot may be missed; an hour is for the slots of the machines, and for the work itself.
    const limitMs = 2 * cronPeriodMs(spec.etcd.snapshots.schedule) + HOUR_MS;
    const ageMs = newest === undefined ? Number.POSITIVE_INFINITY : takenAtMs - Date.parse(newest.takenAt);
    if (newest !== undefined && ageMs <= limitMs) return ok(`${newest.machine}, ${newest.takenAt}`);
    if (sinceMs === undefined || takenAtMs - sinceMs <= limitMs) return skipped('none was due yet');
    return failed(newest === undefined ? 'none has ever been made' : `the newest is of ${newest.takenAt}`);
  },
};
