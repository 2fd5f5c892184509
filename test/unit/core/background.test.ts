import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startBackground } from '../../../src/core/background.ts';
import { isProcessAlive } from '../../../src/core/process.ts';
import { endProcesses, openScratch, parseProcessFile, sweepScratch } from '../../../src/core/scratch.ts';
import { recordingContext } from '../../helpers/context.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-background-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function identity(name: string) {
  for (;;) {
    const found = parseProcessFile(await readFile(join(directory, `${name}.process`), 'utf8').catch(() => ''));
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it('is known by its file, and gone after stop', async () => {
  const program = await startBackground(recordingContext(), directory, 'sleeper', ['sleep', '300']);
  const found = await identity('sleeper');
  expect(await isProcessAlive(found)).toBe(true);
  expect(program.failure()).toBeUndefined();
  await program.stop();
  expect(await isProcessAlive(found)).toBe(false);
  await program.stop();
});

it('says how it ended, and what it said last', async () => {
  const ctx = recordingContext();
  ctx.redactor.add('secret-word');
  const script = 'for n in 1 2 3 4 5 6 7; do echo "line $n"; done; echo secret-word >&2; exit 3';
  const program = await startBackground(ctx, directory, 'loud', ['sh', '-c', script]);
  while (program.failure() === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(program.failure()).toBe('ended with exit code 3');
  const words = await program.lastWords();
  expect(words.split('\n').slice(-2)).toEqual(['line 7', '[redacted]']);
  expect(words).not.toContain('line 1\n');
});

it('ends with the abort of its context', async () => {
  const ctx = recordingContext();
  await startBackground(ctx, directory, 'sleeper', ['sleep', '300']);
  const found = await identity('sleeper');
  ctx.abort.abort();
  while (await isProcessAlive(found)) await new Promise((resolve) => setTimeout(resolve, 20));
});

it('what a dead owner left running is ended by its file, and nothing else is', async () => {
  const program = await startBackground(recordingContext(), directory, 'left', ['sleep', '300']);
  const found = await identity('left');
  await endProcesses(directory);
  expect(await isProcessAlive(found)).toBe(false);
  await program.stop();
  expect(parseProcessFile('')).toBeUndefined();
  expect(parseProcessFile('boot\n1 (init) S')).toBeUndefined();
});

it('directories of living owners stay, those of dead ones go', async () => {
  const own = await openScratch(directory, 'work');
  const [name = ''] = await readdir(directory);
  const [, pid, ticks, boot, namespace] = name.split('.');
  const dead = [`work.${pid}.1.${boot}.${namespace}.aa`, `work.${pid}.${ticks}.${'0'.repeat(36)}.1.bb`];
  const others = [`other.${pid}.1.${boot}.${namespace}.cc`, 'work-notes', `work.${pid}.1.${boot}.1.dd`];
  await execa(
    'mkdir',
    [...dead, ...others].map((other) => join(directory, other)),
  );
  await sweepScratch(directory, 'work');
  expect((await readdir(directory)).sort()).toEqual([name, ...others].sort());
  await own.remove();
  await own.remove();
});
