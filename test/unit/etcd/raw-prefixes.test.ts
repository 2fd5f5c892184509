import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { PREFIX_SCRIPT, parseCounts } from '../../../src/etcd/raw-prefixes.ts';

/** Runs the script over what a command prints. */
const run = (...command: readonly string[]) =>
  parseCounts(execFileSync('sh', ['-c', PREFIX_SCRIPT, 'prefixes', ...command], { encoding: 'utf8' }));

const FIELDS = `"ClusterID" : 1
"Key" : "/registry/secrets/a/one"
"Value" : "k8s:enc:secretbox:v1:key2:\\x01\\"secret"
"Key" : "/registry/secrets/a/two"
"Value" : "k8s:enc:secretbox:v1:key2:more"
"Key" : "/registry/secrets/a/three"
"Value" : "k8s:enc:aescbc:v1:old:x"
"Key" : "/registry/secrets/a/k8s:enc:secretbox:v1:key2:"
"Value" : "k8s\\x00\\n\\r\\x02v1 k8s:enc:secretbox:v1:key2:"
`;

describe('how values begin in etcd', () => {
  it('is counted by provider and key; what only contains such a word is plain', () => {
    expect(Object.fromEntries(run('printf', '%s', FIELDS))).toEqual({
      'k8s:enc:secretbox:v1:key2:': 2,
      'k8s:enc:aescbc:v1:old:': 1,
      plain: 1,
    });
  });

  it('says so when etcd could not be asked: no answer is no proof', () => {
    expect([...run('false').keys()]).toEqual(['etcdctl failed']);
  });

  it('is nothing where there is nothing', () => {
    expect(run('true').size).toBe(0);
  });
});
