import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventDeclarations } from '../../../scripts/docs/events.ts';
import { renderReference } from '../../../scripts/docs/index.ts';
import { ERRORS } from '../../../src/core/error-codes.ts';
import { ROOT, sourcesBelow } from './sources.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const EVENTS_SOURCE = read('src/core/events.ts');

const markdownFiles = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: folder !== '.' })
    .map((name) => (folder === '.' ? String(name) : `${folder}/${name}`))
    .filter((name) => name.endsWith('.md')),
);

describe('the reference pages', () => {
  it.each(Object.entries(renderReference(EVENTS_SOURCE)))(
    '%s is in step with the code (else: make docs)',
    (path, text) => {
      expect(existsSync(join(ROOT, path)) ? read(path) : 'missing').toBe(text);
    },
  );

  it('have every error code, and no other', () => {
    const documented = [...read('docs/reference/errors.md').matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code]) => code);
    expect(documented.sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('have every event of the registry', () => {
    const declared = [...EVENTS_SOURCE.matchAll(/^ {2}'?([a-z]+(?:\.[a-z]+)*)'?: \{/gm)].map(([, code]) => code);
    expect(eventDeclarations(EVENTS_SOURCE).map(({ code }) => code)).toEqual(declared);
    expect(declared).toContain('run.started');
    expect(declared).toContain('note');
  });
});

describe('docs', () => {
  it('lead nowhere that does not exist', () => {
    const broken = markdownFiles.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(join(ROOT, dirname(file), target)))
        .map((target) => `${file} links to ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('say in docs/whats-here.md what every folder of src is', () => {
    const text = read('docs/whats-here.md');
    const folders = [...new Set(sourcesBelow('src').map(({ path }) => path.split('/').slice(0, 2).join('/')))];
    expect(folders.filter((folder) => !text.includes(`\`${folder}/\``))).toEqual([]);
  });

  it('describe every kind of JSON document in docs/json.md', () => {
    const kinds = sourcesBelow('src/cli').flatMap(({ text }) =>
      [...text.matchAll(/\bverb(?:<[^(]*>)?\(\s*frame,\s*'(\w+)'/g)].map(([, kind]) => kind ?? ''),
    );
    const text = read('docs/json.md');
    expect(kinds.length).toBeGreaterThan(10);
    expect([...new Set([...kinds, 'Error'])].filter((kind) => !text.includes(`\`${kind}\``))).toEqual([]);
  });
});
