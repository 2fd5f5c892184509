// Only real processes have a /proc: these tests start some of their own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { isProcessAlive, isStillRunning, parseStat, processIdentity } from '../../../src/core/process.ts';

let parent: ChildProcess | undefined;
afterEach(() => {
  parent?.kill('SIGKILL');
  parent = undefined;
});

/** A process that ends at once beneath a parent that never asks how. */
async function startZombie(): Promise<number> {
  parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  if (parent.stdout === null) throw new Error('no standard output');
  const [line] = await once(parent.stdout, 'data');
  return Number(String(line));
}

describe('a process', () => {
  it('is known by its start and its boot', async () => {
    const own = await processIdentity(process.pid);
    expect(await isProcessAlive(own)).toBe(true);
    expect(await isProcessAlive({ ...own, startTicks: String(Number(own.startTicks) - 1) })).toBe(false);
    expect(await isProcessAlive({ ...own, bootId: '0a4c2f6e-0000-4000-8000-000000000000' })).toBe(false);
  });

  it('still runs when it had its number at that moment', async () => {
    expect(await isStillRunning(process.pid, Date.now())).toBe(true);
    expect(await isStillRunning(process.pid, Date.now() - 86_400_000)).toBe(false);
  });

  it('is dead from the moment it ends, whether or not its parent has noticed', async () => {
    const pid = await startZombie();
    const identity = await processIdentity(pid);
    expect(await isProcessAlive(identity)).toBe(true);
    await expect.poll(() => isProcessAlive(identity), { timeout: 10_000 }).toBe(false);
    expect(await isStillRunning(pid, Date.now())).toBe(false);
    // It is there all the same.
    expect(await processIdentity(pid)).toEqual(identity);
  });

  it('that was never there is dead, and has no identity', async () => {
    const own = await processIdentity(process.pid);
    // Beyond PID_MAX_LIMIT, 2^22 (proc_sys_kernel(5)).
    const pid = 2 ** 22 + 1;
    expect(await isProcessAlive({ ...own, pid })).toBe(false);
    expect(await isStillRunning(pid, Date.now())).toBe(false);
    await expect(processIdentity(pid)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('may have a name with brackets and spaces', () => {
    const fields = ['S', '77', ...Array.from({ length: 17 }, () => '0'), '4242', '0'];
    expect(parseStat(`12 (a) b) ${fields.join(' ')}`)).toEqual({ state: 'S', ppid: 77, startTicks: '4242' });
  });
});
