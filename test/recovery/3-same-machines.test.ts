// A living cluster goes back to a backup on its own machines: what was written since is gone, what was there before the restore is kept aside,
// and a second restore of the same backup goes on above the first.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLUSTER, CLUSTER_FILE, CONTROL_PLANES, mustOnMachine, mustRun } from '../e2e/support/cli.ts';
import { useHealthyCluster } from '../e2e/support/health.ts';
import { kubectl } from '../e2e/support/kubectl.ts';

useHealthyCluster();

interface Restored {
  readonly restoredRevision: number;
  readonly bump: number;
}

async function restore(archive: string): Promise<Restored> {
  const { stdout } = await mustRun(['restore', archive, '--confirm', CLUSTER, '-o', 'json', '-f', CLUSTER_FILE], {
    timeoutMs: 900_000,
  });
  return JSON.parse(stdout) as Restored;
}

describe('a restore onto the same machines', () => {
  it('goes back, keeps what was there, and never goes back in revisions', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'quorate-archive-'));
    const saved = JSON.parse(
      (await mustRun(['etcd', 'snapshot', 'save', '--to', directory, '-o', 'json', '-f', CLUSTER_FILE])).stdout,
    ) as { path: string };
    await kubectl(['create', 'configmap', 'since-the-backup']);
    const first = await restore(saved.path);
    await expect(kubectl(['get', 'configmap', 'since-the-backup'])).rejects.toThrow(/not found/);
    for (const name of CONTROL_PLANES)
      expect(await mustOnMachine(name, 'ls -d /var/lib/etcd/before-restore-*/member')).toContain('before-restore-');
    const second = await restore(saved.path);
    expect(second.restoredRevision).toBeGreaterThan(first.restoredRevision);
    expect(second.bump % 1_000_000_000).toBe(0);
    for (const name of CONTROL_PLANES) await mustOnMachine(name, 'rm -rf /var/lib/etcd/before-restore-*');
  });
});
