import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the checkout. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** A TypeScript file of the project. */
export interface SourceFile {
  /** From the top of the checkout: src/core/errors.ts. */
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript file below a folder of the checkout. */
export function sourcesBelow(folder: string): readonly SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }));
}

/** One import or re-export of another file. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** import type …, or export type … from. */
  readonly isTypeOnly: boolean;
}

const STATIC = /^(?:import|export)\s+(type\s)?[^'";]*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g;

/** The imports of a file, `import()` included (a `typeof import()` counts as one of types). */
export function importsOf({ text }: SourceFile): readonly Import[] {
  const lineOf = (index: number) => text.slice(0, index).split('\n').length;
  const fixed = [...text.matchAll(STATIC)].map((match) => ({
    specifier: match[2] ?? match[3] ?? '',
    line: lineOf(match.index),
    isTypeOnly: match[1] !== undefined,
  }));
  const dynamic = [...text.matchAll(DYNAMIC)].map((match) => ({
    specifier: match[1] ?? '',
    line: lineOf(match.index),
    isTypeOnly: /typeof\s+$/.test(text.slice(0, match.index)),
  }));
  return [...fixed, ...dynamic];
}

/** Where a relative import leads, from the top of the checkout; undefined for a package. */
export function resolveImport(file: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file.path), specifier)) : undefined;
}
