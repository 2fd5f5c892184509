import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Redactor } from '../../../src/core/redact.ts';
import { createJournal } from '../../../src/engine/journal.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('the run journal', () => {
  it('holds the events of one run, redacted, for its owner only', async () => {
    const redactor = new Redactor();
    redactor.add('s3cret-value');
    const journal = createJournal(redactor, dir);
    journal.onEvent({
      t: Date.parse('2026-11-20T19:30:00.123Z'),
      code: 'run.started',
      data: { verb: 'up', cluster: 'demo' },
    });
    journal.onEvent({ t: 1, code: 'note', data: { text: 'the token is s3cret-value' } });
    await journal.close();
    const [name = ''] = readdirSync(dir);
    expect(name).toBe('20261120T193000.123Z-up-demo.ndjson');
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    const lines = readFileSync(join(dir, name), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).code)).toEqual(['run.started', 'note']);
    expect(lines[1]).not.toContain('s3cret');
  });

  it('leaves no file for a verb that starts no run', async () => {
    const journal = createJournal(new Redactor(), dir);
    journal.onEvent({ t: 1, code: 'note', data: { text: 'looking' } });
    await journal.close();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('keeps the newest 200, whatever else lies there', async () => {
    const old = Array.from(
      { length: 205 },
      (_, index) => `20250101T000000.${String(index).padStart(3, '0')}Z-up-x.ndjson`,
    );
    for (const name of [...old, 'notes.txt']) writeFileSync(join(dir, name), '');
    const journal = createJournal(new Redactor(), dir);
    journal.onEvent({ t: 1, code: 'run.started', data: { verb: 'up', cluster: 'demo' } });
    await journal.close();
    const left = readdirSync(dir).sort();
    expect(left).toHaveLength(201);
    expect(left).toEqual(
      expect.arrayContaining(['notes.txt', old.at(-1), old[6], '19700101T000000.001Z-up-demo.ndjson']),
    );
    expect(left).not.toContain(old[5]);
  });

  it('does not end a run when its directory cannot be written', async () => {
    const journal = createJournal(new Redactor(), '/dev/null/no-such-place');
    journal.onEvent({ t: 1, code: 'run.started', data: { verb: 'up', cluster: 'demo' } });
    await journal.close();
    expect(journal.location()).toBeUndefined();
  });
});
