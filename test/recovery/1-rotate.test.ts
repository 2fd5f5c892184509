// Authorities and keys are replaced while a client reads and writes through the virtual IP.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import {
  CLUSTER_FILE,
  CONTROL_PLANES,
  json,
  mustOnMachine,
  mustRun,
  onCluster,
  quorate,
  start,
} from '../e2e/support/cli.ts';
import { expectError } from '../e2e/support/errors.ts';
import { useHealthyCluster } from '../e2e/support/health.ts';
import { kubectl } from '../e2e/support/kubectl.ts';
import { underLoad } from '../e2e/support/load.ts';

useHealthyCluster();

const DEADLINE_MS = 900_000;
const SHARED =
  'cat /etc/kubernetes/pki/ca.* /etc/kubernetes/pki/etcd/ca.* /etc/kubernetes/pki/front-proxy-ca.* | sha256sum';

interface Rotation {
  readonly stages: readonly { readonly stage: string }[];
  readonly state?: string;
}

async function rotate(...args: readonly string[]): Promise<Rotation> {
  const argv = ['certs', ...args, '--yes', '-f', CLUSTER_FILE, '-o', 'json'];
  return JSON.parse((await mustRun(argv, { timeoutMs: DEADLINE_MS })).stdout) as Rotation;
}

const stagesOf = ({ stages }: Rotation) => stages.map(({ stage }) => stage);
const authorities = () => Promise.all(CONTROL_PLANES.map((name) => mustOnMachine(name, SHARED)));

/** The kubeconfig that was in use before anything was replaced. */
let former = '';

/** What people do when they are told to: everyone who uses the shared kubeconfig gets a new one. */
async function handOut(): Promise<string> {
  const text = await onCluster('kubeconfig');
  await writeFile(inject('kubectl').kubeconfig, text, { mode: 0o600 });
  return text;
}

describe('the certificate authorities', () => {
  it('come back byte for byte from the first stage', async () => {
    const before = await authorities();
    expect(stagesOf(await rotate('rotate-ca', '--until', 'trust'))).toEqual(['trust']);
    expect(await authorities()).not.toEqual(before);
    expect(stagesOf(await rotate('rotate-ca', '--rollback'))).toEqual(['restore']);
    expect(await authorities()).toEqual(before);
    expect((await mustRun(['up', '--yes', '-f', CLUSTER_FILE])).stdout).toContain('nothing to do');
  });

  it('are all three replaced, stage after stage, one of them killed in the middle: no request fails twice', async () => {
    const before = await authorities();
    former = await readFile(inject('kubectl').kubeconfig, 'utf8');
    const report = await underLoad('rotate-ca', async ({ use }) => {
      await endInPhase('Change the control plane, one machine at a time');
      await rotate('rotate-ca', '--until', 'trust');
      use(await handOut());
      await rotate('rotate-ca', '--until', 'reissue');
      use(await handOut());
      expect((await rotate('rotate-ca')).state).toBeUndefined();
    });
    const failures = Object.values(report.series).reduce((sum, series) => sum + series.failures, 0);
    expect(failures).toBe(0);
    const after = await authorities();
    expect(new Set(after).size).toBe(1);
    expect(after[0]).not.toBe(before[0]);
    expect(await mustOnMachine('cp1', 'ls /etc/kubernetes/pki')).not.toContain('rotation');
    expect((await mustRun(['up', '--yes', '-f', CLUSTER_FILE])).stdout).toContain('nothing to do');
    const late = await quorate(['certs', 'rotate-ca', '--rollback', '--yes', '-f', CLUSTER_FILE]);
    expectError(late, 'ROTATION_REFUSED', 3);
  });

  it('refuse kubeconfigs of before, and serve those of now', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'quorate-former-')), 'kubeconfig');
    await writeFile(path, former, { mode: 0o600 });
    await expect(kubectl([`--kubeconfig=${path}`, 'get', 'nodes'])).rejects.toThrow();
    expect(await kubectl(['get', 'nodes'])).toContain('cp1');
  });
});

describe('the encryption key', () => {
  it('is replaced, and nothing in etcd is encrypted with the old one', async () => {
    const raw = () =>
      mustOnMachine(
        'cp1',
        `etcdctl get --prefix /registry/secrets/ -w fields | grep '^"Value"' | grep -o '^"Value" : "k8s:enc:[^:]*:[^:]*:[^:]*:' | sort -u`,
      );
    const before = await raw();
    expect(stagesOf(await rotate('rotate-encryption-key'))).toEqual(['read', 'write', 'finish']);
    const after = await raw();
    expect(after.trim().split('\n')).toHaveLength(1);
    expect(after).not.toBe(before);
  });
});

describe('the key of service accounts', () => {
  it('is replaced: a token of before is taken, a new one names another key', async () => {
    const before = await token();
    expect(stagesOf(await rotate('rotate-sa-key'))).toEqual(['verify', 'sign']);
    const after = await token();
    expect(kidOf(after)).not.toBe(kidOf(before));
    for (const one of [before, after]) expect(await whoAmI(one)).toContain('system:serviceaccount:default:default');
    const early = await quorate(['certs', 'rotate-sa-key', '--finish', '--yes', '-f', CLUSTER_FILE]);
    expectError(early, 'ROTATION_REFUSED', 3, /tokens of the old key/);
    expect(
      (await mustRun(['certs', 'rotate-sa-key', '--finish', '--min-age', '1s', '--yes', '-f', CLUSTER_FILE])).exitCode,
    ).toBe(0);
    await expect(whoAmI(before)).rejects.toThrow();
    expect(await json('status')).toBeDefined();
  });
});

const token = async () => (await kubectl(['create', 'token', 'default'])).trim();
const kidOf = (text: string) =>
  (JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;

/** Whom the API takes the holder of a token for. */
async function whoAmI(text: string): Promise<string> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: text.trim() } };
  const said = await kubectl(['create', '-f', '-', '-o', 'json'], { input: JSON.stringify(review) });
  const { status } = JSON.parse(said) as { status: { user?: { username?: string } } };
  if (status.user?.username === undefined) throw new Error('not authenticated');
  return status.user.username;
}

/** Starts the first stage and kills it shortly after a phase has begun. */
async function endInPhase(title: string): Promise<void> {
  const run = start(['certs', 'rotate-ca', '--until', 'trust', '--yes', '-f', CLUSTER_FILE, '-o', 'plain']);
  let isSent = false;
  let said = '';
  run.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (isSent || !said.includes(`${title}: `)) return;
    isSent = true;
    void sleep(5_000).then(() => run.kill('SIGKILL'));
  });
  const { signal, all } = await run;
  expect(signal, all).toBe('SIGKILL');
}
