// The CLI as it is shipped: bundled, in a process of its own.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'quorate-cli-'));
const bundle = join(dir, 'dist', 'quorate.js');
const env = { LANG: 'C.UTF-8', QUORATE_STATE_DIR: join(dir, 'state'), QUORATE_CACHE_DIR: join(dir, 'cache') };

/** Two of the same spelling are two mistakes: ten in all. */
const TEN_MISTAKES = `apiVersion: quorate/v1
kind: Klaster
metadata:
  name: My_Cluster
spec:
  kubernetesVersion: v1.2.3
  controlPlaneEndpoint: 10.87.0.300:6443
  networking:
    podSubnet: 10.42.0.0/33
    cni: calico
  failover: quick
  machines:
    - { name: cp1, role: master, local: {} }
    - { name: cp1, role: control-plane, address: 10.87.0.11, local: {} }
    - { name: w1, role: worker, adress: 10.87.0.21, local: {} }
`;

/** Hosts behind an ssh that is no more than its end: as the real one, it ends with 255 when the terminal's Ctrl-C reaches it. */
const SSH_HOSTS = `apiVersion: quorate/v1alpha1
kind: Cluster
metadata: { name: hosts }
spec:
  kubernetesVersion: v1.36.3
  controlPlaneEndpoint: 192.0.2.10:6443
  machines:
    - { name: cp1, role: control-plane, ssh: { host: 192.0.2.11 } }
`;
const FAKE_SSH = `#!/bin/bash
case "$*" in
  *journalctl*--follow*) trap 'exit 255' INT TERM; echo 'kubelet: one'; while :; do sleep 0.1; done ;;
  *journalctl*) printf 'kubelet: one\\nkubelet: two\\n' ;;
esac
`;

const quorate = (...argv: string[]) => execa('node', [bundle, ...argv], { reject: false, env, cwd: dir });

beforeAll(async () => {
  await execa('node', ['scripts/build.mjs', join(dir, 'dist')]);
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the bundled CLI', () => {
  it('tells its version', async () => {
    const { exitCode, stdout } = await quorate('version', '-o', 'json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'Version', node: process.version });
  });

  it('writes a cluster file that it then finds valid, and does not overwrite it', async () => {
    expect(await quorate('init', '--subnet', '10.99.0.0/24')).toMatchObject({ exitCode: 0 });
    expect((await quorate('validate')).stdout).toMatch(/^✓ cluster\.yaml is valid: cluster demo/);
    expect((await quorate('validate', '-f', 'cluster.yaml')).stdout).toContain('etcd quorum 2 of 3; 1 may fail');
    expect(await quorate('init')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('FILE_EXISTS') });
    expect(await quorate('init', '--force')).toMatchObject({ exitCode: 0 });
  });

  it('reports all of ten mistakes in a file at once', async () => {
    writeFileSync(join(dir, 'ten.yaml'), TEN_MISTAKES);
    const { exitCode, stdout, stderr } = await quorate('validate', 'ten.yaml');
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr.match(/^ {2}ten\.yaml:\d+:\d+: /gm)?.length).toBeGreaterThanOrEqual(10);
    await expect(stderr).toMatchFileSnapshot('../../golden/cli/ten-mistakes.txt');
  });

  it('gives the same mistakes as data with -o json', async () => {
    const { exitCode, stdout, stderr } = await quorate('validate', 'ten.yaml', '-o', 'json');
    expect([exitCode, stderr]).toEqual([2, '']);
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({ code: 'SPEC_INVALID', family: 'config', exitCode: 2 });
    expect(error.data.problems.length).toBeGreaterThanOrEqual(10);
  });

  it('ends quietly when its reader goes away', async () => {
    const child = spawn('sh', ['-c', 'node "$0" --help | head -1', bundle], { env: { ...process.env, ...env } });
    const stderr: string[] = [];
    child.stderr.on('data', (chunk) => stderr.push(String(chunk)));
    await new Promise((resolve) => child.once('close', resolve));
    expect(stderr.join('')).toBe('');
  });

  it('stops in order on Ctrl-C, with the exit code of an interrupted program', async () => {
    const running = execa('node', [bundle, 'doctor', '--debug'], { reject: false, env, cwd: dir });
    // The first command that it tells of: it is at work, and a measurement of the disk is still to come.
    running.stderr.once('data', () => running.kill('SIGINT'));
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('stopping ... (again to force)');
    expect(stderr).toContain('code: ABORTED (exit 130)');
  });

  it('shows the journal of a host over SSH, and follows it until Ctrl-C, which is no failure', async () => {
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'bin', 'ssh'), FAKE_SSH, { mode: 0o755 });
    writeFileSync(join(dir, 'hosts.yaml'), SSH_HOSTS);
    const onHosts = { ...env, PATH: `${join(dir, 'bin')}:${process.env.PATH}`, QUORATE_RUNTIME_DIR: join(dir, 'run') };
    const options = { reject: false, env: onHosts, cwd: dir } as const;
    const argv = [bundle, 'machine', 'logs', 'cp1', '-f', 'hosts.yaml'];
    expect(await execa('node', argv, options)).toMatchObject({ exitCode: 0, stdout: 'kubelet: one\nkubelet: two' });
    const running = execa('node', [...argv, '--follow'], { ...options, detached: true });
    // As a terminal does it: to the whole process group.
    running.stdout.once('data', () => process.kill(-(running.pid ?? 0), 'SIGINT'));
    expect(await running).toMatchObject({ exitCode: 130, stdout: 'kubelet: one', stderr: '' });
  });

  it('leaves the heavy parts alone until they are needed', async () => {
    const script = `const before = process.memoryUsage().rss; process.argv = ['node', 'quorate', 'version'];
      process.on('exit', () => { process.stderr.write(String(Math.round((process.memoryUsage().rss - before) / 1e6))); });
      await import(${JSON.stringify(bundle)});`;
    const { stderr } = await execa('node', ['--input-type=module', '-e', script], { env });
    expect(Number(stderr)).toBeLessThan(40);
  });
});
