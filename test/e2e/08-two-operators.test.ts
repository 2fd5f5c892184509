// Two people at once: the second is told who is at work; what a dead one held is taken over.
import { access, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CLUSTER, CLUSTER_FILE, mustRun, quorate, start } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { until } from './support/wait.ts';

useHealthyCluster();

const LOCK = `${process.env.QUORATE_RUNTIME_DIR ?? '/run/quorate'}/locks/${CLUSTER}.lock`;

describe('a second up while one is at work', () => {
  it('ends with LOCKED and names the other; when that one is killed, the next run takes over', async () => {
    const first = start(['up', '--yes', '-f', CLUSTER_FILE]);
    try {
      // Frozen in the middle, so that nothing here depends on how fast it is.
      await until('the first one holds the lock', 20_000, () => access(LOCK).then(() => true as const));
      first.kill('SIGSTOP');
      const second = await quorate(['up', '--yes', '-f', CLUSTER_FILE]);
      expect(second.exitCode).toBe(3);
      expect(second.stderr).toContain('code: LOCKED');
      expect(second.stderr).toContain(`process ${first.pid}`);
      expect(second.stderr).toContain('hint:');
      expect((await quorate(['down', '--yes', '-f', CLUSTER_FILE])).exitCode).toBe(3);
    } finally {
      first.kill('SIGKILL');
      await first;
    }
    expect(JSON.parse(await readFile(LOCK, 'utf8'))).toMatchObject({ pid: first.pid });
    expect((await mustRun(['up', '--yes', '-f', CLUSTER_FILE])).stdout).toContain('nothing to do');
    await expect(access(LOCK)).rejects.toThrow();
  });

  it('does not keep anybody from looking', async () => {
    const first = start(['up', '--yes', '-f', CLUSTER_FILE]);
    try {
      await until('the first one holds the lock', 20_000, () => access(LOCK).then(() => true as const));
      first.kill('SIGSTOP');
      expect((await quorate(['status', '-f', CLUSTER_FILE])).exitCode).toBe(0);
    } finally {
      first.kill('SIGCONT');
      await first;
    }
  });
});
