import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRORS, FAMILIES } from '../../../src/core/error-codes.ts';
import { ROOT, sourcesBelow } from './sources.ts';

const MAX_LINES = 400;
const FILES = ['src', 'test', 'scripts'].flatMap(sourcesBelow);

const offenders = (pattern: RegExp, files = FILES) =>
  files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );

describe('house rules', () => {
  it(`no file is longer than ${MAX_LINES} lines`, () => {
    const long = FILES.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ path, lines }) => `${path} has ${lines} lines`);
    expect(long).toEqual([]);
  });

  it('nothing below cli/ writes to the terminal or ends the process', () => {
    const below = sourcesBelow('src').filter(({ path }) => !path.startsWith('src/cli/'));
    expect(offenders(/(?<![.\w])console\.\w+\(|process\.(stdout|stderr)\.write|process\.exit\(/, below)).toEqual([]);
  });

  it('there are no default exports and no enums', () => {
    const ours = FILES.filter(({ path }) => !path.includes('vitest.config'));
    expect(offenders(/^export default |^(export )?(const )?enum /, ours)).toEqual([]);
  });

  it('errors are thrown by codes of the table', () => {
    const thrown = sourcesBelow('src').flatMap(({ path, text }) =>
      [...text.matchAll(/new QuorateError\(\s*'([A-Z_]+)'/g)].map(([, code = '']) => ({ path, code })),
    );
    expect(thrown.length).toBeGreaterThan(10);
    expect(thrown.filter(({ code }) => !(code in ERRORS))).toEqual([]);
  });

  it('every error has a meaning and a hint in lower case, without a full stop', () => {
    const words = Object.entries(ERRORS).flatMap(([code, { meaning, hint }]) => [
      [code, meaning],
      [code, hint],
    ]);
    expect(words.filter(([, text = '']) => text === '' || text.endsWith('.') || /^[A-Z][a-z]/.test(text))).toEqual([]);
  });

  it('exit codes of families are distinct, and small enough for a shell', () => {
    const codes = Object.values(FAMILIES);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.every((code) => code > 0 && code < 256)).toBe(true);
  });

  it('every runtime dependency has its reason in docs/dependencies.md', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const text = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8');
    expect(Object.keys(dependencies).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});
