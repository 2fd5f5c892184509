// A cluster on hosts that are reached over SSH: two local machines with nothing but an operating system and sshd.
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentContext } from '../../src/core/context.ts';
import { createLocalDriver } from '../../src/machines/local/driver.ts';
import type { MachineProvider } from '../../src/machines/machine.ts';
import { makeLab, startServer } from '../contract/ssh-subject.ts';
import { makeSpec } from '../helpers/spec.ts';
import { mustRun, quorate } from './support/cli.ts';

const DEADLINE_MS = 600_000;
const hosts = makeSpec({ name: 'e2e-hosts', prefix: '10.93.0', driver: 'local', controlPlanes: 1, workers: 1 });
const lab = makeLab();
const local = createLocalDriver();
const power = local.provider as MachineProvider;
const ctx = silentContext();
let directory = '';
let file = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-e2e-ssh-'));
  file = join(directory, 'cluster.yaml');
  await removeHosts();
  await power.prepareHost(ctx, hosts);
  for (const machine of hosts.machines) {
    await power.create(ctx, hosts, machine);
    await power.start(ctx, hosts, machine);
    await startServer(ctx, lab, local.machine(hosts, machine));
  }
  await writeFile(file, clusterFile({}));
});

afterAll(async () => {
  await removeHosts();
  rmSync(lab.directory, { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
  delete process.env.QUORATE_SSH_CONFIG;
});

async function removeHosts(): Promise<void> {
  await Promise.all(hosts.machines.map((machine) => power.destroy(ctx, hosts, machine)));
  await power.releaseHost(ctx, hosts);
}

/** The same machines as an owner of hosts writes them down. */
function clusterFile(labels: Readonly<Record<string, string>>): string {
  const machines = hosts.machines.map(({ name, role, address }) => ({
    name,
    role,
    ssh: { host: address, user: 'root', keyPath: lab.keyPath },
    ...(role === 'control-plane' ? { labels } : {}),
  }));
  return JSON.stringify({
    apiVersion: 'quorate/v1alpha1',
    kind: 'Cluster',
    metadata: { name: 'e2e-ssh' },
    spec: { kubernetesVersion: 'v1.36.3', controlPlaneEndpoint: '10.93.0.10:6443', machines },
  });
}

const onHosts = (...args: readonly string[]) => quorate([...args, '-f', file], { timeoutMs: DEADLINE_MS });
const inside = (name: string, ...argv: readonly string[]) =>
  local.machine(hosts, hosts.machines.find((machine) => machine.name === name) ?? expect.fail(name)).exec(ctx, argv);

describe('hosts over SSH', () => {
  it('become a healthy cluster with one command; a second one finds nothing to do', async () => {
    await mustRun(['up', '--yes', '-f', file], { timeoutMs: DEADLINE_MS });
    expect((await mustRun(['up', '--yes', '-f', file])).stdout).toContain('nothing to do');
    expect((await onHosts('health')).exitCode).toBe(0);
    const status = JSON.parse((await mustRun(['status', '-o', 'json', '-f', file])).stdout) as {
      quorum: { voters: number };
      machines: { name: string; node: string }[];
    };
    expect(status.quorum.voters).toBe(1);
    expect(status.machines.map(({ name }) => name)).toEqual(['cp1', 'w1']);
  });

  it('are changed as far as they answer: one that does not is named, and the exit code is its own', async () => {
    await inside('w1', 'systemctl', 'stop', 'ssh.service', 'ssh.socket');
    await inside('w1', 'pkill', '-x', 'sshd').catch(() => {});
    await writeFile(file, clusterFile({ rack: 'r7' }));
    const run = await onHosts('apply', '--yes');
    expect(run.exitCode, run.stderr).toBe(12);
    expect(run.stdout).toContain('w1 was left out');
    const node = await mustRun(['-f', file, 'kubectl', 'get', 'node', 'cp1', '-o', 'jsonpath={.metadata.labels.rack}']);
    expect(node.stdout).toBe('r7');
    await inside('w1', 'systemctl', 'start', 'ssh.service');
    expect((await onHosts('apply', '--yes')).exitCode).toBe(0);
  });

  it('keep an operator on another host away while one is at work', async () => {
    const holder = {
      id: 'somebody',
      who: 'eve@elsewhere',
      verb: 'up',
      process: { pid: 1, startTicks: '1', bootId: 'another-host' },
    };
    const lock = `somebody\n${JSON.stringify(holder)}\n`;
    await inside('cp1', 'sh', '-c', 'mkdir -p /run/quorate && printf %s "$1" > /run/quorate/operator.lock', 'sh', lock);
    await writeFile(file, clusterFile({ rack: 'r8' }));
    const run = await onHosts('apply', '--yes');
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toContain('eve@elsewhere is running quorate up');
    // It has had no heartbeat for longer than any operator that lives.
    await inside('cp1', 'touch', '-d', '2 minutes ago', '/run/quorate/operator.lock');
    expect((await onHosts('apply', '--yes')).exitCode).toBe(0);
  });

  it('are left as they were found by down', async () => {
    const down = await mustRun(['down', '--yes', '-f', file], { timeoutMs: DEADLINE_MS });
    expect(down.stdout).toContain('is gone: cp1, w1');
    for (const name of ['cp1', 'w1']) {
      const left = await inside(
        name,
        'sh',
        '-c',
        'ls -d /etc/kubernetes /etc/quorate /usr/local/bin/kubelet /var/lib/etcd/member /var/lib/kubelet/config.yaml 2>/dev/null; pgrep -l "kube|etcd|containerd|haproxy|keepalived"; nft list tables | grep -E "quorate|kube-proxy"; exit 0',
      );
      expect(left.stdout.trim()).toBe('');
    }
    expect(await readFile(file, 'utf8')).toContain('e2e-ssh');
  });
});
