import { describe, expect, it } from 'vitest';
import { type ExecOptions, runCommand } from '../../../src/core/command.ts';
import { recordingContext } from '../../helpers/context.ts';

const sh = (script: string, options: ExecOptions = {}, ctx = recordingContext()) =>
  runCommand(ctx, ['sh', '-c', script], options);

describe('a command', () => {
  it('gives its output and exit code, and is reported once', async () => {
    const ctx = recordingContext();
    const result = await sh('printf out; printf err >&2', {}, ctx);
    expect(result).toMatchObject({ machine: null, exitCode: 0, signal: null, stdout: 'out', stderr: 'err' });
    expect(ctx.events.map(({ code }) => code)).toEqual(['command.finished']);
  });

  it('that fails is an error, unless that is allowed', async () => {
    await expect(sh('echo why >&2; exit 3')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringMatching(/ended with exit code 3:\nwhy$/),
    });
    expect(await sh('exit 3', { allowFailure: true })).toMatchObject({ exitCode: 3 });
  });

  it('that a signal ends has no exit code', async () => {
    await expect(sh('kill -9 $$')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('was ended by SIGKILL'),
    });
    expect(await sh('kill -9 $$', { allowFailure: true })).toMatchObject({ exitCode: -1, signal: 'SIGKILL' });
  });

  it('that takes too long is ended, also where failures are allowed', async () => {
    const late = sh('exec sleep 60', { timeoutMs: 100, allowFailure: true });
    await expect(late).rejects.toMatchObject({ code: 'COMMAND_TIMED_OUT' });
  });

  it('that is not there, or cannot be run, is an error even where failures are allowed', async () => {
    const run = (program: string) => runCommand(recordingContext(), [program], { allowFailure: true });
    await expect(run('/no/such/program')).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
    await expect(run('/etc')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('ends with the run that it belongs to', async () => {
    const ctx = recordingContext();
    const running = sh('exec sleep 60', {}, ctx);
    ctx.abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('says what it says while it runs', async () => {
    const pieces: string[] = [];
    const { stdout } = await sh('printf a; printf b >&2', { onOutput: (text) => pieces.push(text) });
    expect(pieces.sort()).toEqual(['a', 'b']);
    expect(stdout).toBe('a');
  });
});

describe('a command that goes on until it is stopped', () => {
  it('is reported and not collected: a week of it needs no memory', async () => {
    let bytes = 0;
    const onOutput = (text: string) => {
      bytes += text.length;
    };
    const result = await sh('head -c 70000000 /dev/zero; echo done', { isEndless: true, onOutput });
    expect(bytes).toBe(70_000_005);
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
  });
});
