// The script that makes backups, run here on directories of its own with stand-ins for etcd's programs and rclone; age and jq are real.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveLabel, archiveMeta } from '../../../src/backup/format.ts';
import { backupFiles } from '../../../src/manifests/backup.ts';
import { BACKUP_SCRIPT } from '../../../src/manifests/backup-script.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { fileOf, machineOf } from './helpers.ts';

const tools = ['age', 'jq', 'flock', 'tar', 'awk'];
const missing = tools.filter((name) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status !== 0);
const LONG = { timeout: 120_000 };

let dir: string;
let directory: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-backup-'));
  directory = join(dir, 'backups');
});
afterEach(() => {
  spawnSync('umount', ['-q', directory]);
  rmSync(dir, { recursive: true, force: true });
});

/** As etcdctl -w fields prints two keys of the API, one with a lease, and one of no resource. */
const KEYS = [
  { key: '/registry/apiregistration.k8s.io/apiservices/v1.', mod: 7, version: 1, lease: 0 },
  { key: '/registry/events/default/a', mod: 9, version: 1, lease: 77 },
  { key: '/registry/pods/default/a \\"b\\"\\t', mod: 8, version: 3, lease: 0 },
  { key: '/registry/pods/default/b', mod: 10, version: 1, lease: 0 },
  { key: 'compact_rev_key', mod: 3, version: 2, lease: 0 },
];
const FIELDS = [
  '"ClusterID" : 1\n"Revision" : 12',
  ...KEYS.map(
    ({ key, mod, version, lease }) =>
      `"Key" : "${key}"\n"CreateRevision" : 2\n"ModRevision" : ${mod}\n"Version" : ${version}\n"Value" : ""\n"Lease" : ${lease}`,
  ),
  `"More" : false\n"Count" : ${KEYS.length}\n`,
].join('\n');

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
  chmodSync(join(dir, path), mode);
}

/** `save` replaces what etcdctl snapshot save does; `database` is its size in bytes. */
interface World {
  readonly save?: string;
  readonly database?: number;
  readonly bucket?: boolean;
}

function setUp({ save = 'printf snapshot > "$3"', database = 1000, bucket = false }: World = {}): void {
  const base = makeSpec({ driver: 'local', workers: 0 });
  const s3 = { endpoint: 'https://s3.example.com', bucket: 'b', prefix: 'p', region: 'r', credentialsFile: 'c' };
  const snapshots = { ...base.etcd.snapshots, directory, ...(bucket ? { s3 } : {}) };
  const spec = { ...base, etcd: { ...base.etcd, snapshots } };
  const files = backupFiles(spec, machineOf(spec, 'cp1'));
  put('etc/quorate/cluster.yaml', fileOf(files, '/etc/quorate/cluster.yaml'));
  put('etc/quorate/backup/config', fileOf(files, '/etc/quorate/backup/config'));
  const identity = execFileSync('age-keygen', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  put('identity', identity, 0o600);
  put('etc/quorate/backup/recipients', `${/age1\w+/.exec(identity)?.[0]}\n`);
  const shared = /^shared_files='(.*)'$/m.exec(fileOf(files, '/etc/quorate/backup/config'))?.[1]?.split(' ') ?? [];
  for (const name of shared) put(name, `content of ${name}\n`, 0o600);
  put('etc/kubernetes/manifests/etcd.yaml', 'etcd\n');
  put('etc/kubernetes/kube-apiserver/audit-policy.yaml', 'audit\n');
  put('fields', FIELDS);
  const status = `[{"Status":{"version":"3.6.16","dbSize":${database},"isLearner":false}}]`;
  put(
    'bin/etcdctl',
    `#!/bin/sh\ncase "$1 $2" in\n'endpoint status') echo '${status}' ;;\n'snapshot save') ${save} ;;\n'endpoint hashkv') echo '[{"HashKV":{"hash":4294967295,"compact_revision":5}}]' ;;\nget*) cat ${dir}/fields ;;\nesac\n`,
    0o755,
  );
  put('bin/etcdutl', '#!/bin/sh\necho \'{"revision":12,"totalKey":5}\'\n', 0o755);
  // Remote s3:b/p is a directory; copyto, copy, lsf and deletefile are all that is used.
  put(
    'bin/rclone',
    `#!/bin/sh
here() { printf '%s\\n' "$1" | sed 's,^s3:,${dir}/s3/,'; }
[ -n "$AWS_SHARED_CREDENTIALS_FILE" ] || exit 9
shift 8
case $1 in
  copyto) mkdir -p "$(dirname "$(here "$3")")"; cp "$(here "$2")" "$(here "$3")" ;;
  copy) cp "$(here "$2")"/*.json "$3" 2>/dev/null || true ;;
  lsf) cd "$(here "$2")" && find . -name '*.tar.age' -printf '%s %f\\n' ;;
  deletefile) rm "$(here "$2")" ;;
  *) echo "unknown: $*" >&2; exit 9 ;;
esac
`,
    0o755,
  );
  const text = BACKUP_SCRIPT.replaceAll('/etc/quorate', `${dir}/etc/quorate`)
    .replaceAll('/var/lib/quorate/backup\n', `${dir}/state\n`)
    .replaceAll('/run/quorate-backup', `${dir}/stage`)
    .replaceAll('/var/lib/prometheus/node-exporter', `${dir}/metrics`)
    .replace('\nroot=/\n', `\nroot=${dir}/\n`);
  put('backup', text, 0o755);
}

const env = (extra: NodeJS.ProcessEnv = {}) => ({ PATH: `${dir}/bin:${process.env.PATH}`, ...extra });

function backup(verb: string, extra: NodeJS.ProcessEnv = {}) {
  return spawnSync('sh', [join(dir, 'backup'), verb], { encoding: 'utf8', env: env(extra) });
}

function state(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(dir, 'state/state.json'), 'utf8')) as Record<string, unknown>;
}

const names = (path = directory) => readdirSync(path).sort();
const metrics = () => readFileSync(join(dir, 'metrics/quorate_backup.prom'), 'utf8');

/** An archive of another moment, with or without its label. */
function older(path: string, takenAt: string, machine = 'cp1', label: object | false = {}): string {
  const name = `demo-${takenAt.replace(/[-:]/g, '')}-${machine}`;
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, `${name}.tar.age`), 'sealed');
  if (label) {
    const text = JSON.stringify({ cluster: 'demo', takenAt, sizeBytes: 6, ...label });
    writeFileSync(join(path, `${name}.json`), text);
  }
  return name;
}

it('is valid shell', () => {
  expect(spawnSync('sh', ['-n'], { input: BACKUP_SCRIPT, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

describe.skipIf(missing.length > 0)(`a backup (needs ${tools.join(', ')})`, LONG, () => {
  it('holds everything in its order, sealed, with a label that says what can be known without opening it', () => {
    setUp();
    put('etc/quorate/backup/identity.age', 'locked\n', 0o600);
    expect(backup('run')).toMatchObject({ status: 0 });
    const [labelName = '', archiveName = ''] = names();
    expect(names()).toHaveLength(2);
    expect(archiveName).toMatch(/^demo-\d{8}T\d{6}Z-cp1\.tar\.age$/);
    expect(statSync(join(directory, archiveName)).mode & 0o777).toBe(0o600);
    const label = archiveLabel.parse(JSON.parse(readFileSync(join(directory, labelName), 'utf8')));
    const sealed = readFileSync(join(directory, archiveName));
    const lines = KEYS.filter(({ lease }) => lease === 0).map(
      ({ key, mod, version }) => `${key}\t${mod}\t${version}\n`,
    );
    expect(label).toMatchObject({
      cluster: 'demo',
      machine: 'cp1',
      archive: archiveName,
      sizeBytes: sealed.length,
      sha256: createHash('sha256').update(sealed).digest('hex'),
      revision: 12,
      snapshotBytes: 8,
      etcdVersion: '3.6.16',
      kubernetesVersion: 'v1.36.3',
      contentHash: createHash('sha256').update(lines.join('')).digest('hex'),
      keys: 4,
      objects: { 'apiregistration.k8s.io/apiservices': 1, pods: 2 },
      hashKV: { hash: '4294967295', compactRevision: '5' },
      recipients: [readFileSync(join(dir, 'etc/quorate/backup/recipients'), 'utf8').trim()],
      lockedIdentity: 'locked\n',
    });
    const tar = execFileSync('age', ['-d', '-i', join(dir, 'identity'), join(directory, archiveName)]);
    const entries = execFileSync('tar', ['tf', '-'], { input: tar, encoding: 'utf8' }).trim().split('\n');
    expect([entries.slice(0, 3), entries.slice(-4)]).toEqual([
      ['meta.json', 'cluster.yaml', 'etc/kubernetes/pki/ca.crt'],
      [
        'etc/kubernetes/enc/enc.yaml',
        'etc/kubernetes/manifests/etcd.yaml',
        'etc/kubernetes/kube-apiserver/audit-policy.yaml',
        'snapshot.db',
      ],
    ]);
    const contentOf = (name: string) => execFileSync('tar', ['xOf', '-', name], { input: tar });
    const { files, ...facts } = archiveMeta.parse(JSON.parse(contentOf('meta.json').toString()));
    expect(label).toMatchObject(facts);
    expect(Object.keys(files).sort()).toEqual(entries.slice(1).sort());
    for (const name of entries.slice(1))
      expect(files[name]).toBe(createHash('sha256').update(contentOf(name)).digest('hex'));
  });

  it('leaves its state and metrics, and nothing else', () => {
    setUp();
    backup('run');
    expect(state()).toMatchObject({ outcome: 'ok', archive: names()[1], sizeBytes: expect.any(Number) });
    expect(state().error).toBeUndefined();
    expect(metrics()).toMatch(
      /^# TYPE quorate_backup_last_success_timestamp_seconds gauge\nquorate_backup_\w+ \d{10}$/m,
    );
    expect(metrics()).toContain('quorate_backup_last_attempt_success 1\n');
    expect(statSync(join(dir, 'metrics/quorate_backup.prom')).mode & 0o777).toBe(0o644);
    expect(existsSync(join(dir, 'stage'))).toBe(false);
  });

  it.each<[string, RegExp, () => void]>([
    ['without recipients', /recipients is missing or names nobody/, () => put('etc/quorate/backup/recipients', '')],
    [
      'without a key of the cluster',
      /\/etc\/kubernetes\/pki\/sa.key is missing/,
      () => rmSync(join(dir, 'etc/kubernetes/pki/sa.key')),
    ],
    ['where a file is in the place of its directory', /backups/, () => writeFileSync(directory, '')],
    ['with half a list of keys', /not complete/, () => put('fields', FIELDS.replace('"Count" : 5', '"Count" : 6'))],
    [
      'without etcd',
      /no member of etcd answers .*: refused$/,
      () => put('bin/etcdctl', '#!/bin/sh\necho refused >&2; exit 1\n', 0o755),
    ],
    [
      'when etcd breaks off',
      /^the keys of revision 12 cannot be read: Error: broke off$/,
      () =>
        put(
          'bin/etcdctl',
          readFileSync(join(dir, 'bin/etcdctl'), 'utf8').replace(
            'get*) cat',
            "get*) echo 'Error: broke off' >&2; false; exit 1; cat",
          ),
          0o755,
        ),
    ],
  ])('%s fails, says why, and leaves no piece', (_what, why, spoil) => {
    setUp();
    spoil();
    expect(backup('run').status).not.toBe(0);
    expect(state()).toMatchObject({ outcome: 'failed', error: expect.stringMatching(why) });
    expect(metrics()).toContain('quorate_backup_last_attempt_success 0\n');
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) expect(names()).toEqual([]);
  });

  it('keeps the word of its last success when the next attempt fails', () => {
    setUp();
    backup('run');
    const { lastSuccess, archive } = state();
    put('etc/quorate/backup/recipients', '');
    backup('run');
    expect(state()).toMatchObject({ outcome: 'failed', lastSuccess, archive });
  });

  it('that is killed is recorded as failed, and the next one clears its pieces away', async () => {
    setUp({ save: `printf half > "$3"; touch ${dir}/begun; sleep 60` });
    const child = spawn('sh', [join(dir, 'backup'), 'run'], { env: env(), detached: true, stdio: 'ignore' });
    while (!existsSync(join(dir, 'begun'))) await delay(50);
    expect(state().outcome).toBe('running');
    // As systemd does it: every process of the unit.
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
    expect(names()).toEqual(['.quorate-backup-cp1']);
    backup('record', { SERVICE_RESULT: 'signal', EXIT_STATUS: 'KILL' });
    expect(state()).toMatchObject({ outcome: 'failed', error: 'was killed (KILL)' });
    expect(names()).toEqual([]);
    setUp();
    mkdirSync(join(directory, '.quorate-backup-cp1'));
    const orphan = older(directory, '2026-11-20T00:00:00Z', 'cp1', false);
    expect(backup('run')).toMatchObject({ status: 0 });
    expect(names()).not.toContain(`${orphan}.tar.age`);
    expect(names()).toHaveLength(2);
  });

  it('that was killed before it could say that it began is recorded as well', () => {
    setUp();
    backup('record', { SERVICE_RESULT: 'signal', EXIT_STATUS: 'KILL' });
    expect(state()).toMatchObject({ outcome: 'failed', lastAttempt: expect.any(String), error: 'was killed (KILL)' });
  });

  it('that succeeded is not recorded otherwise by ExecStopPost', () => {
    setUp();
    backup('run');
    backup('record', { SERVICE_RESULT: 'success' });
    expect(state().outcome).toBe('ok');
    backup('record', { SERVICE_RESULT: 'exit-code', EXIT_STATUS: '1' });
    expect(state().outcome).toBe('ok');
  });

  const isRoot = process.geteuid?.() === 0;
  it.skipIf(!isRoot)('on a full disk fails cleanly, before or while it writes (needs root)', () => {
    setUp({ save: 'head -c 20000000 /dev/zero > "$3" || { echo "Error: no space left on device" >&2; exit 1; }' });
    mkdirSync(directory);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=80m', 'tmpfs', directory]);
    expect(mounted.status).toBe(0);
    const old = older(directory, new Date().toISOString().replace(/\.\d+/, ''), 'cp2');
    writeFileSync(join(directory, 'ballast'), Buffer.alloc(10_000_000));
    put('bin/df', '#!/bin/sh\nprintf "header\\ntmpfs 1 1 99999999 1%% /\\n"\n', 0o755);
    execFileSync('sh', ['-c', `head -c 60000000 /dev/zero > ${directory}/more`]);
    backup('run');
    expect(state()).toMatchObject({ outcome: 'failed', error: expect.stringContaining('no space left on device') });
    rmSync(join(dir, 'bin/df'));
    backup('run');
    expect(state().error).toMatch(/not enough space in .*: \d+ MiB free, 64 MiB needed/);
    expect(names()).toEqual([`${old}.json`, `${old}.tar.age`, 'ballast', 'more'].sort());
  });
});

describe.skipIf(missing.length > 0)('retention', LONG, () => {
  const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().replace(/\.\d+/, '');

  it('removes what is older, of whichever machine, and nothing of other clusters', () => {
    setUp();
    const kept = [older(directory, ago(1)), older(directory, ago(6.9), 'cp2')];
    older(directory, ago(7.1), 'cp2');
    older(directory, ago(30));
    older(directory, ago(30), 'cp3', { takenAt: 'broken' });
    for (const name of ['demo-b-20200101T000000Z-cp1.json', 'demo-b-20200101T000000Z-cp1.tar.age', 'notes.json'])
      writeFileSync(join(directory, name), '{}');
    backup('run');
    const left = names().filter((name) => !name.includes(String(state().archive).replace('.tar.age', '')));
    expect(left).toEqual(
      [
        ...kept.flatMap((name) => [`${name}.json`, `${name}.tar.age`]),
        'demo-b-20200101T000000Z-cp1.json',
        'demo-b-20200101T000000Z-cp1.tar.age',
        'notes.json',
      ].sort(),
    );
  });

  it('keeps the newest good one however old it is, while no newer one can be made', () => {
    setUp();
    const good = older(directory, ago(90));
    older(directory, ago(100));
    older(directory, ago(80), 'cp1', { sizeBytes: 7 });
    put('bin/etcdctl', '#!/bin/sh\nexit 1\n', 0o755);
    backup('run');
    expect(state().outcome).toBe('failed');
    expect(names()).toEqual([`${good}.json`, `${good}.tar.age`]);
  });

  it('is in the bucket as in the directory, and the archive is there before its label', () => {
    setUp({ bucket: true });
    const remote = join(dir, 's3/b/p');
    const kept = older(remote, ago(2), 'cp9');
    older(remote, ago(8), 'cp9');
    older(remote, ago(9), 'cp8', false);
    expect(backup('run')).toMatchObject({ status: 0 });
    const name = String(state().archive).replace('.tar.age', '');
    expect(names(remote)).toEqual([kept, name].flatMap((each) => [`${each}.json`, `${each}.tar.age`]).sort());
    expect(readFileSync(join(remote, `${name}.tar.age`))).toEqual(readFileSync(join(directory, `${name}.tar.age`)));
  });

  it('a bucket that refuses makes the attempt a failed one, with its words', () => {
    setUp({ bucket: true });
    put('bin/rclone', '#!/bin/sh\necho "ERROR : AccessDenied" >&2\nexit 1\n', 0o755);
    backup('run');
    expect(state()).toMatchObject({ outcome: 'failed', error: 'ERROR : AccessDenied' });
    expect(state().lastSuccess).toBeUndefined();
    expect(names()).toHaveLength(2);
  });
});
