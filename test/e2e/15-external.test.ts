// External etcd on three machines of its own, two control planes, and two machines with NGINX that share the virtual IP.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustRun, quorate } from './support/cli.ts';
import { variant } from './support/variant.ts';

const FILE = resolve(import.meta.dirname, 'clusters/external.yaml');
const DEADLINE_MS = 600_000;
const on = (...args: readonly string[]) => mustRun([...args, '-f', FILE], { timeoutMs: DEADLINE_MS });
const inside = async (machine: string, command: string) =>
  (await mustRun(['machine', 'exec', '-f', FILE, machine, '--', 'sh', '-c', command])).stdout.trim();

beforeAll(async () => {
  await on('down', '--yes');
  await on('up', '--yes');
});
afterAll(() => on('down', '--yes'));

interface Status {
  readonly endpoint: { readonly vipHolders: readonly string[] };
  readonly quorum: { readonly voters: number; readonly up: number };
}

async function status(): Promise<Status> {
  return JSON.parse((await on('status', '-o', 'json')).stdout) as Status;
}

describe('a cluster with external etcd and load balancers of its own', () => {
  it('is healthy, and a second up finds nothing to do', async () => {
    expect((await quorate(['health', '--wait', '2m', '-f', FILE])).exitCode).toBe(0);
    expect((await on('up', '--yes')).stdout).toContain('nothing to do');
    expect(await status()).toMatchObject({ quorum: { voters: 3, up: 3 } });
  });

  it('keeps the key of etcd’s authority on etcd’s machines, and etcd off the control planes', async () => {
    expect(await inside('etcd1', 'ls /etc/kubernetes/pki/etcd/ca.key')).toContain('ca.key');
    expect(await inside('cp1', 'ls /etc/kubernetes/pki/etcd')).not.toContain('ca.key');
    expect(await inside('cp1', 'ls /etc/kubernetes/manifests')).not.toContain('etcd');
    expect(await inside('cp1', 'grep etcd-servers /etc/kubernetes/manifests/kube-apiserver.yaml')).toContain(
      'https://10.94.0.31:2379,https://10.94.0.32:2379,https://10.94.0.33:2379',
    );
    expect(await inside('etcd1', 'systemctl is-active etcd')).toBe('active');
    expect(await inside('lb1', 'command -v kubelet || echo none')).not.toContain('kubelet.service');
  });

  it('replaces an etcd machine that is dead for good', async () => {
    await on('machine', 'kill', 'etcd2', '--yes');
    await on('machine', 'replace', 'etcd2', '--yes');
    expect(await status()).toMatchObject({ quorum: { voters: 3, up: 3 } });
  });

  it('goes on without the load balancer that held the virtual IP', async () => {
    const [holder = ''] = (await status()).endpoint.vipHolders;
    expect(['lb1', 'lb2']).toContain(holder);
    await on('machine', 'kill', holder, '--yes');
    const answer = await mustRun(['-f', FILE, 'kubectl', 'get', '--raw', '/readyz', '--request-timeout=30s']);
    expect(answer.stdout).toContain('ok');
    await on('machine', 'start', holder);
  });
});

// Also shows that the file of a variant is the one that is read.
it('refuses to move its members onto the control planes', async () => {
  const file = await variant((document) => document.setIn(['spec', 'etcd', 'topology'], 'stacked'), FILE);
  const run = await quorate(['plan', '-f', file]);
  expect(run.exitCode).toBe(2);
  expect(run.stderr).toContain('machines of role etcd');
});
