import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { differences, digestKeys, resourceOf } from '../../../src/backup/content.ts';
import { compareHashKV, parseHashKV } from '../../../src/backup/rehearse.ts';
import { SNAPSHOT_FUNCTIONS } from '../../../src/manifests/backup-snapshot.ts';
import { recordingContext } from '../../helpers/context.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-content-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

interface Key {
  readonly key: string;
  readonly revision: number;
  readonly version: number;
  readonly lease?: number;
}

/** As `etcdctl get -w fields` prints them. */
function fields(keys: readonly Key[], count = keys.length): string {
  const lines = keys.flatMap(({ key, revision, version, lease = 0 }) => [
    `"Key" : "${key}"`,
    '"CreateRevision" : 3',
    `"ModRevision" : ${revision}`,
    `"Version" : ${version}`,
    '"Value" : ""',
    `"Lease" : ${lease}`,
  ]);
  return ['"ClusterID" : 1', '"Revision" : 99', ...lines, '"More" : false', `"Count" : ${count}`, ''].join('\n');
}

const KEYS: readonly Key[] = [
  { key: '/registry/apiregistration.k8s.io/apiservices/v1.', revision: 4, version: 1 },
  { key: '/registry/events/default/a', revision: 9, version: 1, lease: 77 },
  { key: '/registry/pods/default/a', revision: 12, version: 3 },
  { key: '/registry/pods/default/\\"quoted\\" \\t : b', revision: 13, version: 4 },
  { key: '/registry/ranges/serviceips', revision: 14, version: 1 },
  { key: '/registry/health', revision: 15, version: 1 },
  { key: 'compact_rev_key', revision: 16, version: 2 },
];

async function digest(text: string) {
  const path = join(directory, 'keys');
  await writeFile(path, text);
  return digestKeys(recordingContext(), path);
}

describe('the digest over keys', () => {
  it('covers key, revision and version of keys without a lease, and counts them by resource', async () => {
    const lines = KEYS.filter(({ lease }) => lease === undefined).map((k) => `${k.key}\t${k.revision}\t${k.version}\n`);
    expect(await digest(fields(KEYS))).toEqual({
      contentHash: createHash('sha256').update(lines.join('')).digest('hex'),
      keys: 6,
      objects: { 'apiregistration.k8s.io/apiservices': 1, pods: 2, ranges: 1 },
    });
  });

  it('is that of the script which control planes run', async () => {
    const etcdctl = join(directory, 'etcdctl');
    await writeFile(join(directory, 'answer'), fields(KEYS));
    await writeFile(etcdctl, `#!/bin/sh\ncat '${directory}/answer'\n`, { mode: 0o755 });
    const script = `set -eu\nstage='${directory}'\nroot=/\netc=/nowhere\netcd_cacert= etcd_cert= etcd_key=\nfail() { echo "$*" >&2; exit 1; }\n${SNAPSHOT_FUNCTIONS}\ncontent_hash 99; cat "$stage/keys"; sort "$stage/objects"`;
    const { stdout } = await execa('sh', ['-c', script], {
      env: { PATH: `${directory}:${process.env.PATH}`, LC_ALL: 'C' },
    });
    const [hash, keys, ...objects] = stdout.split('\n');
    const found = await digest(fields(KEYS));
    expect([hash, keys]).toEqual([found.contentHash, String(found.keys)]);
    expect(Object.fromEntries(objects.map((line) => [line.split('\t')[0], Number(line.split('\t')[1])]))).toEqual(
      found.objects,
    );
  });

  it('of a list that was cut off is none', async () => {
    await expect(digest(fields(KEYS, 8))).rejects.toMatchObject({ message: expect.stringContaining('7 of 8') });
    await expect(digest('')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it.each([
    ['/registry/pods/ns/a', 'pods'],
    ['/registry/example.com/things/ns/a', 'example.com/things'],
    ['/registry/services/specs/ns/a', 'services'],
    ['/registry/health', undefined],
    ['compact_rev_key', undefined],
    ['/other/pods/a', undefined],
  ])('%s is of %s', (key, resource) => {
    expect(resourceOf(key)).toBe(resource);
  });

  it('differences name the resource, and how many', () => {
    expect(differences({ pods: 3, a: 1 }, { pods: 2, b: 1 })).toEqual([
      'a: 0 instead of 1',
      'b: 1 instead of 0',
      'pods: 2 instead of 3',
    ]);
    expect(differences({ pods: 3 }, { pods: 3 })).toEqual([]);
  });
});

describe("etcd's own hash", () => {
  it('is read as text, for its numbers have 64 bits', () => {
    const text =
      '[{"HashKV":{"header":{"revision":3507},"hash":540858292,"compact_revision":9007199254740993,"hash_revision":1}}]';
    expect(parseHashKV(text)).toEqual({ hash: '540858292', compactRevision: '9007199254740993' });
    expect(parseHashKV('[{"HashKV":{"hash":1}}]')).toEqual({ hash: '1', compactRevision: '0' });
    expect(() => parseHashKV('[]')).toThrow(/no hash/);
  });

  it('is compared behind the same compaction only', () => {
    const found = { hash: '1', compactRevision: '5' };
    expect(compareHashKV(found, found)).toMatch(/behind revision 5/);
    expect(() => compareHashKV({ ...found, hash: '2' }, found)).toThrow(/living cluster had 2/);
    expect(() => compareHashKV({ hash: '2', compactRevision: '4' }, found)).toThrow(/compacted in between/);
    expect(() => compareHashKV(undefined, found)).toThrow(/has none/);
  });
});
