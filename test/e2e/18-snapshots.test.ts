// Backups: made by a control plane, found, fetched, opened, refused when damaged, and restored beside the cluster to prove them.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { OpenArchive } from '../../src/backup/format.ts';
import { openArchive } from '../../src/backup/open.ts';
import { silentContext } from '../../src/core/context.ts';
import { type AgeKey, newAgeKey, sealArchive } from '../helpers/archive.ts';
import { CLUSTER, CLUSTER_FILE, json, mustOnMachine, mustRun, quorate } from './support/cli.ts';
import { fiftyDamages, repacked } from './support/damage.ts';
import { expectError } from './support/errors.ts';
import { useHealthyCluster } from './support/health.ts';
import { apply, kubectl } from './support/kubectl.ts';
import { variant } from './support/variant.ts';
import { until } from './support/wait.ts';

useHealthyCluster();

const SEED = 20_261_121;
const SECRET = 'e2e-rehearsal';
/** A restore with an API server on a busy host. */
const REHEARSAL_MS = 400_000;

let directory: string;
let state: string;
/** Path of the archive that `save` has made, on this host. */
let saved: string;
let key: AgeKey;
/** Keys of the cluster's archives, and one of the tests' own. */
let identityFile: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-e2e-snapshots-'));
  state = process.env.QUORATE_STATE_DIR ?? '/var/lib/quorate';
  await apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: SECRET, namespace: 'default' },
    stringData: { word: 'only-encrypted-at-rest' },
  });
});

afterAll(async () => {
  await kubectl(['delete', 'secret', SECRET, '--ignore-not-found']);
  await rm(directory, { recursive: true, force: true });
});

const program = (name: string, version: string) => join(inject('kubectl').program, '../../..', name, version, name);

describe('a backup', () => {
  it('is made now, by the control plane that is named, and copied here', async () => {
    const report = await json<{ machine: string; archive: string; path: string; sizeBytes: number }>(
      ...['etcd', 'snapshot', 'save', '--machine', 'cp2', '--to', directory],
    );
    expect(report.machine).toBe('cp2');
    expect((await readFile(report.path)).length).toBe(report.sizeBytes);
    saved = report.path;
    key = await newAgeKey();
    identityFile = join(directory, 'keys.txt');
    const own = await readFile(join(state, 'keys', `${CLUSTER}.agekey`), 'utf8');
    await writeFile(identityFile, `${own}\n${key.identity}\n`, { mode: 0o600 });
  });

  it('is listed with its machine, and described without a key', async () => {
    const { archives } = await json<{ archives: { name: string; places: string[] }[] }>('etcd', 'snapshot', 'list');
    expect(archives[0]?.places).toContain('cp2');
    expect(saved).toContain(archives[0]?.name ?? 'none');
    const status = await json<{ facts: { objects: Record<string, number> } }>('etcd', 'snapshot', 'status');
    expect(status.facts.objects.secrets).toBeGreaterThan(0);
  });

  it('is whole, fetched from the machine or given as a file', async () => {
    for (const which of ['latest', saved]) {
      const report = await json<{ ok: boolean; archives: { name: string }[] }>('etcd', 'snapshot', 'verify', which);
      expect(report.ok).toBe(true);
      expect(report.archives).toHaveLength(1);
    }
    expect(await readdir(join(state, 'work'))).toEqual([]);
  });

  it('of another cluster, or that does not exist, is refused', async () => {
    const file = await variant((document) => document.setIn(['metadata', 'name'], 'other'));
    const run = await quorate(['etcd', 'snapshot', 'verify', saved, '--identity', identityFile, '-f', file]);
    expect(run.exitCode).toBe(3);
    expect(run.stdout).toContain('WRONG_CLUSTER');
    const none = await quorate(['etcd', 'snapshot', 'fetch', `${CLUSTER}-19700101T000000Z-cp1`, '-f', CLUSTER_FILE]);
    expectError(none, 'ARCHIVE_NOT_FOUND', 3);
  });
});

describe('damage', () => {
  it('fifty times, each refused by its own error, nothing left behind', async () => {
    const etcdutl = program('etcdutl', 'v3.6.16');
    const work = join(directory, 'work');
    const ctx = silentContext();
    const identities = (await readFile(identityFile, 'utf8')).match(/^AGE-SECRET-KEY-1\S+/gm) ?? [];
    const expected = { cluster: CLUSTER, etcdVersion: '3.6.16' };
    const options = { identities, etcdutl, workDir: work, expected };
    const archive: OpenArchive = await openArchive(ctx, saved, options);
    try {
      const other = await newAgeKey();
      const good = { path: saved, archive, recipient: key.recipient, otherRecipient: other.recipient };
      const damages = await fiftyDamages(directory, good, SEED);
      expect(damages).toHaveLength(50);
      for (const { what, path, code } of damages) {
        const refused = await openArchive(ctx, path, options).then(
          () => 'opened',
          (error: { code?: string }) => error.code,
        );
        expect(refused, what).toBe(code);
      }
      expect(await readdir(work)).toHaveLength(1);
    } finally {
      await archive.close();
    }
  });
});

describe('a rehearsal', () => {
  const rehearse = (path: string) =>
    quorate(['etcd', 'snapshot', 'rehearse', path, '--identity', identityFile, '-f', CLUSTER_FILE, '-o', 'json'], {
      timeoutMs: REHEARSAL_MS,
    });

  interface Report {
    readonly outcome: string;
    readonly restoreMs: number;
    readonly recordedOn: readonly string[];
    readonly conditions: readonly { id: string; state: string; detail: string }[];
  }

  it('restores it beside the cluster: every check holds, Secrets are read, the control planes are told', async () => {
    const run = await rehearse('latest');
    const report = JSON.parse(run.stdout) as Report;
    expect(report.conditions.filter(({ state }) => state === 'failed')).toEqual([]);
    expect(report.conditions.find(({ id }) => id === 'secrets')?.state).toBe('ok');
    expect(report.conditions.find(({ id }) => id === 'content-hash')?.state).toBe('ok');
    expect([report.outcome, run.exitCode]).toEqual(['ok', 0]);
    expect(report.restoreMs).toBeGreaterThan(0);
    expect(report.recordedOn).toEqual(['cp1', 'cp2', 'cp3']);
    const told = JSON.parse(await mustOnMachine('cp1', 'cat /var/lib/quorate/backup/rehearsal.json')) as Report;
    expect(told.outcome).toBe('ok');
    expect(await readdir(join(state, 'work'))).toEqual([]);
  });

  it('of one whose keys are not those of its Secrets, and whose content is another, fails', async () => {
    const identities = (await readFile(identityFile, 'utf8')).match(/^AGE-SECRET-KEY-1\S+/gm) ?? [];
    const work = join(directory, 'work');
    const archive = await openArchive(silentContext(), saved, {
      identities,
      etcdutl: program('etcdutl', 'v3.6.16'),
      workDir: work,
    });
    const path = 'etc/kubernetes/enc/enc.yaml';
    const keys = Buffer.from(archive.files.get(path) ?? '').toString();
    const otherKeys = keys.replace(/secret: \S+/g, `secret: ${Buffer.alloc(32, 7).toString('base64')}`);
    expect(otherKeys).not.toBe(keys);
    const made = await repacked(archive, { contentHash: 'a'.repeat(64) }, { [path]: otherKeys });
    await archive.close();
    const run = await rehearse(await sealArchive(directory, made, key.recipient, { name: 'other-content' }));
    const { conditions, outcome } = JSON.parse(run.stdout) as Report;
    const failed = conditions.filter((condition) => condition.state === 'failed').map(({ id }) => id);
    expect(failed).toContain('content-hash');
    expect(failed.some((id) => id === 'secrets' || id === 'api-server')).toBe(true);
    expect([outcome, run.exitCode]).toEqual(['failed', 8]);
  });

  it('of an empty, a truncated and a changed file fails loudly, and is told', async () => {
    const bytes = await readFile(saved);
    const bad = join(directory, 'bad.tar.age');
    const attempts: [string, () => Promise<void>][] = [
      ['empty', () => writeFile(bad, '')],
      ['cut off', () => writeFile(bad, bytes).then(() => truncate(bad, bytes.length - 1000))],
      [
        'changed',
        () =>
          writeFile(
            bad,
            bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte)),
          ),
      ],
    ];
    for (const [what, make] of attempts) {
      await make();
      const run = await quorate(
        ['etcd', 'snapshot', 'rehearse', bad, '--identity', identityFile, '-f', CLUSTER_FILE],
        {},
      );
      expectError(run, 'ARCHIVE_DAMAGED', 10);
      const told = JSON.parse(await mustOnMachine('cp1', 'cat /var/lib/quorate/backup/rehearsal.json')) as {
        outcome: string;
      };
      expect(told.outcome, what).toBe('failed');
    }
  });

  it('that is killed leaves no program running, and the next one removes its directory', async () => {
    const args = ['etcd', 'snapshot', 'rehearse', saved, '--identity', identityFile, '-f', CLUSTER_FILE];
    const { start } = await import('./support/cli.ts');
    const run = start(args);
    const left = async () => (await readdir(join(state, 'work'))).filter((name) => name.startsWith('rehearsal.'));
    const [name = ''] = await until('etcd of the rehearsal runs', 120_000, async () => {
      const names = await left();
      const files = names[0] === undefined ? [] : await readdir(join(state, 'work', names[0], 'run')).catch(() => []);
      return files.includes('etcd.process') ? names : undefined;
    });
    const [, line = ''] = (await readFile(join(state, 'work', name, 'run', 'etcd.process'), 'utf8')).split('\n');
    run.kill('SIGKILL');
    await run;
    await until('its etcd is gone', 10_000, async () =>
      readFile(`/proc/${Number.parseInt(line, 10)}/cmdline`, 'utf8').then(
        (text) => (text.includes('rehearsal') ? undefined : true),
        () => true as const,
      ),
    );
    expect(await left()).toEqual([name]);
    expect((await rehearse(saved)).exitCode).toBe(0);
    expect(await left()).toEqual([]);
  });
});

describe('a bucket', () => {
  const credentials = { ROOT_ACCESS_KEY: 'e2e-access', ROOT_SECRET_KEY: 'e2e-secret-word' };

  it('alone is enough: listed, fetched and pruned with no machine of the cluster', async () => {
    const port = await freePort();
    const root = join(directory, 's3');
    await mkdir(join(root, 'backups', 'e2e'), { recursive: true });
    const server = execa(
      program('versitygw', 'v1.8.0'),
      ['--port', `127.0.0.1:${port}`, '--region', 'us-east-1', 'posix', root],
      { env: credentials, reject: false },
    );
    try {
      const credentialsFile = join(directory, 'credentials');
      await writeFile(
        credentialsFile,
        `[default]\naws_access_key_id = ${credentials.ROOT_ACCESS_KEY}\naws_secret_access_key = ${credentials.ROOT_SECRET_KEY}\n`,
      );
      await chmod(credentialsFile, 0o600);
      const endpoint = `http://127.0.0.1:${port}`;
      const s3 = { endpoint, bucket: 'backups', prefix: 'e2e', region: 'us-east-1', credentialsFile };
      // The same cluster by name, at addresses where nothing answers.
      const file = await variant((document) => {
        document.setIn(['spec', 'etcd'], document.createNode({ snapshots: { s3 } }));
        document.setIn(['spec', 'controlPlaneEndpoint'], '10.66.0.9:6443');
        const ssh = { host: '127.0.0.1', port: 1 };
        const machine = { name: 'cp1', role: 'control-plane', address: '10.66.0.2', ssh };
        document.setIn(['spec', 'machines'], document.createNode([machine]));
      });
      const older = await olderCopy();
      for (const path of [saved, older]) await upload(s3, path);
      const { archives, problems } = JSON.parse(
        (await mustRun(['etcd', 'snapshot', 'list', '-f', file, '-o', 'json'])).stdout,
      ) as { archives: { places: string[] }[]; problems: { place: string }[] };
      expect(archives.map(({ places }) => places)).toEqual([['s3'], ['s3']]);
      expect(problems.map(({ place }) => place)).toEqual(['cp1']);
      const to = join(directory, 'fetched');
      await mustRun(['etcd', 'snapshot', 'fetch', 'latest', '--to', to, '-f', file]);
      const [name = ''] = (await readdir(to)).filter((entry) => entry.endsWith('.tar.age'));
      expect((await readFile(join(to, name))).equals(await readFile(saved))).toBe(true);
      // 12: the machine could not be asked.
      const pruned = await quorate(['etcd', 'snapshot', 'prune', '--keep', '1', '--yes', '-f', file]);
      expect(pruned.exitCode, pruned.stderr).toBe(12);
      expect((await readdir(join(root, 'backups', 'e2e'))).filter((entry) => entry.endsWith('.age'))).toEqual([name]);
    } finally {
      server.kill('SIGKILL');
      await server;
    }
  });

  /** A backup that is a year older, by its label. */
  async function olderCopy(): Promise<string> {
    const name = saved.split('/').at(-1) ?? '';
    const older = name.replace(/-\d{8}T/, '-20250101T');
    const label = JSON.parse(await readFile(saved.replace('.tar.age', '.json'), 'utf8')) as object;
    const path = join(directory, older);
    await writeFile(path, await readFile(saved));
    await writeFile(
      path.replace('.tar.age', '.json'),
      JSON.stringify({ ...label, archive: older, takenAt: '2025-01-01T00:00:00Z' }),
    );
    return path;
  }

  async function upload(
    s3: { endpoint: string; bucket: string; prefix: string; credentialsFile: string },
    path: string,
  ): Promise<void> {
    const env = {
      RCLONE_CONFIG: '/dev/null',
      RCLONE_S3_PROVIDER: 'Other',
      RCLONE_S3_ENDPOINT: s3.endpoint,
      RCLONE_S3_ENV_AUTH: 'true',
      // As on control planes: it does not try to make the bucket.
      RCLONE_S3_NO_CHECK_BUCKET: 'true',
      AWS_SHARED_CREDENTIALS_FILE: s3.credentialsFile,
      AWS_CA_BUNDLE: '',
    };
    for (const file of [path, path.replace('.tar.age', '.json')]) {
      const to = `:s3:${s3.bucket}/${s3.prefix}/${file.split('/').at(-1)}`;
      await until('the bucket takes a file', 30_000, async () => {
        const { exitCode } = await execa('rclone', ['copyto', file, to], { env, reject: false });
        return exitCode === 0 ? true : undefined;
      });
    }
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
