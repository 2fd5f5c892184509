// What can go wrong on a real host. Each ends with one error that names the next step, and leaves nothing half-made.
import { chmod, chown, cp, mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type CliOptions, type CliResult, quorate, ROOT } from './support/cli.ts';
import { expectError } from './support/errors.ts';
import { expectHealthy } from './support/health.ts';
import { clustersOnHost, kernelSettings, traces } from './support/host-state.ts';

const NAME = 'wrong';
const TEN_MISTAKES = resolve(ROOT, 'test/unit/spec/fixtures/invalid-ten-mistakes.yaml');

/** A worker is counted with 0.3 GiB (src/checks/host/resources.ts): as many as this host cannot hold. */
const TOO_MANY_WORKERS = Math.ceil(totalmem() / 1024 ** 3 / 0.3);
/** In the /24 of a cluster. */
const ROOM_FOR_WORKERS = 200;

let directory: string;
let settings: string;

beforeAll(async () => {
  await expectHealthy();
  directory = await mkdtemp(join(tmpdir(), 'quorate-e2e-'));
  settings = await kernelSettings();
});

afterEach(async () => {
  expect(await traces(NAME)).toEqual([]);
  expect(await clustersOnHost()).not.toContain(NAME);
  expect(await kernelSettings()).toBe(settings);
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await expectHealthy();
});

interface Wrong {
  readonly endpoint?: string;
  readonly networking?: object;
  readonly planes?: number;
  readonly workers?: number;
}

/** A cluster of its own: one file, YAML being a superset of JSON. */
async function clusterFile({
  endpoint = '10.97.0.10',
  networking = {},
  planes = 3,
  workers = 0,
}: Wrong): Promise<string> {
  const path = join(directory, 'cluster.yaml');
  const machines = Array.from({ length: planes }, (_, n) => ({ name: `cp${n + 1}`, role: 'control-plane', local: {} }));
  machines.push(...Array.from({ length: workers }, (_, n) => ({ name: `w${n + 1}`, role: 'worker', local: {} })));
  const spec = { kubernetesVersion: 'v1.36.3', controlPlaneEndpoint: `${endpoint}:6443`, networking, machines };
  const cluster = { apiVersion: 'quorate/v1alpha1', kind: 'Cluster', metadata: { name: NAME }, spec };
  await writeFile(path, JSON.stringify(cluster, null, 2));
  return path;
}

async function up(wrong: Wrong, options: CliOptions = {}): Promise<CliResult> {
  return quorate(['up', '--yes', '-f', await clusterFile(wrong)], options);
}

describe('the network', () => {
  it('a subnet of another cluster', async () => {
    expectError(await up({ endpoint: '10.89.0.200' }), 'NETWORK_CLASH', 3, /10\.89\.0\.0\/24/, /e2e/);
  });

  it('a subnet that a bridge of this host has, and a virtual IP that is taken', async () => {
    await execa('ip', ['link', 'add', 'e2e-other', 'type', 'bridge']);
    try {
      await execa('ip', ['address', 'add', '10.97.0.10/24', 'dev', 'e2e-other']);
      await execa('ip', ['link', 'set', 'e2e-other', 'up']);
      expectError(await up({}), 'NETWORK_CLASH', 3, /10\.97\.0\.0\/24/, /e2e-other/);
    } finally {
      await execa('ip', ['link', 'delete', 'e2e-other']);
    }
  });

  it('subnets that overlap', async () => {
    const networking = { podSubnet: '10.42.0.0/16', serviceSubnet: '10.42.128.0/17' };
    expectError(await up({ networking }), 'SPEC_INVALID', 2, /10\.42\.0\.0\/16/, /10\.42\.128\.0\/17/);
  });
});

describe('the cluster file', () => {
  it('ten mistakes are shown at once, each with its line', async () => {
    const result = await quorate(['up', '--yes', '-f', TEN_MISTAKES]);
    expectError(result, 'SPEC_INVALID', 2, /Demo_Cluster/, /10\.87\.0\.255/, /dnsdomain/, /7days/, /disk type/);
    const lines = new Set([...result.stderr.matchAll(/:(\d+):\d+/g)].map(([, line]) => line));
    expect(lines.size).toBeGreaterThanOrEqual(10);
  });

  it('an even number of control planes', async () => {
    expectError(await up({ planes: 2 }), 'SPEC_INVALID', 2, /\b2\b/, /\b3\b/);
  });
});

describe('this host', () => {
  it('not root', async () => {
    const under = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const home = await mkdtemp(join(tmpdir(), 'quorate-e2e-home-'));
    try {
      await chmod(directory, 0o755);
      await chown(home, 65_534, 65_534);
      expectError(await up({}, { under, env: { HOME: home } }), 'NOT_ROOT', 3, /root/, /sudo/);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });

  it('systemd-nspawn is not installed', async () => {
    const programs = join(directory, 'bin');
    await mkdir(programs);
    for (const name of await readdir('/usr/bin'))
      if (name !== 'systemd-nspawn') await symlink(join('/usr/bin', name), join(programs, name));
    const result = await up({}, { env: { PATH: `${programs}:/usr/sbin` } });
    expectError(result, 'HOST_TOOL_MISSING', 3, /systemd-nspawn/, /apt-get install.* systemd-container/);
  });

  it('too little disk', async () => {
    const small = join(directory, 'small');
    await mkdir(small);
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', small]);
    try {
      const result = await up({}, { env: { QUORATE_STATE_DIR: join(small, 'state') } });
      expectError(result, 'HOST_UNFIT', 3, /disk space/, /QUORATE_STATE_DIR/);
      expect(await readdir(join(small, 'state', 'clusters')).catch(() => [])).toEqual([]);
    } finally {
      await execa('umount', [small]);
    }
  });

  it.skipIf(TOO_MANY_WORKERS > ROOM_FOR_WORKERS)('too little memory', async () => {
    expectError(await up({ workers: TOO_MANY_WORKERS }), 'HOST_UNFIT', 3, /memory/);
  });
});

describe('the artifacts', () => {
  it('a file of the cache that has changed is named', async () => {
    const cache = join(directory, 'cache');
    const program = inject('kubectl').program;
    const copy = join(cache, 'artifacts/kubectl/v1.36.3');
    await cp(join(program, '..'), copy, { recursive: true, preserveTimestamps: true });
    const file = await open(join(copy, 'kubectl'), 'r+');
    await file.write('x', 1_000);
    await file.close();
    const result = await quorate(['artifacts', 'verify'], { env: { QUORATE_CACHE_DIR: cache } });
    expectError(result, 'ARTIFACT_CORRUPT', 10, /kubectl/, /quorate artifacts pull/);
  });

  it('no network and no Go', async () => {
    const cache = join(directory, 'empty');
    const script =
      'for d in /usr/local/go "$HOME/go" "$HOME/sdk"; do [ ! -d "$d" ] || mount -t tmpfs tmpfs "$d"; done; exec "$@"';
    const under = ['unshare', '--net', '--mount', 'sh', '-c', script, 'sh'];
    const env = { QUORATE_CACHE_DIR: cache, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
    const result = await quorate(['artifacts', 'pull'], { under, env });
    expectError(result, 'ARTIFACT_UNAVAILABLE', 10, /download/, /Go|go/, /--bundle/);
    expect((await readdir(join(cache, 'artifacts'))).filter((name) => !name.startsWith('.'))).toEqual([]);
  });
});
