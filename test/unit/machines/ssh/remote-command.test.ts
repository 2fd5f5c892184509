import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExecResult, runCommand } from '../../../../src/core/command.ts';
import { silentContext } from '../../../../src/core/context.ts';
import { type Input, inputBytes, Lifeline } from '../../../../src/machines/ssh/lifeline.ts';
import { readEnd, remoteArgv, rootProbeArgv, terminalArgv } from '../../../../src/machines/ssh/remote-command.ts';

// The supervisor runs on this host: it needs nothing but bash and coreutils, and a lifeline for standard input.
const ctx = silentContext();
const local = (argv: readonly string[], bytes = 0) =>
  remoteArgv(argv, { user: 'root', inputBytes: bytes, timeoutMs: 20_000 });
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-lifeline-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function run(argv: readonly string[], input: Input = ''): Promise<ExecResult> {
  const bytes = inputBytes(input);
  const lifeline = await Lifeline.open(ctx, directory);
  try {
    const running = runCommand(ctx, local(argv, bytes), { stdin: { file: lifeline.path }, allowFailure: true });
    lifeline.feed(input, bytes);
    return await running;
  } finally {
    lifeline.close();
  }
}

describe('a command for the other end', () => {
  it('is root, directly or through sudo that never asks', () => {
    const options = { inputBytes: 0, timeoutMs: 1_500, env: { A: 'b c' }, cwd: '/tmp' };
    expect(remoteArgv(['id'], { ...options, user: 'root' })[0]).toBe('bash');
    const argv = remoteArgv(['id'], { ...options, user: 'ops' });
    expect(argv.slice(0, 4)).toEqual(['sudo', '-n', '--', 'bash']);
    expect(argv.slice(6).join(' ')).toBe(
      'quorate 0 env -i -C /tmp PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root ' +
        'LANG=C.UTF-8 A=b c timeout --kill-after=5 12 id',
    );
    expect(remoteArgv(['id'], { ...options, user: 'ops', timeoutMs: 0 })).toContain('0');
    expect(rootProbeArgv('ops').join(' ')).toBe('sudo -n -- bash -c :');
  });

  it('keeps a terminal to itself when it has one', () => {
    const argv = terminalArgv(['bash', '-l'], { user: 'ops', terminal: 'xterm' }).join(' ');
    expect(argv).toMatch(/^sudo -n -- env -i PATH=.* TERM=xterm bash -l$/);
  });

  it('gets its input to the byte, from text, bytes and files, and then the end of it', async () => {
    const file = join(directory, 'input');
    const content = randomBytes(3_000_000);
    await writeFile(file, content);
    expect((await run(['cat'])).stdout).toBe('');
    expect((await run(['cat'], 'text ü')).stdout).toBe('text ü');
    expect((await run(['wc', '-c'], content)).stdout.trim()).toBe('3000000');
    const { stdout } = await run(['base64', '-w0'], { file });
    expect(Buffer.compare(Buffer.from(stdout, 'base64'), content)).toBe(0);
    expect((await run(['true'], content)).exitCode).toBe(0);
  });

  it('fails before it starts when there is no such file', () => {
    expect(() => inputBytes({ file: join(directory, 'none') })).toThrow('ENOENT');
  });

  it('has a clean environment and ends with its own code, 255 included', async () => {
    expect((await run(['env'])).stdout.split('\n').map((entry) => entry.split('=')[0])).toEqual([
      'PATH',
      'HOME',
      'USER',
      'LANG',
      '',
    ]);
    expect((await run(['sh', '-c', 'exit 3'])).exitCode).toBe(3);
    const own = await run(['sh', '-c', 'echo oh >&2; exit 255']);
    expect(readEnd(own)).toMatchObject({ isLost: false, result: { exitCode: 255, stderr: 'oh\n' } });
    expect(readEnd({ ...own, stderr: 'oh\n' }).isLost).toBe(true);
  });

  it('ends with its connection, children and all, and not before', async () => {
    const [program = '', ...args] = local(['sh', '-c', 'sleep 47110 & sleep 47110; wait']);
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = new Promise((resolve) => child.on('close', resolve));
    const count = async () =>
      Number((await runCommand(ctx, ['pgrep', '-cf', '^sleep 47110$'], { allowFailure: true })).stdout);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await count()).toBe(2);
    child.stdin.end();
    await ended;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await count()).toBe(0);
  });
});
