// The host goes down hard and comes back: every machine is dead, what the kernel held is gone, pids are someone else's.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { CLUSTER, json, onCluster, quorate } from './support/cli.ts';
import { expectHealthy, useHealthyCluster } from './support/health.ts';
import { clustersOnHost } from './support/host-state.ts';
import { get, kubectl } from './support/kubectl.ts';
import { until } from './support/wait.ts';

const STATE = process.env.QUORATE_STATE_DIR ?? '/var/lib/quorate';
const RUNTIME = process.env.QUORATE_RUNTIME_DIR ?? '/run/quorate';
const MACHINES = join(STATE, 'clusters', CLUSTER, 'machines');

interface MachineList {
  readonly machines: readonly { readonly name: string; readonly state: string }[];
}

useHealthyCluster();

describe('after a crash of the host', () => {
  it('machine start brings the cluster back with its data', async () => {
    // A run that was ended may have left it.
    await kubectl(['delete', 'configmap', 'e2e-cold-start', '--ignore-not-found']);
    await kubectl(['create', 'configmap', 'e2e-cold-start', '--from-literal=written=before']);
    await crashHost();
    const list = await json<MachineList>('machine', 'list');
    expect(list.machines.map(({ state }) => state)).toEqual(Array(5).fill('stopped'));
    const status = await quorate(['status', '--cluster', CLUSTER]);
    expect(status.stdout).toContain('stopped');
    const start = Date.now();
    await onCluster('machine', 'start');
    await expectHealthy('4m');
    process.stdout.write(`five machines switched on to healthy: ${Date.now() - start} ms\n`);
    const { data } = await get<{ data: object }>('configmap', 'e2e-cold-start');
    expect(data).toEqual({ written: 'before' });
    await kubectl(['delete', 'configmap', 'e2e-cold-start']);
  });

  it('nothing has to be changed afterwards', async () => {
    expect(await onCluster('up', '--yes')).toContain('nothing to do');
  });
});

/** As a power cut and a reboot would: no process is asked, and nothing that lives in memory is left. */
async function crashHost(): Promise<void> {
  const files = (await readdir(MACHINES)).map((name) => join(MACHINES, name, 'supervisor'));
  const records = await Promise.all(files.map(async (file) => ({ file, text: await readFile(file, 'utf8') })));
  const supervisors = records.map(({ text }) => Number(text.split(' ')[0]));
  for (const pid of supervisors) process.kill(pid, 'SIGKILL');
  await until('the machines are dead', 20_000, async () => (supervisors.some(isAlive) ? undefined : true));
  await execa('ip', ['link', 'delete', `q-${CLUSTER}`]);
  await execa('nft', ['delete', 'table', 'ip', `quorate-q-${CLUSTER}`]);
  // The record names a process of another boot; by now its id is this test's.
  for (const { file } of records) await writeFile(file, `${process.pid} 1 00000000-0000-0000-0000-000000000000\n`);
  // Locks of other clusters on this host are not ours to lose.
  if ((await clustersOnHost()).length === 1) await rm(RUNTIME, { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
