import { beforeAll, describe, expect, it } from 'vitest';
import { clusterBackups } from '../../../src/backup/attempts.ts';
import { backupsMade } from '../../../src/checks/backups.ts';
import type { BackupState, MachineFacts, RehearsalState } from '../../../src/machines/facts.ts';
import { BACKUP_SERVICE } from '../../../src/manifests/backup-units.ts';
import { RECIPIENTS_PATH } from '../../../src/manifests/paths.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { statusReport } from '../../../src/report/status.ts';
import { renderStatus } from '../../../src/report/status-screen.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
const HOUR = 3_600_000;
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

const hoursAgo = (hours: number) => new Date(healthy.takenAtMs - hours * HOUR).toISOString();
const made = (hours: number): BackupState => ({
  lastAttempt: hoursAgo(hours),
  outcome: 'ok',
  lastSuccess: hoursAgo(hours),
  archive: `demo-${hours}.tar.age`,
  sizeBytes: 2_000_000,
});

interface Told {
  readonly backup?: BackupState;
  readonly rehearsal?: RehearsalState;
  readonly unit?: string;
  /** Hours since the recipients were written. */
  readonly age?: number;
}

/** The healthy cluster with what these control planes say. */
function told(words: Readonly<Record<string, Told>>): Observed {
  const machines = { ...healthy.machines };
  for (const [name, { backup, rehearsal, unit = 'inactive', age }] of Object.entries(words)) {
    const facts = healthy.machines[name]?.facts as MachineFacts;
    const recipients = facts.files[RECIPIENTS_PATH];
    const state = { active: false, enabled: false, activeSinceMs: 0, state: unit };
    const files =
      age === undefined || recipients === undefined
        ? facts.files
        : { ...facts.files, [RECIPIENTS_PATH]: { ...recipients, mtimeMs: healthy.takenAtMs - age * HOUR } };
    machines[name] = {
      name,
      state: 'running',
      facts: {
        ...facts,
        files,
        units: { ...facts.units, [BACKUP_SERVICE]: state },
        ...(backup ? { backup } : {}),
        ...(rehearsal ? { rehearsal } : {}),
      },
    };
  }
  return { ...healthy, machines };
}

describe('backups of a cluster', () => {
  it.each<[string, () => Record<string, Told>, string, RegExp]>([
    ['none was due yet', () => ({}), 'skipped', /none was due yet/],
    ['none has ever been made in thirteen hours', () => ({ cp1: { age: 13.1 } }), 'failed', /none has ever been made/],
    ['twelve hours are two slots, and an hour is granted', () => ({ cp1: { age: 12.9 } }), 'skipped', /none was due/],
    [
      'the newest of all counts',
      () => ({ cp1: { backup: made(40), age: 99 }, cp2: { backup: made(5) } }),
      'ok',
      /^cp2, /,
    ],
    [
      'the newest is too old',
      () => ({ cp1: { backup: made(13.1), age: 99 } }),
      'failed',
      /the newest is of 2026-11-19T22:54/,
    ],
    [
      'the last attempt of one failed',
      () => ({ cp1: { backup: made(1) }, cp2: { backup: { ...made(9), outcome: 'failed', error: 'disk full' } } }),
      'failed',
      /^cp2: disk full$/,
    ],
    [
      'one was cut off',
      () => ({ cp1: { backup: { lastAttempt: hoursAgo(1), outcome: 'running' } } }),
      'failed',
      /^cp1: it was cut off/,
    ],
    [
      'one is under way',
      () => ({ cp1: { backup: { ...made(2), outcome: 'running' }, unit: 'activating' } }),
      'ok',
      /^cp1, /,
    ],
    ['one could not even begin', () => ({ cp3: { unit: 'failed' } }), 'failed', /^cp3: quorate-backup.service failed/],
  ])('%s', (_what, words, wanted, detail) => {
    const { state, detail: said } = backupsMade.check(spec, told(words()));
    expect([state, said]).toEqual([wanted, expect.stringMatching(detail)]);
  });

  it('that are younger than the schedule asks are too old for a schedule of minutes', () => {
    const often = { ...spec, etcd: { ...spec.etcd, snapshots: { ...spec.etcd.snapshots, schedule: '*/5 * * * *' } } };
    expect(backupsMade.check(often, told({ cp1: { backup: made(5), age: 99 } })).state).toBe('failed');
  });

  it('are one section of the status, with what failed and the newest rehearsal', async () => {
    const rehearsal: RehearsalState = { at: hoursAgo(50), outcome: 'ok', archive: 'demo-5.tar.age', restoreMs: 41_000 };
    const observed = told({
      cp1: { backup: made(3), rehearsal: { ...rehearsal, at: hoursAgo(90), outcome: 'failed' } },
      cp2: { backup: { ...made(9), lastAttempt: hoursAgo(0.1), outcome: 'failed', error: 'no space' }, rehearsal },
      cp3: { backup: { ...made(9), outcome: 'running' }, unit: 'activating' },
    });
    const report = statusReport(spec, observed);
    expect(report.backups).toMatchObject({
      lastSuccess: { machine: 'cp1', archive: 'demo-3.tar.age', ageMs: 3 * HOUR },
      failures: [{ machine: 'cp2', error: 'no space', ageMs: 0.1 * HOUR }],
      running: ['cp3'],
      rehearsal: { outcome: 'ok', ageMs: 50 * HOUR },
    });
    const screen = renderStatus(report, PLAIN_THEME);
    await expect(`${screen.slice(screen.indexOf('Backups'))}\n`).toMatchFileSnapshot('../../golden/status/backups.txt');
  });

  it('says nothing of machines that do not answer', () => {
    const machines = { cp1: {}, cp2: undefined };
    expect(clusterBackups(spec, machines, healthy.takenAtMs)).toEqual({ failures: [], running: [] });
  });
});
