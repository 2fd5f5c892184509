// The schema for editors and for the reference page, both made from the one in schema.ts.
import * as z from 'zod';
import type { SpecPath } from './problem.ts';
import { clusterSchema } from './schema.ts';

/** The parts of JSON Schema that ours uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

let cached: JsonSchema | undefined;

/** JSON Schema of cluster.yaml, draft 7: the one that editors' YAML support knows best. Committed as schema/cluster.schema.json. */
export function clusterJsonSchema(): JsonSchema {
  cached ??= {
    ...(z.toJSONSchema(clusterSchema, { io: 'input', target: 'draft-7' }) as JsonSchema),
    title: 'quorate cluster.yaml',
    description: 'A highly available Kubernetes cluster, as quorate builds it.',
  } as JsonSchema;
  return cached;
}

/** The content of schema/cluster.schema.json. */
export function renderJsonSchema(): string {
  return `${JSON.stringify(clusterJsonSchema(), null, 2)}\n`;
}

/** The schema of the value at a path; undefined for what the schema does not know. */
export function schemaAt(path: SpecPath): JsonSchema | undefined {
  let schema: JsonSchema | undefined = clusterJsonSchema();
  for (const key of path) schema = childOf(schema, key);
  return schema;
}

function childOf(schema: JsonSchema | undefined, key: string | number): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  if (typeof key === 'number') return schema.items;
  // Own keys only: a label called "constructor" is no field of Object.
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}
