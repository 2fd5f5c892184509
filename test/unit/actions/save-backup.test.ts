import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { healthyMachines, parseLook, saveBackup } from '../../../src/actions/save-backup.ts';
import type { BackupState } from '../../../src/machines/facts.ts';
import { createFakeDriver } from '../../../src/machines/fake/driver.ts';
import { recordingContext } from '../../helpers/context.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec({ workers: 0 });
const ARCHIVE = 'demo-20261121T114500Z-cp2.tar.age';
const BEFORE: BackupState = { lastAttempt: '2026-11-21T06:00:00Z', outcome: 'ok', archive: 'demo-old.tar.age' };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'save-'));
  vi.stubEnv('QUORATE_RUNTIME_DIR', dir);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

/** A control plane whose unit runs for two looks and then leaves this state. */
async function machineWith(after: BackupState | undefined) {
  const driver = createFakeDriver();
  for (const machine of spec.machines) {
    await driver.provider?.create(recordingContext(), spec, machine);
    await driver.provider?.start(recordingContext(), spec, machine);
  }
  const inside = driver.inside(spec, 'cp2');
  let looks = -1;
  const begin = () => {
    looks = 0;
    return {};
  };
  inside.rules.push({ when: ['systemctl', 'start'], answer: begin });
  inside.rules.push({
    when: (command) => command.argv[0] === 'sh' && (command.argv[2] ?? '').includes('state.json'),
    answer: () => {
      if (looks < 0) return { stdout: `inactive\n${JSON.stringify(BEFORE)}\n` };
      looks += 1;
      const running = { ...BEFORE, lastAttempt: '2026-11-21T11:45:00Z', outcome: 'running' };
      if (looks < 3) return { stdout: `activating\n${JSON.stringify(running)}\n` };
      return { stdout: `${after?.outcome === 'ok' ? 'inactive' : 'failed'}\n${JSON.stringify(after ?? BEFORE)}\n` };
    },
  });
  return { driver, inside };
}

const save = (driver: ReturnType<typeof createFakeDriver>) =>
  saveBackup(recordingContext(), spec, { machine: 'cp2', drivers: () => driver });

describe('a backup now', () => {
  it('is that of the unit, once it has ended', async () => {
    const { driver, inside } = await machineWith({
      lastAttempt: '2026-11-21T11:45:00Z',
      outcome: 'ok',
      lastSuccess: '2026-11-21T11:45:02Z',
      archive: ARCHIVE,
      sizeBytes: 77,
    });
    expect(await save(driver)).toMatchObject({
      machine: 'cp2',
      archive: ARCHIVE,
      takenAt: '2026-11-21T11:45:02Z',
      sizeBytes: 77,
    });
    expect(inside.commands.map(({ argv }) => argv.join(' '))).toContain(
      'systemctl start --no-block quorate-backup.service',
    );
  });

  it('that fails says why', async () => {
    const { driver } = await machineWith({ ...BEFORE, lastAttempt: 'now', outcome: 'failed', error: 'no space left' });
    await expect(save(driver)).rejects.toMatchObject({
      code: 'BACKUP_FAILED',
      message: expect.stringMatching(/cp2 failed: no space left/),
    });
  });

  it('that left the state of the one before has not happened', async () => {
    const { driver } = await machineWith(undefined);
    await expect(save(driver)).rejects.toMatchObject({ code: 'BACKUP_FAILED' });
  });

  it('is made by control planes only', async () => {
    const { driver } = await machineWith(undefined);
    const options = { drivers: () => driver };
    const withWorker = makeSpec();
    await expect(saveBackup(recordingContext(), withWorker, { ...options, machine: 'w1' })).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(saveBackup(recordingContext(), spec, { ...options, machine: 'cp9' })).rejects.toMatchObject({
      code: 'MACHINE_NOT_FOUND',
    });
  });
});

it('control planes whose member votes and answers can make one', async () => {
  const observed = await healthyCluster(spec);
  expect(healthyMachines(spec, observed)).toEqual(['cp1', 'cp2', 'cp3']);
  const [first, second, ...rest] = observed.etcd?.members ?? [];
  const { status: _status, ...silent } = first as NonNullable<typeof first>;
  const members = [silent, { ...(second as NonNullable<typeof second>), isLearner: true }, ...rest];
  expect(healthyMachines(spec, { ...observed, etcd: { members, alarms: [] } })).toEqual(['cp3']);
  const { etcd: _etcd, ...without } = observed;
  expect(healthyMachines(spec, without)).toEqual([]);
});

it('a state that is not there yet is none', () => {
  expect(parseLook('inactive\n')).toEqual({ unit: 'inactive' });
  expect(parseLook('activating\n{"lastAttempt":"a"}')).toEqual({ unit: 'activating', state: { lastAttempt: 'a' } });
  expect(parseLook('failed\n{"lastAttempt":"a"}')).toMatchObject({ unit: 'failed', idleSince: 'a' });
});
