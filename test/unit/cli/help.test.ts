import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../src/cli/program.ts';
import { verbName } from '../../../src/cli/verb.ts';
import { cli, fakeIo } from './harness.ts';

const program = buildProgram({ io: fakeIo().io, exitCode: 0 });

function* allCommands(command: Command): Generator<Command> {
  for (const child of command.commands) {
    if (child.name() === '__complete') continue;
    yield child;
    yield* allCommands(child);
  }
}
const commands = [...allCommands(program)];

describe('help', () => {
  it('of quorate alone lists every command, and it is no error', async () => {
    const { exitCode, stdout, stderr } = await cli([]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).not.toContain('__complete');
    await expect(stdout).toMatchFileSnapshot('../../golden/cli/help.txt');
  });

  it.each(commands.map((command) => [verbName(command), command] as const))('of %s teaches', async (name, command) => {
    const words = name.split(' ');
    const isPassThrough = command.name() === 'kubectl';
    const argv = isPassThrough ? ['help', ...words] : [...words, '--help'];
    const { exitCode, stdout } = await cli(argv);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Examples:');
    await expect(stdout).toMatchFileSnapshot(`../../golden/cli/help-${words.join('-')}.txt`);
  });

  it('has a summary, a description and an example for every command', () => {
    for (const command of commands) {
      expect(command.summary(), command.name()).not.toBe('');
      expect(command.description().length, command.name()).toBeGreaterThan(command.summary().length / 2);
    }
  });

  it('of a group without a verb goes to standard error, with the exit code of a wrong command line', async () => {
    const { exitCode, stdout, stderr } = await cli(['machine']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('quorate machine kill cp1');
  });
});
