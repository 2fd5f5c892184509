import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { COMMAND_GROUPS } from '../../src/cli/commands/index.ts';
import type { Io } from '../../src/cli/io.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { Frame } from '../../src/cli/verb.ts';
import { fence, page } from './markdown.ts';

const WIDTH = 100;

/** The help of every command. */
export function renderCliPage(): string {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), columns: WIDTH };
  const io: Io = { stdin: new PassThrough(), stdout: stream, stderr: stream, env: {} };
  const frame: Frame = { io, exitCode: 0 };
  const program = buildProgram(frame);
  const helpOf = (command: Command) => {
    written.length = 0;
    command.outputHelp();
    return written.join('');
  };
  const sections = (command: Command, path: string): string[] => [
    `## ${path}`,
    fence(helpOf(command), 'text'),
    ...command.commands.flatMap((child) => sections(child, `${path} ${child.name()}`)),
  ];
  const children = COMMAND_GROUPS.flatMap(({ commands }) => commands.map((make) => make(frame).name()));
  const shown = program.commands.filter((command) => children.includes(command.name()));
  return page(
    'Command line',
    'Results go to standard output, progress and errors to standard error. Exit codes are in [errors.md](errors.md), the documents of `-o json` in [../json.md](../json.md).',
    [
      '## quorate',
      fence(helpOf(program), 'text'),
      ...shown.flatMap((command) => sections(command, `quorate ${command.name()}`)),
    ],
  );
}
