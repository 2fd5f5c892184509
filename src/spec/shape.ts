// First half of checking: does every value have the type and form that the schema asks for? Says so in our own words.
import { stringify } from 'yaml';
import type * as z from 'zod';
import { schemaAt } from './json-schema.ts';
import { type Finding, formatPath, invalid, type SpecPath } from './problem.ts';
import { type ClusterFile, type ClusterInput, clusterSchema } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { LABEL_NAME, toLabelName } from './syntax.ts';

/** A value that may be incomplete. undefined: not written. null: written, but of the wrong form (reported already). */
export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly Draft<Item>[] | null | undefined
  : T extends object
    ? { readonly [Key in keyof T]?: Draft<T[Key]> } | null | undefined
    : T | null | undefined;

/** A whole cluster.yaml, as far as it is usable. */
export type ClusterDraft = Draft<ClusterInput>;

/** Findings, what is usable of the file, and the file itself when its shape is right. */
export interface Shape {
  readonly findings: readonly Finding[];
  readonly draft: ClusterDraft;
  readonly file?: ClusterFile;
}

/** Checks the shape of a parsed file. */
export function checkShape(value: unknown): Shape {
  if (value === null || value === undefined) {
    const finding = invalid([], 'the file is empty', 'write a commented one with: quorate init');
    return { findings: [finding], draft: {} };
  }
  const result = clusterSchema.safeParse(value);
  if (result.success) return { findings: [], draft: value as ClusterDraft, file: result.data };
  const { issues } = result.error;
  const findings = issues.flatMap((issue) => findingsOf(issue, value));
  const misspelt = new Set(findings.flatMap(({ meant }) => (meant === undefined ? [] : [meant])));
  return {
    findings: findings.filter(({ isMissing, path }) => !isMissing || !misspelt.has(formatPath(path))),
    draft: prune(value, issues) as ClusterDraft,
  };
}

type Issue = z.core.$ZodIssue;

interface ShapeFinding extends Finding {
  readonly isMissing?: boolean;
  /** The path that a misspelt key was probably meant to be: not reported as missing as well. */
  readonly meant?: string;
}

/** The value with everything that was reported replaced by null, so that other checks need not look at types again. */
function prune(value: unknown, issues: readonly Issue[]): unknown {
  const root: { value: unknown } = { value: structuredClone(value) };
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    const path = ['value', ...(issue.path as SpecPath)];
    const parent = valueAt(root, path.slice(0, -1));
    const key = path.at(-1) ?? 'value';
    if (typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key)) {
      (parent as Record<string | number, unknown>)[key] = null;
    }
  }
  return root.value;
}

function valueAt(value: unknown, path: SpecPath): unknown {
  return path.reduce<unknown>(
    (parent, key) =>
      typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key)
        ? (parent as Record<string | number, unknown>)[key]
        : undefined,
    value,
  );
}

function findingsOf(issue: Issue, root: unknown): ShapeFinding[] {
  const path = issue.path as SpecPath;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], root));
  const value = valueAt(root, path);
  if (value === undefined) return [missing(path)];
  const name = path.length === 0 ? 'the document' : formatPath(path);
  switch (issue.code) {
    case 'invalid_type':
      return [
        invalid(path, `${name} must be ${article(issue.expected)}, not ${describe(value)}`, typeFix(path, value)),
      ];
    case 'invalid_value': {
      const values = issue.values.map(String);
      const meant = didYouMean(String(value), values) ?? values[0] ?? '';
      const what = values.length === 1 ? `must be ${values[0]}` : `must be one of ${values.join(', ')}`;
      return [invalid(path, `${name} ${what}, not ${describe(value)}`, `write: ${assignment(path, meant)}`)];
    }
    case 'too_small':
      return [invalid(path, `${name} ${show(value)} is ${tooSmall(issue)}`, exampleFix(path))];
    case 'too_big':
      return [invalid(path, `${name} ${show(value)} is more than ${issue.maximum}`, exampleFix(path))];
    default:
      return [invalid(path, `${name} ${show(value)} ${issue.message}`, formatFix(path, value))];
  }
}

function tooSmall(issue: Extract<Issue, { code: 'too_small' }>): string {
  if (issue.origin === 'string') return 'empty';
  return issue.inclusive === false ? `not more than ${issue.minimum}` : `less than ${issue.minimum}`;
}

function unknownKey(path: SpecPath, root: unknown): ShapeFinding {
  const parent = path.slice(0, -1);
  const known = Object.keys(schemaAt(parent)?.properties ?? {});
  const present = new Set(Object.keys((valueAt(root, parent) as object | undefined) ?? {}));
  const key = String(path.at(-1));
  const free = known.filter((name) => !present.has(name));
  const meant = didYouMean(key, free) ?? didYouMean(key, known);
  const where = parent.length === 0 ? 'the top of the file' : formatPath(parent);
  const fix = meant === undefined ? `remove it; ${where} knows: ${known.join(', ')}` : `did you mean ${meant}?`;
  const finding = invalid(path, `${formatPath(path)} is not a field of quorate/v1alpha1`, fix, { at: 'key' });
  return meant === undefined ? finding : { ...finding, meant: formatPath([...parent, meant]) };
}

function missing(path: SpecPath): ShapeFinding {
  const example = schemaAt(path)?.examples?.[0];
  const fix = example === undefined ? `add ${String(path.at(-1))}` : `add, for example: ${assignment(path, example)}`;
  return { ...invalid(path, `${formatPath(path)} is missing`, fix), isMissing: true };
}

/** YAML reads 1.36 as a number and yes as a word; quotes make either a text. */
function typeFix(path: SpecPath, value: unknown): string {
  const schema = schemaAt(path);
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  const fits = schema?.pattern === undefined || new RegExp(schema.pattern).test(String(value));
  if (schema?.type === 'string' && isPlain && fits) {
    return `put it in quotes: ${keyOf(path)}: ${JSON.stringify(String(value))}`;
  }
  return exampleFix(path);
}

function formatFix(path: SpecPath, value: unknown): string {
  const isName = schemaAt(path)?.pattern === LABEL_NAME.source;
  const name = isName && typeof value === 'string' ? toLabelName(value) : '';
  return name === '' ? exampleFix(path) : `write: ${assignment(path, name)}`;
}

function exampleFix(path: SpecPath): string {
  const example = schemaAt(path)?.examples?.[0];
  return example === undefined
    ? 'see docs/reference/cluster-yaml.md'
    : `write, for example: ${assignment(path, example)}`;
}

function assignment(path: SpecPath, value: unknown): string {
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
  return typeof path.at(-1) === 'number' ? text : `${keyOf(path)}: ${text}`;
}

function keyOf(path: SpecPath): string {
  return String(path.at(-1) ?? '');
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

function article(type: string): string {
  return ARTICLES[type] ?? type;
}

/** A wrong value with its type, short enough for a sentence. */
function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? show(value) : `the ${typeof value} ${String(value)}`;
}

/** A value as it may stand in a message: quoted when it is text, cut when it is long. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
