import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OpenOptions, openArchive } from '../../../src/backup/open.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import { packFiles, tarHeader } from '../../../src/core/tar.ts';
import {
  type AgeKey,
  contents,
  fakeEtcdutl,
  fakeSnapshot,
  flipped,
  newAgeKey,
  sealArchive,
  sha256,
  tarOf,
} from '../../helpers/archive.ts';
import { recordingContext } from '../../helpers/context.ts';

const GOOD = '{"hash":1,"revision":42,"totalKey":1,"totalSize":65536}';

let key: AgeKey;
let other: AgeKey;
let directory: string;
let options: OpenOptions;

beforeAll(async () => {
  [key, other] = await Promise.all([newAgeKey(), newAgeKey()]);
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-open-'));
  options = {
    identities: [key.identity],
    etcdutl: await fakeEtcdutl(directory, GOOD),
    workDir: join(directory, 'work'),
    expected: { cluster: 'demo', etcdVersion: '3.6.16' },
  };
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (path: string, more: Partial<OpenOptions> = {}) =>
  openArchive(recordingContext(), path, { ...options, ...more });

/** Refused with this error, and nothing of it is left on disk. */
async function refused(path: string, code: ErrorCode, words: RegExp, more: Partial<OpenOptions> = {}): Promise<void> {
  const error = await open(path, more).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
  expect(await readdir(options.workDir).catch(() => [])).toEqual([]);
}

describe('an archive that is whole', () => {
  it('is laid out privately, and removed by close', async () => {
    const ctx = recordingContext();
    const what = contents({}, fakeSnapshot(Buffer.alloc(3 * 512 * 1024, 'x')), {
      'etc/kubernetes/enc/enc.yaml': 'keys:\n  - secret: c2VjcmV0LXNlY3JldA==\n',
    });
    const archive = await openArchive(ctx, await sealArchive(directory, what, key.recipient), options);
    expect(archive.meta).toEqual(what.meta);
    expect([...archive.files.keys()]).toEqual(['cluster.yaml', 'etc/kubernetes/enc/enc.yaml']);
    expect(sha256(await readFile(archive.snapshotPath))).toBe(what.meta.files['snapshot.db']);
    const [scratch = ''] = await readdir(options.workDir);
    const { stdout } = await execa('find', [options.workDir, '-printf', '%f %m\n']);
    expect(stdout).toContain(`${scratch} 700`);
    expect(stdout).toContain('snapshot.db 600');
    expect(stdout).not.toContain('identities');
    expect(ctx.redactor.redact('c2VjcmV0LXNlY3JldA==')).toBe('[redacted]');
    await archive.close();
    expect(await readdir(options.workDir)).toEqual([]);
  });

  it('opens without its label, with any of several identities, and never shows them', async () => {
    const path = await sealArchive(directory, contents(), key.recipient, { label: false });
    const ctx = recordingContext();
    const archive = await openArchive(ctx, path, { ...options, identities: [other.identity, key.identity] });
    await archive.close();
    expect(JSON.stringify(ctx.events)).not.toContain('AGE-SECRET-KEY');
  });

  it('as GNU tar writes it, directories and a long name included', async () => {
    const long = `etc/kubernetes/pki/${'a'.repeat(60)}/${'b'.repeat(60)}.crt`;
    const what = contents({}, fakeSnapshot(), { [long]: 'x', 'etc/kubernetes/pki/ca.crt': 'y' });
    const tree = join(directory, 'tree');
    await execa('mkdir', ['-p', join(tree, long, '..')]);
    for (const [name, content] of what.files) await writeFile(join(tree, name), content);
    await writeFile(join(tree, 'meta.json'), JSON.stringify(what.meta));
    for (const format of ['ustar', 'posix', 'gnu']) {
      const tar = join(directory, `${format}.tar`);
      const entries = ['meta.json', 'cluster.yaml', 'etc', 'snapshot.db'];
      await execa('tar', [`--format=${format}`, '-C', tree, '-cf', tar, ...entries]);
      const archive = await open(
        await sealArchive(directory, await readFile(tar), key.recipient, { name: `${format}-1-cp1` }),
      );
      expect([...archive.files.keys()].sort()).toEqual(['cluster.yaml', long, 'etc/kubernetes/pki/ca.crt'].sort());
      await archive.close();
    }
  });

  it('what a killed run left is removed by the next one', async () => {
    const { stdout: dead } = await execa('sh', [
      '-c',
      'read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ start _ < /proc/self/stat; echo "$$.$start"',
    ]);
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const namespace = /\d+/.exec((await execa('readlink', ['/proc/self/ns/pid'])).stdout)?.[0];
    const left = join(options.workDir, `archive.${dead}.${boot}.${namespace}.0a0a0a0a`);
    await execa('mkdir', ['-p', left]);
    await writeFile(join(left, 'archive.tar'), 'secret');
    const archive = await open(await sealArchive(directory, contents(), key.recipient));
    expect((await readdir(options.workDir)).length).toBe(1);
    await archive.close();
    expect(await readdir(options.workDir)).toEqual([]);
  });
});

describe('the seal', () => {
  it.each([0, 1, 20, 22, 100, 180, 400, 65_000])('a file of %i bytes only is damaged', async (length) => {
    const path = await sealArchive(directory, contents(), key.recipient, { label: false });
    await truncate(path, length);
    await refused(path, 'ARCHIVE_DAMAGED', length === 0 ? /is empty/ : /damaged or cut off|does not begin/);
  });

  it('cut at the border of age chunks', async () => {
    const path = await sealArchive(directory, contents({}, fakeSnapshot(Buffer.alloc(300_032))), key.recipient, {
      label: false,
    });
    const bytes = await readFile(path);
    // The header ends with its MAC's line; then a nonce of 16 bytes and chunks of 64 KiB with a tag of 16 (C2SP age.md).
    const payload = bytes.indexOf('\n', bytes.indexOf('\n--- ') + 1) + 1 + 16;
    for (const chunks of [0, 1, 2, 3]) {
      await writeFile(path, bytes.subarray(0, payload + chunks * (65_536 + 16)));
      await refused(path, 'ARCHIVE_DAMAGED', /damaged or cut off/);
    }
  });

  it('a bit that has changed, anywhere behind the list of recipients', async () => {
    const path = await sealArchive(directory, contents(), key.recipient, { label: false });
    const { length } = await readFile(path);
    const mac = (await readFile(path)).indexOf('\n--- ');
    for (const position of [3, mac + 10, mac + 60, 1_000, 40_000, length - 1]) {
      const bytes = await flipped(path, position);
      const copy = join(directory, `flip-${position}.tar.age`);
      await writeFile(copy, bytes);
      await refused(copy, 'ARCHIVE_DAMAGED', /damaged|does not begin/);
    }
  });

  it('another key: says for whom it is sealed', async () => {
    const path = await sealArchive(directory, contents(), key.recipient);
    await refused(path, 'ARCHIVE_LOCKED', new RegExp(key.recipient), { identities: [other.identity] });
    await refused(path, 'ARCHIVE_LOCKED', /no identity/, { identities: [] });
    await refused(path, 'ARCHIVE_LOCKED', /label carries no identity/, { identities: [], passphrase: 'secret-word' });
  });

  it('age is not installed', async () => {
    const path = await sealArchive(directory, contents(), key.recipient);
    const { PATH } = process.env;
    process.env.PATH = directory;
    try {
      await refused(path, 'HOST_TOOL_MISSING', /age/);
    } finally {
      process.env.PATH = PATH;
    }
  });
});

describe('the label', () => {
  it('tells a file that is shorter, longer or another one', async () => {
    const path = await sealArchive(directory, contents(), key.recipient);
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, -1));
    await refused(path, 'ARCHIVE_DAMAGED', /is cut off/);
    await writeFile(path, Buffer.concat([whole, Buffer.from('x')]));
    await refused(path, 'ARCHIVE_DAMAGED', /not the file of its label/);
    await writeFile(path, await flipped(path, 30).then((bytes) => bytes.subarray(0, whole.length)));
    await refused(path, 'ARCHIVE_DAMAGED', /was changed/);
  });

  it('that says something else than the archive', async () => {
    const path = await sealArchive(directory, contents(), key.recipient);
    const label = path.replace('.tar.age', '.json');
    const text = await readFile(label, 'utf8');
    await writeFile(label, text.replace('"revision": 42', '"revision": 43'));
    await refused(path, 'ARCHIVE_DAMAGED', /the label says revision 43, the archive 42/);
    await writeFile(label, '{');
    await refused(path, 'ARCHIVE_DAMAGED', /label .* is not JSON/);
  });
});

describe('what is in it', () => {
  const whole = contents();
  const meta = { name: 'meta.json', mode: 0o600, content: JSON.stringify(whole.meta) };
  const rest = [...whole.files].map(([name, content]) => ({ name, mode: 0o600, content }));
  const withMeta = (fields: object) => [{ ...meta, content: JSON.stringify({ ...whole.meta, ...fields }) }, ...rest];

  it.each<[string, Parameters<typeof packFiles>[0], ErrorCode, RegExp]>([
    ['nothing', [], 'ARCHIVE_DAMAGED', /begins with nothing/],
    ['meta.json is not first', [...rest, meta], 'ARCHIVE_DAMAGED', /begins with cluster.yaml/],
    ['meta.json is not JSON', [{ ...meta, content: '{' }, ...rest], 'ARCHIVE_DAMAGED', /not JSON/],
    ['meta.json lacks a field', withMeta({ contentHash: undefined }), 'ARCHIVE_DAMAGED', /contentHash/],
    ['another format', withMeta({ format: 2 }), 'ARCHIVE_VERSION', /format 2/],
    ['another cluster', withMeta({ cluster: 'prod' }), 'WRONG_CLUSTER', /cluster prod, not of demo/],
    ['an older etcd', withMeta({ etcdVersion: '3.5.21' }), 'ARCHIVE_VERSION', /3\.5\.21.*older/],
    ['a newer etcd', withMeta({ etcdVersion: '3.10.0' }), 'ARCHIVE_VERSION', /3\.10\.0.*newer/],
    ['a file is missing', [meta, ...rest.slice(1)], 'ARCHIVE_DAMAGED', /lacks cluster.yaml/],
    [
      'a file too many',
      [meta, ...rest, { name: 'etc/passwd', mode: 0o600, content: 'x' }],
      'ARCHIVE_DAMAGED',
      /does not name: etc\/passwd/,
    ],
    [
      'another file',
      [meta, { ...rest[0], name: 'cluster.yaml', mode: 0o600, content: 'kind: ClusteR\n' }, ...rest.slice(1)],
      'ARCHIVE_DAMAGED',
      /cluster.yaml .* not what its meta.json says/,
    ],
    ['a file twice', [meta, ...rest, ...rest.slice(0, 1)], 'ARCHIVE_DAMAGED', /cluster.yaml twice/],
    ['a way out', [meta, { name: '../evil', mode: 0o600, content: '' }, ...rest], 'ARCHIVE_DAMAGED', /"\.\.\/evil"/],
    [
      'a way out in the middle',
      [meta, { name: 'etc/../../evil', mode: 0o600, content: '' }],
      'ARCHIVE_DAMAGED',
      /evil/,
    ],
    ['an absolute name', [meta, { name: '/etc/evil', mode: 0o600, content: '' }], 'ARCHIVE_DAMAGED', /"\/etc\/evil"/],
    ['a snapshot of another size', withMeta({ snapshotBytes: 7 }), 'ARCHIVE_DAMAGED', /65568 bytes, meta.json says 7/],
  ])('%s', async (_what, entries, code, words) => {
    const path = await sealArchive(directory, packFiles(entries), key.recipient);
    await refused(path, code, words);
  });

  it.each([
    ['a symbolic link', '2'],
    ['a hard link', '1'],
    ['a device', '3'],
    ['a pipe', '6'],
  ])('%s', async (_what, type) => {
    const header = Buffer.from(tarHeader({ name: 'etc/evil', mode: 0o600, size: 0 }));
    header.write(type, 156);
    header.write('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const tar = Buffer.concat([header, tarOf(whole)]);
    await refused(
      await sealArchive(directory, tar, key.recipient),
      'ARCHIVE_DAMAGED',
      /neither a file nor a directory/,
    );
  });

  it('a tar without end, cut in the middle, or with something behind it', async () => {
    const tar = tarOf(whole);
    const write = (bytes: Uint8Array) => sealArchive(directory, bytes, key.recipient);
    await refused(await write(tar.subarray(0, tar.length - 1024)), 'ARCHIVE_DAMAGED', /cut off|no end/);
    await refused(
      await write(tar.subarray(0, tar.length - 30_000)),
      'ARCHIVE_DAMAGED',
      /ends in the middle of snapshot/,
    );
    await refused(await write(Buffer.concat([tar, Buffer.from('more')])), 'ARCHIVE_DAMAGED', /after its end/);
    const header = Buffer.from(tar);
    header[10] = 0x41;
    await refused(await write(header), 'ARCHIVE_DAMAGED', /checksum/);
  });
});

describe('the snapshot', () => {
  it('without the hash that etcd writes behind it, though sealed properly', async () => {
    const snapshot = fakeSnapshot();
    snapshot[1_000] = 0;
    await refused(
      await sealArchive(directory, contents({}, snapshot), key.recipient),
      'ARCHIVE_DAMAGED',
      /hash that etcd wrote/,
    );
    await refused(
      await sealArchive(directory, contents({ snapshotBytes: 1 }, Buffer.alloc(0)), key.recipient),
      'ARCHIVE_DAMAGED',
      /0 bytes/,
    );
  });

  it('that etcdutl cannot read, or that is of another revision', async () => {
    const path = await sealArchive(directory, contents(), key.recipient);
    await fakeEtcdutl(directory, '', 2);
    await refused(path, 'ARCHIVE_DAMAGED', /etcdutl cannot read/);
    await fakeEtcdutl(directory, GOOD.replace('42', '41'));
    await refused(path, 'ARCHIVE_DAMAGED', /revision 41, meta.json says 42/);
    await fakeEtcdutl(directory, 'hello');
    await refused(path, 'ARCHIVE_DAMAGED', /nothing of use/);
    await refused(path, 'HOST_TOOL_MISSING', /no etcdutl/, { etcdutl: join(directory, 'none') });
  });
});

it('an abort leaves nothing', async () => {
  const ctx = recordingContext();
  const path = await sealArchive(directory, contents(), key.recipient);
  const running = openArchive(ctx, path, options);
  ctx.abort.abort();
  await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
  expect(await readdir(options.workDir).catch(() => [])).toEqual([]);
});
