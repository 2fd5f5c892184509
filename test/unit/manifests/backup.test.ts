// What a control plane gets for its backups, and when it makes them.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { backupFiles } from '../../../src/manifests/backup.ts';
import { onCalendar } from '../../../src/manifests/backup-units.ts';
import type { SnapshotSpec } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { asText, fileOf, machineOf } from './helpers.ts';

describe('the calendar of a schedule', () => {
  it.each<[string, number, number, string[]]>([
    ['0 */6 * * *', 0, 1, ['*-*-* 00,06,12,18:00:00 UTC']],
    ['0 */6 * * *', 1, 3, ['*-*-* 00,06,12,18:05:00 UTC']],
    ['0 */6 * * *', 2, 3, ['*-*-* 00,06,12,18:10:00 UTC']],
    ['*/5 * * * *', 1, 3, ['*-*-* *:01,06,11,16,21,26,31,36,41,46,51,56:40 UTC']],
    ['* * * * *', 2, 3, ['*-*-* *:*:40 UTC']],
    ['55 3 * * *', 2, 3, ['*-*-* 03:05:00 UTC']],
    ['0,50 3 * * *', 1, 2, ['*-*-* 03:05,55:00 UTC']],
    ['30 2 * * mon-fri', 0, 3, ['Mon,Tue,Wed,Thu,Fri *-*-* 02:30:00 UTC']],
    ['30 2 1,15 jan-mar *', 0, 3, ['*-01,02,03-01,15 02:30:00 UTC']],
    ['0 0 1 * SUN', 0, 1, ['*-*-01 00:00:00 UTC', 'Sun *-*-* 00:00:00 UTC']],
    ['10-20/5 0 * * *', 1, 5, ['*-*-* 00:11,16,21:00 UTC']],
  ])('%s, slot %i of %i', (schedule, slot, slots, wanted) => {
    expect(onCalendar(schedule, slot, slots)).toEqual(wanted);
  });

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.skipIf(!hasSystemd)('is one that systemd understands, and fires when cron would (needs systemd-analyze)', () => {
    const next = (expression: string) =>
      spawnSync('systemd-analyze', ['calendar', '--iterations=3', '--base-time=2026-11-20 12:00:00 UTC', expression], {
        encoding: 'utf8',
        env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
      }).stdout.match(/\w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g);
    expect(next(onCalendar('30 2 * * mon-fri', 1, 3)[0] ?? '')).toEqual([
      'Mon 2026-11-23 02:35:00 UTC',
      'Tue 2026-11-24 02:35:00 UTC',
      'Wed 2026-11-25 02:35:00 UTC',
    ]);
    expect(next(onCalendar('*/20 * 1,15 feb *', 2, 4)[0] ?? '')?.[0]).toBe('Mon 2027-02-01 00:07:30 UTC');
  });
});

describe('the files of a control plane for its backups', () => {
  const s3: NonNullable<SnapshotSpec['s3']> = {
    endpoint: 'https://s3.example.com',
    bucket: 'backups',
    prefix: 'clusters/demo',
    region: 'eu-central-1',
    credentialsFile: '~/.aws/credentials',
  };
  const withSnapshots = (fields: Partial<SnapshotSpec>, etcdMachines = 0) => {
    const base = makeSpec({ driver: 'local', etcdMachines });
    return { ...base, etcd: { ...base.etcd, snapshots: { ...base.etcd.snapshots, ...fields } } };
  };
  const recipient = 'age18jnmmwq42aej9nx7trdxsuvqkvu266w8h9fa7zd05k2694e3vy6qva9alc';

  it('are these', async () => {
    const spec = withSnapshots({});
    const text = asText(backupFiles(spec, machineOf(spec, 'cp2')));
    await expect(text).toMatchFileSnapshot('../../golden/manifests/backup/cp2.txt');
  });

  it('with recipients of their own, a bucket and external etcd are these', async () => {
    const spec = withSnapshots({ s3, recipients: [recipient], retention: '36h', directory: '/srv/backups' }, 3);
    const files = backupFiles(spec, machineOf(spec, 'cp1')).filter(({ path }) => path.startsWith('/etc/quorate/'));
    await expect(asText(files)).toMatchFileSnapshot('../../golden/manifests/backup/cp1-bucket.txt');
    expect(files.find(({ path }) => path.endsWith('/rclone.conf'))?.mode).toBe(0o600);
  });

  it('are none on other machines, and the same text of cluster.yaml on all control planes', () => {
    const spec = withSnapshots({});
    expect(backupFiles(spec, machineOf(spec, 'w1'))).toEqual([]);
    const texts = ['cp1', 'cp2', 'cp3'].map((name) =>
      fileOf(backupFiles(spec, machineOf(spec, name)), '/etc/quorate/cluster.yaml'),
    );
    expect(new Set(texts).size).toBe(1);
  });

  it('give every control plane a slot of its own, by name', () => {
    const base = withSnapshots({});
    const spec = { ...base, machines: [...base.machines].reverse() };
    const timers = ['cp1', 'cp2', 'cp3'].map(
      (name) =>
        /^OnCalendar=.*$/m.exec(
          fileOf(backupFiles(spec, machineOf(spec, name)), '/etc/systemd/system/quorate-backup.timer'),
        )?.[0],
    );
    expect(timers).toEqual(['00', '05', '10'].map((minute) => `OnCalendar=*-*-* 00,06,12,18:${minute}:00 UTC`));
  });
});
