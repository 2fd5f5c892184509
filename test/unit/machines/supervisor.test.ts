import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processIdentity } from '../../../src/core/process.ts';
import { isInit, liveSupervisor, parseSupervisor } from '../../../src/machines/local/supervisor.ts';

const BOOT = '0a4c2f6e-0000-4000-8000-000000000000';

describe('a recorded supervisor', () => {
  let directory = '';
  const file = () => join(directory, 'supervisor');
  const own = async () => {
    const { pid, startTicks, bootId } = await processIdentity(process.pid);
    return { pid, startTicks, bootId };
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quorate-supervisor-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('lives while its process does', async () => {
    const { pid, startTicks, bootId } = await own();
    await writeFile(file(), `${pid} ${startTicks} ${bootId}\n`);
    expect(await liveSupervisor(file())).toEqual({ pid, startTicks, bootId });
  });

  it('is gone when its process id belongs to a younger process', async () => {
    const { pid, startTicks, bootId } = await own();
    await writeFile(file(), `${pid} ${Number(startTicks) - 1} ${bootId}\n`);
    expect(await liveSupervisor(file())).toBeUndefined();
  });

  it('is gone after a reboot of the host', async () => {
    const { pid, startTicks } = await own();
    await writeFile(file(), `${pid} ${startTicks} ${BOOT}\n`);
    expect(await liveSupervisor(file())).toBeUndefined();
  });

  it('is gone when there is no file, or half a one', async () => {
    expect(await liveSupervisor(file())).toBeUndefined();
    await writeFile(file(), `${process.pid} `);
    expect(await liveSupervisor(file())).toBeUndefined();
  });

  it('is read strictly', () => {
    expect(parseSupervisor(`12 345 ${BOOT}\n`)).toEqual({ pid: 12, startTicks: '345', bootId: BOOT });
    for (const text of ['', '0 1 x', `-1 345 ${BOOT}`, `12 345 ${BOOT} more`, `1e3 345 ${BOOT}`])
      expect(parseSupervisor(text)).toBeUndefined();
  });
});

describe('/proc', () => {
  it('shows an init by name, state and its id in the inner namespace', () => {
    const status = (name: string, state: string, ids: string) => `Name:\t${name}\nState:\t${state}\nNSpid:\t${ids}\n`;
    expect(isInit(status('systemd', 'S (sleeping)', '4711\t1'))).toBe(true);
    expect(isInit(status('systemd-nspawn', 'S (sleeping)', '4711\t1'))).toBe(false);
    expect(isInit(status('systemd', 'Z (zombie)', '4711\t1'))).toBe(false);
    expect(isInit(status('systemd', 'S (sleeping)', '1'))).toBe(false);
    expect(isInit(status('systemd', 'S (sleeping)', '4711\t7'))).toBe(false);
  });
});
