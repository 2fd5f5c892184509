import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterFileText } from '../../../src/spec/export.ts';
import { loadSpec, parseSpec } from '../../../src/spec/load.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const E2E = join(import.meta.dirname, '../../e2e/clusters');
const files = [
  ...readdirSync(FIXTURES)
    .filter((name) => name.startsWith('valid-'))
    .map((name) => join(FIXTURES, name)),
  ...readdirSync(E2E)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(E2E, name)),
];

function reload(spec: ClusterSpec): ClusterSpec {
  return parseSpec(clusterFileText(spec), 'cluster.yaml', { unsupported: 'allow' }).spec;
}

describe('a specification as cluster.yaml', () => {
  it.each(files)('%s loads to the same again', async (path) => {
    const { file: _file, ...spec } = (await loadSpec(path, { unsupported: 'allow' })).spec;
    expect(reload(spec)).toEqual(spec);
    expect(clusterFileText(reload(spec))).toBe(clusterFileText(spec));
  });

  const word = fc.stringMatching(/^[a-z]([a-z0-9]{0,8}[a-z])?$/);
  const value = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9])?$/);
  const bucket = fc.record({
    endpoint: fc.constantFrom('https://s3.example.com', 'http://10.0.0.9:9000'),
    bucket: fc.stringMatching(/^[a-z]{3,20}$/),
    prefix: fc.constantFrom('', 'a', 'clusters/demo'),
    region: value,
    credentialsFile: fc.constantFrom('~/.aws/credentials', '/root/a file: with # marks', 'yes', '12'),
  });
  const snapshots = fc.record(
    {
      schedule: fc.constantFrom('0 */6 * * *', '*/5 * * * *', '0 3 * * sun', '5 4 1 jan *'),
      retention: fc.constantFrom('7d', '90m', '2w'),
      recipients: fc.constantFrom([], ['age18jnmmwq42aej9nx7trdxsuvqkvu266w8h9fa7zd05k2694e3vy6qva9alc']),
      directory: fc.constantFrom('/var/lib/quorate/backups', '/srv/b'),
      s3: bucket,
    },
    { requiredKeys: ['schedule', 'retention', 'recipients', 'directory'] },
  );
  const local = fc.record(
    {
      memoryBytes: fc.integer({ min: 2 ** 21, max: 2 ** 40 }).map((n) => 2 ** 30 + n),
      cpus: fc.constantFrom(1, 2.5, 16),
    },
    { requiredKeys: [] },
  );
  const dressed = fc.record({ labels: fc.dictionary(word, value, { maxKeys: 4, noNullPrototype: true }), local });

  it('whatever its values are', () => {
    fc.assert(
      fc.property(snapshots, fc.array(dressed, { minLength: 4, maxLength: 4 }), (wanted, dresses) => {
        const base = makeSpec({ workers: 1, driver: 'local', overrides: {} });
        const spec: ClusterSpec = {
          ...base,
          etcd: { topology: 'stacked', snapshots: wanted },
          machines: base.machines.map((machine, index) => ({
            ...machine,
            ...dresses[index],
            taints: [{ key: 'dedicated', effect: 'NoSchedule' as const, value: 'true' }],
          })),
        };
        expect(reload(spec)).toEqual(spec);
      }),
      { numRuns: 60 },
    );
  });
});
