// Golden reports: what a person sees for each wrong file. Read a changed golden file as that person would.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QuorateError } from '../../../src/core/errors.ts';
import { loadSpec, parseSpec } from '../../../src/spec/load.ts';
import type { Problem } from '../../../src/spec/problem.ts';
import { formatProblem } from '../../../src/spec/report.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const golden = (name: string) => join(import.meta.dirname, '../../golden/spec', name);
const read = (name: string) => readFileSync(join(FIXTURES, name), 'utf8');
const fixtures = (prefix: string) => readdirSync(FIXTURES).filter((name) => name.startsWith(prefix));

function errorOf(text: string, file = 'cluster.yaml'): QuorateError {
  try {
    parseSpec(text, file);
  } catch (error) {
    if (error instanceof QuorateError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

const problemsOf = (error: QuorateError) => error.data.problems as readonly Problem[];

describe('reports about wrong files', () => {
  it.each(fixtures('invalid-'))('%s: names place, problem and fix of everything', async (name) => {
    const error = errorOf(read(name), name);
    const text = `${error.code}: ${error.message}\n`;
    await expect(text).toMatchFileSnapshot(golden(name.replace(/\.yaml.*/, '.txt')));
  });

  it('reports at least ten problems of the file with ten mistakes, each on its own line and column', () => {
    const problems = problemsOf(errorOf(read('invalid-ten-mistakes.yaml'))).filter(({ kind }) => kind === 'invalid');
    expect(problems.length).toBeGreaterThanOrEqual(10);
    expect(new Set(problems.map(({ line, column }) => `${line}:${column}`)).size).toBe(problems.length);
    for (const { fix, line, column } of problems) {
      expect(fix).not.toBe('');
      expect(line).toBeGreaterThan(1);
      expect(column).toBeGreaterThan(0);
    }
  });

  it('says SPEC_UNSUPPORTED only when nothing is wrong', () => {
    expect(errorOf(read('invalid-unsupported.yaml')).code).toBe('SPEC_UNSUPPORTED');
    const worse = read('invalid-unsupported.yaml').replace('name: etcd2', 'name: lb1');
    const error = errorOf(worse);
    expect(error.code).toBe('SPEC_INVALID');
    expect(problemsOf(error).filter(({ code }) => code === 'SPEC_UNSUPPORTED').length).toBeGreaterThan(1);
  });

  it('explains an empty file, a text, a list, and a second document', () => {
    expect(errorOf('').message).toContain('the file is empty');
    expect(errorOf('# only a comment\n').message).toContain('the file is empty');
    expect(errorOf('hello').message).toContain('the document must be a map, not "hello"');
    expect(errorOf('- a\n').message).toContain('the document must be a map, not a list');
    expect(errorOf(`${read('valid-minimal.yaml')}---\na: 1\n`).message).toContain('more than one YAML document');
  });

  it('says nothing about what follows an unreadable line', () => {
    const problems = problemsOf(errorOf('apiVersion: quorate/v1alpha1\nkind: Pod\nspec: {\n\tmachines: 5\nbogus: 1\n'));
    expect(problems[0]).toMatchObject({ path: 'kind', line: 2, column: 7 });
    expect(problems.slice(1).every(({ message }) => message.startsWith('the YAML cannot be read'))).toBe(true);
    expect(problems.length).toBeGreaterThan(1);
  });

  it('survives aliases that multiply without end', () => {
    const bomb = Array.from({ length: 12 }, (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : Array(9).fill(`*a${i - 1}`)}]`);
    expect(errorOf(bomb.join('\n')).message).toContain('alias');
  });

  it('keeps terminal control characters and long lines of the file out of the report', () => {
    const text = `apiVersion: "\u001b[31m${'x'.repeat(5000)}"\n`;
    const { message } = errorOf(text);
    expect(message).not.toContain('\u001b');
    expect(Math.max(...message.split('\n').map((line) => line.length))).toBeLessThan(300);
  });

  it('puts the caret under the wrong value, after tabs too', () => {
    const problem: Problem = { kind: 'invalid', path: 'a', line: 1, column: 4, length: 3, message: 'm', fix: 'f' };
    expect(formatProblem('c.yaml', 'a:\tabc\n', problem)).toBe('c.yaml:1:4: m\n   1 | a: abc\n     |    ^~~\n  fix: f');
  });
});

describe('loadSpec', () => {
  it.each(fixtures('valid-'))('%s: resolves', async (name) => {
    const { spec, warnings } = await loadSpec(join(FIXTURES, name));
    const result = { spec: { ...spec, file: name }, warnings };
    await expect(`${JSON.stringify(result, null, 2)}\n`).toMatchFileSnapshot(golden(name.replace('.yaml', '.json')));
    expect(Object.isFrozen(spec) && Object.isFrozen(spec.machines[0])).toBe(true);
  });

  it('says that there is no file, and how to write one', async () => {
    const error = await loadSpec('/nowhere/cluster.yaml').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SPEC_NOT_FOUND', hint: 'write one with: quorate init' });
  });

  it('reads files with a byte order mark and Windows line ends', () => {
    const text = `\uFEFF${read('valid-full.yaml').replaceAll('\n', '\r\n')}`;
    expect(parseSpec(text).spec).toEqual(parseSpec(read('valid-full.yaml')).spec);
  });
});
