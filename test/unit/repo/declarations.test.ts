import { describe, expect, it } from 'vitest';
import { detachedExports, longFunctions, undocumentedExports } from './declarations.ts';
import { sourcesBelow } from './sources.ts';

const MAX_FUNCTION_LINES = 60;
const SOURCES = sourcesBelow('src');
const fileOf = (...lines: string[]) => ({ path: 'src/core/x.ts', text: lines.join('\n') });

describe('what src/ exports', () => {
  it('has a doc comment directly above it: meaning, units, shape, errors, and the source of a number or rule', () => {
    expect(SOURCES.flatMap(undocumentedExports).join('\n')).toBe('');
  });

  it('is exported with its declaration', () => {
    expect(SOURCES.flatMap(detachedExports).join('\n')).toBe('');
  });
});

describe('functions', () => {
  it(`have at most ${MAX_FUNCTION_LINES} lines`, () => {
    expect(SOURCES.flatMap((file) => longFunctions(file, MAX_FUNCTION_LINES)).join('\n')).toBe('');
  });
});

describe('the reader of declarations', () => {
  it.each([
    'export function a() {',
    'export async function a() {',
    'export abstract class A {',
    'export interface A {',
    'export type A = string;',
    'export const a = 1;',
    'export const { a } = b;',
  ])('wants a comment above `%s`', (line) => {
    expect(undocumentedExports(fileOf('/** What it is. */', line))).toEqual([]);
    expect(undocumentedExports(fileOf('/**', ' * What it is.', ' */', line))).toEqual([]);
    const without = [[], ['// A note.'], ['/* A note. */'], ['/** */'], ['/** Of something else. */', '']];
    for (const above of without) expect(undocumentedExports(fileOf(...above, line))).toHaveLength(1);
  });

  it('wants none where another file has it, nor in a shell script', () => {
    const text = fileOf("export { a } from './a.ts';", "export type { B } from './b.ts';", 'export PATH=/bin');
    expect([...undocumentedExports(text), ...detachedExports(text)]).toEqual([]);
  });

  it('finds what is exported elsewhere in its file', () => {
    expect(detachedExports(fileOf('const a = 1;', 'export {', '  a,', '};'))).toEqual(['src/core/x.ts a']);
    expect(detachedExports(fileOf("import type { B } from './b.ts';", 'export type { B };'))).toEqual([]);
  });

  it.each([
    ['a function', 'function a() {', '}'],
    [
      'one with its parameters on lines of their own',
      'export async function a(',
      '  b: string,',
      '): Promise<void> {',
      '}',
    ],
    ['one of a destructured object', 'function a({', '  b,', '}: B): void {', '}'],
    ['an arrow', 'const a = async (b: B): Promise<void> => {', '};'],
    ['an argument', "  it('does', () => {", '  });'],
    ['a method', '  async a<T>(b: T): Promise<T> {', '  }'],
    ['a method of several lines', '  a(', '    b: B,', '  ): C {', '  }'],
  ])('counts the lines of %s, blocks inside included', (_what, ...lines) => {
    const indent = /^ */.exec(lines[0] ?? '')?.[0] ?? '';
    const body = [`${indent}  if (c) {`, `${indent}    d();`, `${indent}  }`];
    const text = fileOf(...lines.slice(0, -1), ...body, lines.at(-1) ?? '', 'const after = 1;');
    const length = lines.length + body.length;
    expect(longFunctions(text, length)).toEqual([]);
    expect(longFunctions(text, length - 1)).toEqual([`src/core/x.ts:1 ${lines[0]?.trim()} has ${length} lines`]);
  });

  it('takes no statement and no call for a function', () => {
    const block = (line: string) => fileOf(line, '    a();', '  }');
    for (const line of ['  if (a) {', '  for (const a of b(c)) {', '  return (a) {', '  } catch (error) {'])
      expect(longFunctions(block(line), 1)).toEqual([]);
    expect(longFunctions(fileOf('  a(', '    b,', '  );', '  }'), 1)).toEqual([]);
  });
});
