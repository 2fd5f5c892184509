import { describe, expect, it } from 'vitest';
import { cli } from './harness.ts';

describe('a wrong command line', () => {
  it.each([
    ['an unknown command, with a suggestion', ['stauts']],
    ['an unknown option', ['version', '--foo']],
    ['a wrong output format', ['version', '-o', 'yaml']],
    ['a missing argument', ['machine', 'kill']],
    ['too many arguments', ['version', 'now']],
    ['a duration that is none', ['up', '--timeout', '10']],
    ['a file and a cluster at once', ['status', '-f', 'a.yaml', '--cluster', 'b']],
    ['apply without a file', ['apply']],
    ['apply with the name of a cluster', ['apply', '--cluster', 'b']],
    ['apply with a file and a cluster', ['--cluster', 'b', 'apply', '-f', 'a.yaml']],
    ['init with a word for a count', ['init', '--workers', 'two']],
  ])('%s', async (name, argv) => {
    const { exitCode, stdout, stderr } = await cli(argv);
    expect([exitCode, stdout]).toEqual([2, '']);
    await expect(stderr).toMatchFileSnapshot(`../../golden/cli/usage-${name.replace(/\W+/g, '-')}.txt`);
  });

  it('is one JSON document on standard output with -o json', async () => {
    const { exitCode, stdout, stderr } = await cli(['stauts', '-o', 'json']);
    expect([exitCode, stderr]).toEqual([2, '']);
    expect(JSON.parse(stdout)).toEqual({
      apiVersion: 'quorate/v1alpha1',
      kind: 'Error',
      error: {
        code: 'USAGE',
        message: "unknown command 'stauts'",
        hint: 'did you mean status?',
        family: 'config',
        exitCode: 2,
        data: {},
      },
    });
  });

  it('shows a stack with --debug only', async () => {
    const quiet = await cli(['version', '--foo']);
    const loud = await cli(['version', '--foo', '--debug']);
    expect(quiet.stderr).not.toContain('    at ');
    expect(loud.stderr).toContain('    at ');
  });
});

describe('global options', () => {
  it('count before and behind the command, the inner one wins', async () => {
    const before = await cli(['-o', 'json', 'version']);
    const both = await cli(['-o', 'plain', 'version', '-o', 'json']);
    expect(JSON.parse(before.stdout).kind).toBe('Version');
    expect(JSON.parse(both.stdout).kind).toBe('Version');
  });

  it('keep colours away with NO_COLOR and --no-color, and force them with FORCE_COLOR', async () => {
    const env = { LANG: 'C.UTF-8' };
    const coloured = await cli(['version'], { isTTY: true, env });
    const noColour = await cli(['version'], { isTTY: true, env: { ...env, NO_COLOR: '1' } });
    const flag = await cli(['version', '--no-color'], { isTTY: true, env });
    const forced = await cli(['version'], { env: { ...env, FORCE_COLOR: '1' } });
    expect([coloured, noColour, flag, forced].map(({ stdout }) => stdout.includes('\u001b['))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});
