// One command line from its words to its exit code; main.ts gives it the process's edges, tests their own.
import { type Command, CommanderError } from 'commander';
import { QuorateError } from '../core/errors.ts';
import { reportError } from './error-report.ts';
import { asksForJson } from './global-options.ts';
import type { Io } from './io.ts';
import { buildProgram } from './program.ts';
import type { Frame } from './verb.ts';

/** Commander's codes for "help or version was shown, all is well". */
const SHOWN = ['commander.helpDisplayed', 'commander.version'];

/** Runs the command that `argv` (without node and script) names. Never throws; returns the exit code. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const frame: Frame = { io, exitCode: 0 };
  const program = buildProgram(frame);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return frame.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && SHOWN.includes(error.code)) return 0;
    // `quorate help up` was asked for; `quorate machine` alone was not, and its help went to standard error.
    if (error instanceof CommanderError && error.code === 'commander.help') return error.exitCode === 0 ? 0 : 2;
    return reportError(io, error instanceof CommanderError ? usageError(error, program, argv) : error, {
      output: asksForJson(argv) ? 'json' : 'plain',
      debug: argv.includes('--debug'),
      color: !argv.includes('--no-color'),
    });
  }
}

/** Commander's complaint as one of ours; its "(Did you mean …?)" becomes the hint, else the help that tells more. */
function usageError(error: CommanderError, program: Command, argv: readonly string[]): QuorateError {
  const [, message = error.message, suggestion] = /^(?:error: )?([^\n]*)(?:\n\((.*)\))?/s.exec(error.message) ?? [];
  const hint = suggestion?.replace(/^Did/, 'did') ?? `see ${calledCommand(program, argv)} --help`;
  return new QuorateError('USAGE', message, { cause: error, hint });
}

/** The words of `argv` that name a command: `quorate machine kill`. */
function calledCommand(program: Command, argv: readonly string[]): string {
  let command = program;
  const words = [program.name()];
  for (const word of argv) {
    const child = command.commands.find((candidate) => candidate.name() === word);
    if (!child) continue;
    command = child;
    words.push(word);
  }
  return words.join(' ');
}
