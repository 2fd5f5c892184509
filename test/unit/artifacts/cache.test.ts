import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkContent, lookUp, makeStaging, store } from '../../../src/artifacts/cache.ts';
import { artifactsDir, cachePath } from '../../../src/artifacts/layout.ts';
import { useSandbox } from './support/sandbox.ts';

const KEY = { name: 'kubelet', version: 'v1.36.3', file: 'kubelet' };

async function put(content: string, recipe?: string) {
  const path = join(await makeStaging('test'), 'file');
  await writeFile(path, content);
  return await store(KEY, path, { source: 'build', tookMs: 12.4, ...(recipe === undefined ? {} : { recipe }) });
}

describe('cache', () => {
  useSandbox();

  it('has nothing at first', async () => {
    expect(await lookUp(KEY)).toEqual({ state: 'missing' });
  });

  it('stores a file by name and version, executable, with its sha256 and origin beside it', async () => {
    const entry = await put('hello\n');
    expect(entry.path).toBe(join(artifactsDir(), 'kubelet/v1.36.3/kubelet'));
    expect((await stat(entry.path)).mode & 0o777).toBe(0o755);
    expect(JSON.parse(await readFile(`${entry.path}.json`, 'utf8'))).toMatchObject({
      sha256: '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
      sizeBytes: 6,
      source: 'build',
      tookMs: 12,
    });
    expect(await lookUp(KEY)).toMatchObject({ state: 'cached', entry: { sha256: entry.sha256 } });
  });

  it('leaves no temporary file beside a stored one', async () => {
    const { path } = await put('hello\n');
    expect((await readdir(join(path, '..'))).sort()).toEqual(['kubelet', 'kubelet.json']);
  });

  it('takes a file without its sidecar for missing: the writer was killed between the two', async () => {
    await put('hello\n');
    await writeFile(`${cachePath(KEY)}.json`, '{"sha256": "58');
    expect(await lookUp(KEY)).toEqual({ state: 'missing' });
  });

  it('sees at once that a file was cut short', async () => {
    await put('hello\n');
    await writeFile(cachePath(KEY), 'hel');
    expect(await lookUp(KEY)).toMatchObject({ state: 'corrupt', reason: '3 bytes, recorded 6' });
  });

  it('sees at once that a file of the same length was written over', async () => {
    await put('hello\n');
    await writeFile(cachePath(KEY), 'hellO\n');
    expect(await lookUp(KEY)).toMatchObject({ state: 'corrupt' });
  });

  it('accepts a file whose time changed but whose content did not', async () => {
    const { path } = await put('hello\n');
    await utimes(path, 1_000, 1_000);
    expect(await lookUp(KEY)).toMatchObject({ state: 'cached', entry: { mtimeMs: 1_000_000 } });
    expect(JSON.parse(await readFile(`${path}.json`, 'utf8'))).toMatchObject({ mtimeMs: 1_000_000 });
  });

  it('finds silent damage by the full check only, and remembers it', async () => {
    const { path } = await put('hello\n');
    const { atime, mtime } = await stat(path);
    await writeFile(path, 'hellO\n');
    await utimes(path, atime, mtime);
    // utimes keeps microseconds only in part; the recorded time must match for the quick look to pass.
    const sidecar = JSON.parse(await readFile(`${path}.json`, 'utf8'));
    await writeFile(`${path}.json`, JSON.stringify({ ...sidecar, mtimeMs: (await stat(path)).mtimeMs }));
    expect(await lookUp(KEY)).toMatchObject({ state: 'cached' });
    expect(await checkContent(KEY)).toMatchObject({ state: 'corrupt' });
    expect(await lookUp(KEY)).toMatchObject({ state: 'corrupt' });
  });

  it('takes an image that was packed by another recipe for missing', async () => {
    await put('hello\n', 'recipe-1');
    expect(await lookUp(KEY, 'recipe-1')).toMatchObject({ state: 'cached' });
    expect(await lookUp(KEY, 'recipe-2')).toEqual({ state: 'missing' });
  });
});
