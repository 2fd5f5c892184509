import { clusterJsonSchema, type JsonSchema } from './json-schema.ts';

/** One field of cluster.yaml, for the reference page. */
export interface FieldReference {
  /** spec.machines[].ssh.host; `labels.*` for any key. */
  readonly path: string;
  /** string, integer, `a | b`, `list of objects`, … */
  readonly type: string;
  readonly required: boolean;
  /** As it would be written in YAML's flow style; absent when there is none. */
  readonly default?: string;
  readonly example?: string;
  readonly description: string;
}

/** Every field of cluster.yaml, in the order of the schema, parents before children. */
export function specReference(): readonly FieldReference[] {
  return [...fieldsOf(clusterJsonSchema(), '')];
}

function* fieldsOf(schema: JsonSchema, prefix: string): Generator<FieldReference> {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    yield {
      path,
      type: typeOf(child),
      required: schema.required?.includes(key) ?? false,
      ...(child.default === undefined || isObject(child) ? {} : { default: JSON.stringify(child.default) }),
      ...(child.examples === undefined ? {} : { example: JSON.stringify(child.examples[0]) }),
      description: child.description ?? '',
    };
    yield* fieldsOf(child, path);
    if (child.items !== undefined) yield* fieldsOf(child.items, `${path}[]`);
  }
}

/** The default of an object with fields is nothing but the defaults of its fields. */
function isObject(schema: JsonSchema): boolean {
  return schema.properties !== undefined;
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.join(' | ');
  if (schema.type === 'array') return `list of ${schema.items?.type ?? 'value'}s`;
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    return `map of ${schema.additionalProperties.type ?? 'value'}s`;
  }
  return schema.type ?? 'value';
}
