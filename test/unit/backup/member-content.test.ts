// The digest over the keys of etcd: what the awk program makes of etcdctl's output, and what counts as a difference.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CONTENT_AWK, type Content, contentDifferences, parseContent } from '../../../src/backup/member-content.ts';

interface Key {
  readonly key: string;
  readonly modified?: number;
  readonly version?: number;
  readonly lease?: number;
}

/** As `etcdctl get --keys-only -w fields` prints it (3.6.16). */
function fields(keys: readonly Key[]): string {
  const entries = keys.map(({ key, modified = 7, version = 1, lease = 0 }) =>
    [
      `"Key" : "${key}"`,
      '"CreateRevision" : 3',
      `"ModRevision" : ${modified}`,
      `"Version" : ${version}`,
      '"Value" : ""',
      `"Lease" : ${lease}`,
    ].join('\n'),
  );
  return [
    '"ClusterID" : 1',
    '"MemberID" : 2',
    '"Revision" : 9',
    '"RaftTerm" : 2',
    ...entries,
    '"More" : false',
    '',
  ].join('\n');
}

function read(keys: readonly Key[]): Content | undefined {
  return parseContent(execFileSync('awk', [CONTENT_AWK], { input: fields(keys), encoding: 'utf8' }));
}

const POD = { key: '/registry/pods/default/web', modified: 12, version: 3 };
const SERVICE = { key: '/registry/apiregistration.k8s.io/apiservices/v1.', modified: 4 };

describe('content of etcd', () => {
  it('is the digest over key, revision and version, in the order of etcd', () => {
    const text = '/registry/apiregistration.k8s.io/apiservices/v1.\t4\t1\n/registry/pods/default/web\t12\t3\n';
    expect(read([SERVICE, POD])).toEqual({
      contentHash: createHash('sha256').update(text).digest('hex'),
      keys: 2,
      objects: { 'apiregistration.k8s.io/apiservices': 1, pods: 1 },
    });
  });

  it.each([
    ['another revision', [SERVICE, { ...POD, modified: 13 }]],
    ['another version', [SERVICE, { ...POD, version: 4 }]],
    ['another key', [SERVICE, { ...POD, key: '/registry/pods/default/wec' }]],
    ['a key less', [SERVICE]],
    ['another order', [POD, SERVICE]],
  ])('is another one with %s', (_what, keys) => {
    expect(read(keys)?.contentHash).not.toBe(read([SERVICE, POD])?.contentHash);
  });

  it('leaves out what expires', () => {
    const event = { key: '/registry/events/default/web.1', lease: 7587 };
    expect(read([SERVICE, event, POD])).toEqual(read([SERVICE, POD]));
  });

  it('of no keys is a digest too', () => {
    expect(read([])).toEqual({ contentHash: createHash('sha256').update('').digest('hex'), keys: 0, objects: {} });
  });

  it('keeps keys that look like fields or hold quotes and blanks', () => {
    const odd = { key: '/registry/configmaps/x/a\\" : \\"Lease\\" : 0' };
    expect(read([odd])?.objects).toEqual({ configmaps: 1 });
  });

  it('is unknown when the listing failed', () => {
    expect(parseContent(`failed\n${'0'.repeat(64)}  -\nkeys\t0\n`)).toBeUndefined();
    expect(parseContent('')).toBeUndefined();
  });
});

describe('differences between contents', () => {
  const wanted: Content = { contentHash: 'a'.repeat(64), keys: 3, objects: { pods: 2, secrets: 1 } };

  it('are none between equals', () => {
    expect(contentDifferences(wanted, { ...wanted })).toEqual([]);
  });

  it('name what is missing and what is too much', () => {
    const found = { contentHash: 'b'.repeat(64), keys: 3, objects: { pods: 1, nodes: 2 } };
    expect(contentDifferences(wanted, found)).toEqual([
      'nodes: 0 in the backup, 2 now',
      'pods: 2 in the backup, 1 now',
      'secrets: 1 in the backup, 0 now',
      'the content hash is another one',
    ]);
  });
});
