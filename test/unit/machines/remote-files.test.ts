import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../../src/core/command.ts';
import { silentContext } from '../../../src/core/context.ts';
import { type Exec, readFileBy, uploadBy, writeFilesBy } from '../../../src/machines/remote-files.ts';

// The scripts are run on this host: they need nothing but a shell and coreutils.
const ctx = silentContext();
const exec: Exec = runCommand;

describe('files by way of commands', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'quorate-files-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('are written with content and mode, whatever the umask, and no trace of the work', async () => {
    const files = [
      { path: `${root}/a`, content: 'one', mode: 0o600 },
      { path: `${root}/new/directory/b c`, content: 'two', mode: 0o666 },
      { path: `${root}/*`, content: 'star', mode: 0o644 },
    ];
    await writeFilesBy(exec, ctx, files);
    for (const { path, content, mode } of files) {
      expect(await readFile(path, 'utf8')).toBe(content);
      expect((await stat(path)).mode & 0o777).toBe(mode);
    }
    expect((await stat(`${root}/new/directory`)).mode & 0o777).toBe(0o755);
    expect((await readdir(root)).sort()).toEqual(['*', 'a', 'new']);
  });

  it('have the time of the change, not that of the archive', async () => {
    await writeFilesBy(exec, ctx, [{ path: `${root}/a`, content: 'x', mode: 0o644 }]);
    expect(Date.now() - (await stat(`${root}/a`)).mtimeMs).toBeLessThan(60_000);
  });

  it('appear in the order given', async () => {
    const order: string[] = [];
    const recording: Exec = async (context, argv, options) => {
      const trace = argv.map((word) => word.replaceAll('mv -fT', 'echo "$1"; mv -fT'));
      const result = await runCommand(context, trace, options);
      order.push(...result.stdout.trim().split('\n'));
      return result;
    };
    const paths = ['z', 'a', 'sub/m', 'b'].map((name) => `${root}/${name}`);
    await writeFilesBy(
      recording,
      ctx,
      paths.map((path) => ({ path, content: '', mode: 0o644 })),
    );
    expect(order).toEqual(paths);
  });

  it('stay as they were when the write fails, and nothing is left', async () => {
    await writeFilesBy(exec, ctx, [{ path: `${root}/a`, content: 'old', mode: 0o644 }]);
    const failing = writeFilesBy(exec, ctx, [
      { path: `${root}/a`, content: 'new', mode: 0o644 },
      { path: `${root}/a/below-a-file`, content: 'x', mode: 0o644 },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(await readFile(`${root}/a`, 'utf8')).toBe('old');
    expect(await readdir(root)).toEqual(['a']);
  });

  it('clear away what a killed run left, but not what a running one is at', async () => {
    const old = new Date(Date.now() - 3_600_000);
    for (const name of ['.quorate-dead.0', '.quorate-live.0']) await writeFile(`${root}/${name}`, '');
    await utimes(`${root}/.quorate-dead.0`, old, old);
    await writeFilesBy(exec, ctx, [{ path: `${root}/a`, content: '', mode: 0o644 }]);
    expect((await readdir(root)).sort()).toEqual(['.quorate-live.0', 'a']);
  });

  it('are read whole, empty or missing', async () => {
    await writeFile(`${root}/empty`, '');
    await writeFile(`${root}/bytes`, Buffer.from([0, 255, 10]));
    expect(await readFileBy(exec, ctx, `${root}/empty`)).toEqual(Buffer.alloc(0));
    expect(await readFileBy(exec, ctx, `${root}/bytes`)).toEqual(Buffer.from([0, 255, 10]));
    expect(await readFileBy(exec, ctx, `${root}/missing`)).toBeUndefined();
  });

  it('cannot be read when they are directories', async () => {
    await expect(readFileBy(exec, ctx, root)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('are uploaded with their mode', async () => {
    await writeFile(`${root}/local`, 'content');
    await uploadBy(exec, ctx, `${root}/local`, `${root}/there/remote`, 0o755);
    expect(await readFile(`${root}/there/remote`, 'utf8')).toBe('content');
    expect((await stat(`${root}/there/remote`)).mode & 0o777).toBe(0o755);
  });

  it('have absolute paths', async () => {
    await expect(readFileBy(exec, ctx, 'etc/passwd')).rejects.toThrow('not an absolute path');
  });

  it('are written by scripts that the shell of a small system understands', async () => {
    const scripts: string[] = [];
    const collect: Exec = async (context, argv, options) => {
      scripts.push(argv[2] ?? '');
      return runCommand(context, argv, options);
    };
    await writeFilesBy(collect, ctx, [{ path: `${root}/a`, content: '', mode: 0o644 }]);
    await readFileBy(collect, ctx, `${root}/a`);
    await uploadBy(collect, ctx, `${root}/a`, `${root}/b`, 0o644);
    for (const script of scripts) await promisify(execFile)('dash', ['-n', '-c', script]);
    expect(scripts.length).toBe(3);
  });
});
