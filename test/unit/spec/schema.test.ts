import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { supportedKubernetesVersions } from '../../../src/artifacts/catalog.ts';
import { renderClusterYaml } from '../../../src/spec/init.ts';
import { clusterJsonSchema, type JsonSchema, renderJsonSchema, schemaAt } from '../../../src/spec/json-schema.ts';
import { parseSpec } from '../../../src/spec/load.ts';
import { specReference } from '../../../src/spec/reference.ts';
import { DEFAULT_KUBERNETES_VERSION, KUBERNETES_VERSIONS } from '../../../src/spec/versions.ts';

describe('versions', () => {
  it('are those of the catalog, newest first', () => {
    expect(KUBERNETES_VERSIONS).toEqual(supportedKubernetesVersions());
    expect(DEFAULT_KUBERNETES_VERSION).toBe(KUBERNETES_VERSIONS[0]);
  });
});

describe('JSON Schema', () => {
  it('is committed as it is generated (node scripts/generate-schema.mjs)', () => {
    const committed = readFileSync(join(import.meta.dirname, '../../../schema/cluster.schema.json'), 'utf8');
    expect(JSON.parse(committed)).toEqual(JSON.parse(renderJsonSchema()));
  });

  it('refuses unknown keys in every object', () => {
    const open: string[] = [];
    const visit = (schema: JsonSchema, path: string) => {
      if (schema.properties !== undefined && schema.additionalProperties !== false) open.push(path);
      for (const [key, child] of Object.entries(schema.properties ?? {})) visit(child, `${path}.${key}`);
      if (schema.items !== undefined) visit(schema.items, `${path}[]`);
    };
    visit(clusterJsonSchema(), '');
    expect(open).toEqual([]);
  });

  it('finds the schema of a path, and none for what it does not know', () => {
    expect(schemaAt(['spec', 'machines', 3, 'ssh', 'port'])?.default).toBe(22);
    expect(schemaAt(['spec', 'constructor'])).toBeUndefined();
  });
});

describe('specReference', () => {
  it('describes every field, with an example', () => {
    const rows = specReference();
    expect(rows.length).toBeGreaterThan(35);
    expect(rows.filter(({ description, example }) => description === '' || example === undefined)).toEqual([]);
  });

  it('tells type, default and whether a field is required', () => {
    const row = (path: string) => specReference().find((field) => field.path === path);
    expect(row('spec.networking.podSubnet')).toMatchObject({
      type: 'string',
      required: false,
      default: '"10.42.0.0/16"',
    });
    expect(row('spec.machines[].role')).toMatchObject({
      type: 'control-plane | worker | etcd | loadbalancer',
      required: true,
    });
    expect(row('spec.machines[].labels')?.type).toBe('map of strings');
  });

  it('tells the defaults that a file without these fields gets', () => {
    const { spec } = parseSpec(renderClusterYaml().replace(/ {2}(networking|etcd|loadBalancer):\n( {4}.*\n)+/g, ''));
    const fallback = (path: string) =>
      JSON.parse(specReference().find((field) => field.path === path)?.default ?? 'null');
    expect(spec.networking.podSubnet).toBe(fallback('spec.networking.podSubnet'));
    expect(spec.networking.serviceSubnet).toBe(fallback('spec.networking.serviceSubnet'));
    expect(spec.etcd.topology).toBe(fallback('spec.etcd.topology'));
    expect(spec.etcd.snapshots.schedule).toBe(fallback('spec.etcd.snapshots.schedule'));
    expect(spec.loadBalancer.type).toBe(fallback('spec.loadBalancer.type'));
  });
});
