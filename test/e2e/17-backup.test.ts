// Backups that control planes make by themselves: started as their timer starts them, on a schedule that the test hurries up, kept as
// long as they should be, and seen when they fail. Everything is put back afterwards.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTROL_PLANES, json, mustOnMachine, onMachine } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { until } from './support/wait.ts';

useHealthyCluster();

const DIRECTORY = '/var/lib/quorate/backups';
const DROP_INS = ['timer', 'service'].map((kind) => `/run/systemd/system/quorate-backup.${kind}.d`);

interface Backups {
  readonly lastSuccess?: { readonly machine: string; readonly archive: string; readonly ageMs: number };
  readonly failures: readonly { readonly machine: string; readonly error: string }[];
}

async function backups(): Promise<Backups> {
  return (await json<{ backups: Backups }>('status')).backups;
}

async function archivesOn(machine: string): Promise<string[]> {
  const { stdout } = await onMachine(machine, `cd ${DIRECTORY} 2>/dev/null && ls`);
  return stdout.split('\n').filter((name) => name.endsWith('.tar.age'));
}

async function backUp(machine: string): Promise<number> {
  return (await onMachine(machine, 'systemctl start quorate-backup.service')).exitCode;
}

/** A drop-in for the timer or the service that a reboot would end too. */
async function dropIn(machine: string, kind: 'timer' | 'service', text: string): Promise<void> {
  const directory = `/run/systemd/system/quorate-backup.${kind}.d`;
  const write = `mkdir -p ${directory} && printf '${text}' > ${directory}/e2e.conf`;
  await mustOnMachine(machine, `${write} && systemctl daemon-reload && systemctl restart quorate-backup.timer`);
}

async function putBack(machine: string): Promise<void> {
  await mustOnMachine(
    machine,
    `rm -rf ${DROP_INS.join(' ')}; systemctl daemon-reload; systemctl restart quorate-backup.timer`,
  );
}

beforeAll(async () => {
  await Promise.all(CONTROL_PLANES.map((name) => onMachine(name, `rm -rf ${DIRECTORY}`)));
});

afterAll(async () => {
  await Promise.all(CONTROL_PLANES.map(putBack));
  for (const name of CONTROL_PLANES) await backUp(name);
});

describe('a backup', () => {
  it('is made by the unit of every control plane, each in its own slot, and seen in the status', async () => {
    for (const name of CONTROL_PLANES) expect(await backUp(name)).toBe(0);
    const { lastSuccess, failures } = await backups();
    expect(failures).toEqual([]);
    expect(lastSuccess?.ageMs).toBeLessThan(120_000);
    const calendars = await Promise.all(
      CONTROL_PLANES.map((name) => mustOnMachine(name, 'systemctl show -P TimersCalendar quorate-backup.timer')),
    );
    const slots = calendars.map((text) => /OnCalendar=([^;]+)/.exec(text)?.[1]?.trim());
    expect(new Set(slots).size).toBe(CONTROL_PLANES.length);
    const metrics = await mustOnMachine('cp1', 'cat /var/lib/prometheus/node-exporter/quorate_backup.prom');
    expect(metrics).toContain('quorate_backup_last_attempt_success 1');
  });

  it('is what its label says, and no key of the cluster can be read from it', async () => {
    const [archive = ''] = await archivesOn('cp1');
    const path = `${DIRECTORY}/${archive}`;
    const label = JSON.parse(await mustOnMachine('cp1', `cat ${path.replace('.tar.age', '.json')}`)) as {
      sha256: string;
      keys: number;
      objects: Record<string, number>;
    };
    expect(await mustOnMachine('cp1', `sha256sum < ${path}`)).toContain(label.sha256);
    expect(label.objects.minions).toBe(5);
    expect(label.keys).toBeGreaterThan(200);
    expect(await mustOnMachine('cp1', `head -c 21 ${path}; grep -c PRIVATE ${path} || true`)).toBe(
      'age-encryption.org/v10',
    );
  });

  it('is made by the timer alone, again and again, while nobody is there; and old ones go', async () => {
    const before = await archivesOn('cp2');
    await dropIn('cp2', 'service', '[Service]\\nEnvironment=QUORATE_BACKUP_RETENTION_SECONDS=20\\n');
    await dropIn('cp2', 'timer', '[Timer]\\nOnCalendar=*:*:0/5\\n');
    const seen = new Set<string>();
    await until('three more archives have been made', 120_000, async () => {
      for (const name of await archivesOn('cp2')) if (!before.includes(name)) seen.add(name);
      return seen.size >= 3 ? true : undefined;
    });
    const [first = ''] = [...seen].sort();
    await until('the first of them has been removed', 120_000, async () =>
      (await archivesOn('cp2')).includes(first) ? undefined : true,
    );
    expect((await archivesOn('cp2')).length).toBeGreaterThan(0);
    expect((await backups()).failures).toEqual([]);
    await putBack('cp2');
  });
});

describe('a backup that fails', () => {
  it('is in the next status with its machine and reason, and gone from it after the next good one', async () => {
    await until('no backup is under way', 60_000, async () =>
      (await onMachine('cp3', 'systemctl is-active quorate-backup.service')).stdout.trim() === 'inactive'
        ? true
        : undefined,
    );
    await mustOnMachine('cp3', `mv ${DIRECTORY} ${DIRECTORY}.aside && touch ${DIRECTORY}`);
    try {
      expect(await backUp('cp3')).not.toBe(0);
      const { failures, lastSuccess } = await backups();
      expect(failures).toMatchObject([{ machine: 'cp3', error: expect.stringContaining(DIRECTORY) }]);
      expect(lastSuccess).toBeDefined();
      expect(await mustOnMachine('cp3', 'cat /var/lib/prometheus/node-exporter/quorate_backup.prom')).toContain(
        'quorate_backup_last_attempt_success 0',
      );
    } finally {
      await mustOnMachine('cp3', `rm -f ${DIRECTORY} && mv ${DIRECTORY}.aside ${DIRECTORY}`);
    }
    expect(await backUp('cp3')).toBe(0);
    expect((await backups()).failures).toEqual([]);
  });

  it('is seen when it was killed, too', async () => {
    const unit = 'quorate-backup.service';
    const isRunning = 'grep -q running /var/lib/quorate/backup/state.json';
    const kill = `systemctl start --no-block ${unit}; until ${isRunning}; do sleep 0.05; done; systemctl kill --signal=KILL ${unit}; until systemctl is-failed -q ${unit}; do sleep 0.1; done`;
    await mustOnMachine('cp3', kill);
    const { failures } = await backups();
    expect(failures).toMatchObject([{ machine: 'cp3', error: expect.stringContaining('was killed') }]);
    expect(await backUp('cp3')).toBe(0);
    expect((await backups()).failures).toEqual([]);
  });
});
