// A control plane is dead for good, the one that holds the virtual IP; and a member that has lost its disk is never let back in as it is.
import { rm } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { CLUSTER, CLUSTER_FILE, json, mustRun, onCluster, quorate } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { get, type List } from './support/kubectl.ts';
import { underLoad } from './support/load.ts';

useHealthyCluster();
afterAll(() => mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 }));

interface Status {
  readonly endpoint: { readonly vipHolders: readonly string[] };
  readonly quorum: { readonly voters: number; readonly up: number };
  readonly etcd: readonly { readonly name: string; readonly id: string }[];
}

describe('the holder of the virtual IP, dead for good', () => {
  it('is replaced by one command: a new member under its name, the stale one gone', async () => {
    const before = await json<Status>('status');
    const [holder = ''] = before.endpoint.vipHolders;
    const stale = before.etcd.find(({ name }) => name === holder)?.id;
    await onCluster('machine', 'kill', holder, '--yes');
    // Its disk too: what power alone cannot bring back.
    await rm(`${process.env.QUORATE_STATE_DIR ?? '/var/lib/quorate'}/clusters/${CLUSTER}/machines/${holder}`, {
      recursive: true,
      force: true,
    });
    const refused = await quorate(['up', '--yes', '-f', CLUSTER_FILE]);
    expect(refused.exitCode).toBe(6);
    expect(refused.stderr).toContain('code: ETCD_MEMBER_LOST');
    expect(refused.stderr).toContain(`quorate machine replace ${holder}`);
    await underLoad('replace', async () => {
      await mustRun(['machine', 'replace', holder, '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 });
    });
    const after = await json<Status>('status');
    expect(after.quorum).toMatchObject({ voters: 3, up: 3 });
    expect(after.etcd.map(({ id }) => id)).not.toContain(stale);
    const nodes = await get<List<{ metadata: { name: string } }>>('nodes');
    expect(nodes.items.map(({ metadata }) => metadata.name)).toContain(holder);
  });
});

describe('reset', () => {
  it('takes a worker out and cleans it; the next up lets it join anew', async () => {
    await onCluster('reset', 'w2', '--yes');
    const nodes = await get<List<{ metadata: { name: string } }>>('nodes');
    expect(nodes.items.map(({ metadata }) => metadata.name)).not.toContain('w2');
    await mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 });
  });

  it('of two control planes at once is not to be had: the gate keeps the quorum', async () => {
    await onCluster('machine', 'kill', 'cp1', '--yes');
    const run = await quorate(['reset', 'cp2', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 300_000 });
    expect(run.exitCode).toBe(6);
    expect(run.stderr).toContain('code: ETCD_QUORUM_AT_RISK');
    await onCluster('machine', 'start', 'cp1');
    await mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 });
  });
});
