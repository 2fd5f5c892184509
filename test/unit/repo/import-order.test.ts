import { describe, expect, it } from 'vitest';
import { LAYERS, TYPE_ONLY_EXCEPTIONS } from './layers.ts';
import { type Import, importsOf, resolveImport, type SourceFile, sourcesBelow } from './sources.ts';

const SOURCES = sourcesBelow('src');
const layerOf = (path: string) => path.split('/')[1] ?? '';

function isAllowed(file: SourceFile, target: string, found: Import): boolean {
  const [from, to] = [layerOf(file.path), layerOf(target)];
  const rank = (layer: string) => (LAYERS as readonly string[]).indexOf(layer);
  if (rank(to) <= rank(from)) return true;
  return (
    found.isTypeOnly &&
    TYPE_ONLY_EXCEPTIONS.some((exception) => exception.from === from && `src/${exception.to}` === target)
  );
}

function describeViolation(file: SourceFile, target: string, { line, isTypeOnly }: Import): string {
  const allowed = LAYERS.slice(0, (LAYERS as readonly string[]).indexOf(layerOf(file.path)) + 1).join(', ');
  return `${file.path}:${line} imports ${isTypeOnly ? 'a type from ' : ''}${target}; ${layerOf(file.path)} may import from: ${allowed}`;
}

describe('the folders of src/', () => {
  it('are all in the layer table', () => {
    const folders = [...new Set(SOURCES.map(({ path }) => layerOf(path)))];
    expect(folders.filter((folder) => !(LAYERS as readonly string[]).includes(folder))).toEqual([]);
  });

  it('import only from those before them', () => {
    const violations = SOURCES.flatMap((file) =>
      importsOf(file).flatMap((found) => {
        const target = resolveImport(file, found.specifier);
        if (target === undefined || !target.startsWith('src/')) return [];
        return isAllowed(file, target, found) ? [] : [describeViolation(file, target, found)];
      }),
    );
    expect(violations.join('\n')).toBe('');
  });

  it('import nothing outside src but the package manifest', () => {
    const outside = SOURCES.flatMap((file) =>
      importsOf(file)
        .map(({ specifier }) => resolveImport(file, specifier))
        .filter((target) => target !== undefined && !target.startsWith('src/') && target !== 'package.json')
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(outside).toEqual([]);
  });

  it('name every file that they import with its suffix', () => {
    const without = SOURCES.flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier.startsWith('.') && !/\.(ts|json|sh)$/.test(specifier))
        .map(({ specifier, line }) => `${file.path}:${line} ${specifier}`),
    );
    expect(without).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('sees every form', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from './b.ts';",
      'import {\n  c,\n  type D,\n} from "./not.ts";'.replaceAll('"', "'"),
      "export { e } from './e.ts';",
      "import './f.ts';",
      "const g = await import('./g.ts');",
      "type H = typeof import('./h.ts');",
    ].join('\n');
    const found = importsOf({ path: 'src/core/x.ts', text });
    expect(found.map(({ specifier, isTypeOnly }) => [specifier, isTypeOnly])).toEqual([
      ['./a.ts', false],
      ['./b.ts', true],
      ['./not.ts', false],
      ['./e.ts', false],
      ['./f.ts', false],
      ['./g.ts', false],
      ['./h.ts', true],
    ]);
  });
});
