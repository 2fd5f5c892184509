import { describe, expect, it } from 'vitest';
import { completionsFor } from '../../../src/cli/completion/candidates.ts';
import { confirm } from '../../../src/cli/confirm.ts';
import { parseDuration } from '../../../src/cli/duration.ts';
import { asksForJson } from '../../../src/cli/global-options.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import { cli, fakeIo } from './harness.ts';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5m', 90_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '10', '-5s', '5 s', '0s', 's', '5x'])('refuses "%s" and says how to write it', (text) => {
    expect(() => parseDuration(text)).toThrow(/is not a duration/);
  });
});

describe('confirm', () => {
  const question = 'Destroy 5 machines?';
  const ask = async (stdin: string, isTTY = true, yes = false, isUnattended = false) => {
    const { io, stderr } = fakeIo({ isTTY, stdin });
    await confirm(io, question, { yes, isUnattended, signal: new AbortController().signal });
    return stderr();
  };

  it.each(['y\n', 'Y\n', 'yes\n', ' yes \n'])('goes on with %j', async (typed) => {
    await expect(ask(typed)).resolves.toBe(`${question} [y/N] `);
  });

  it.each(['\n', 'n\n', 'yeah\n', ''])('stops with %j', async (typed) => {
    await expect(ask(typed)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('does not ask with --yes', async () => {
    await expect(ask('', false, true)).resolves.toBe('');
  });

  it('needs --yes where nobody can answer: no terminal, or -o json', async () => {
    await expect(ask('y\n', false)).rejects.toMatchObject({ code: 'CONFIRMATION_NEEDED' });
    await expect(ask('y\n', true, false, true)).rejects.toMatchObject({ code: 'CONFIRMATION_NEEDED' });
  });

  it('ends with the reason when Ctrl-C is pressed at the question', async () => {
    const { io } = fakeIo({ isTTY: true });
    const controller = new AbortController();
    io.stdin.pause();
    const never = { ...io, stdin: Object.assign(new (await import('node:stream')).PassThrough(), { isTTY: true }) };
    const asked = confirm(never, question, { yes: false, isUnattended: false, signal: controller.signal });
    controller.abort(new Error('stopped'));
    await expect(asked).rejects.toThrow('stopped');
  });
});

describe('asksForJson', () => {
  it.each([
    [['status', '-o', 'json'], true],
    [['--output=json', 'x'], true],
    [['-ojson'], true],
    [['-o', 'plain'], false],
    [['json'], false],
  ])('%j -> %s', (argv, expected) => expect(asksForJson(argv)).toBe(expected));
});

describe('completion', () => {
  const program = buildProgram({ io: fakeIo().io, exitCode: 0 });
  const words = (before: string[], current: string) =>
    completionsFor(program, before, current).words.map(({ word }) => word);

  it('offers commands that begin like the word', () => {
    expect(words([], 'ma')).toEqual(['machine']);
    expect(words(['machine'], 's')).toEqual(['start', 'stop', 'shell']);
    expect(words([], '__')).toEqual([]);
  });

  it('offers options, and the choices of their values', () => {
    expect(words(['version'], '--o')).toEqual(['--output']);
    expect(words(['version', '-o'], '')).toEqual(['pretty', 'plain', 'json']);
    expect(words(['init', '--driver'], 's')).toEqual(['ssh']);
  });

  it('offers the choices of arguments', () => {
    expect(words(['completion'], '')).toEqual(['bash', 'zsh', 'fish']);
    expect(words(['completion', 'bash'], '')).toEqual([]);
  });

  it('asks for machine names and files where they belong', () => {
    expect(completionsFor(program, ['machine', 'kill', 'cp1'], '').wants).toBe('machines');
    expect(completionsFor(program, ['node', 'drain', 'w1'], '').wants).toBe('nodes');
    expect(completionsFor(program, ['runs', 'show'], '').wants).toBe('runs');
    expect(completionsFor(program, ['status', '-f'], '').wants).toBe('files');
    expect(completionsFor(program, ['validate'], '').wants).toBe('files');
  });

  it('skips the values of options when it counts', () => {
    expect(completionsFor(program, ['machine', 'kill', '-o', 'json'], 'c').wants).toBe('machines');
  });

  it('answers on the command line with help behind a tab, and machine names of the demo', async () => {
    expect((await cli(['__complete', '--', 'versi'])).stdout).toMatch(/^version\tshow the versions/);
    expect((await cli(['__complete', '--', 'machine', 'kill', 'cp'])).stdout.split('\n')[0]).toMatch(
      /^cp1\tcontrol-plane /,
    );
    const { stdout } = await cli(['__complete', '--', 'node', 'cordon', 'w']);
    expect(stdout.split('\n')[0]).toMatch(/^w\w*1\tworker /);
    expect(await cli(['__complete', '--', 'validate', ''])).toMatchObject({ stdout: ':files\n', exitCode: 0 });
  });

  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { stdout } = await cli(['completion', shell]);
    await expect(stdout).toMatchFileSnapshot(`../../golden/cli/completion.${shell}`);
  });
});
