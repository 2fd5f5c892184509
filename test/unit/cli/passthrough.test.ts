import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../src/cli/program.ts';
import { fakeIo } from './harness.ts';

/** What the action of a command would be called with. */
async function argumentsOf(path: readonly string[], argv: readonly string[]): Promise<unknown[]> {
  const program = buildProgram({ io: fakeIo().io, exitCode: 0 });
  let command: Command | undefined = program;
  for (const name of path) command = command?.commands.find((child) => child.name() === name);
  let seen: unknown[] = [];
  command?.action((...parameters: unknown[]) => {
    seen = [...parameters.slice(0, -2), program.opts().file];
  });
  await program.parseAsync([...argv], { from: 'user' });
  return seen;
}

describe('quorate kubectl', () => {
  it.each([
    [['get', 'pods', '-o', 'yaml']],
    [['apply', '-f', 'app.yaml', '--dry-run=server']],
    [['exec', 'web', '-c', 'app', '--', 'ls', '-f', '/']],
    [['-n', 'kube-system', 'get', 'pods']],
    [['get', '--help']],
  ])('hands %j to kubectl as it is', async (words) => {
    expect(await argumentsOf(['kubectl'], ['kubectl', ...words])).toEqual([words, undefined]);
  });

  it('may be set apart by two dashes', async () => {
    expect(await argumentsOf(['kubectl'], ['kubectl', '--', 'get', 'nodes'])).toEqual([['get', 'nodes'], undefined]);
  });

  it('takes options of quorate before its name only', async () => {
    expect(await argumentsOf(['kubectl'], ['-f', 'prod.yaml', 'kubectl', 'apply', '-f', 'app.yaml'])).toEqual([
      ['apply', '-f', 'app.yaml'],
      'prod.yaml',
    ]);
  });
});

describe('quorate machine exec', () => {
  it('hands everything behind the name of the machine to the command', async () => {
    const argv = ['machine', 'exec', '--cluster', 'demo', 'cp1', '--', 'etcdctl', '-o', 'json', 'member', 'list'];
    const [name, words] = await argumentsOf(['machine', 'exec'], argv);
    expect(name).toBe('cp1');
    expect((words as string[]).filter((word, index) => !(index === 0 && word === '--'))).toEqual([
      'etcdctl',
      '-o',
      'json',
      'member',
      'list',
    ]);
  });
});
