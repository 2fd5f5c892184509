// The whole command line: every command in its group. Building it is cheap; what a command does is loaded when it runs.
import { Command, Help, type Option } from 'commander';
import { completeCommand } from './commands/complete.ts';
import { COMMAND_GROUPS } from './commands/index.ts';
import { addGlobalOptions, GLOBAL_GROUP } from './global-options.ts';
import { examplesText } from './teach.ts';
import type { Frame } from './verb.ts';
import { VERSION } from './version.ts';

const ABOUT =
  'Highly available Kubernetes that you can prove: builds clusters out of stock upstream parts, on machines that it makes on this host or on hosts of yours over SSH, changes and upgrades them while they serve, and tells at any time what they can survive.';

const FIRST_STEPS = [
  ['quorate doctor', 'what this host lacks'],
  ['quorate up', 'build the demo cluster: 3 control planes, 2 workers'],
  ['quorate status', 'quorum, members, VIP, nodes on one screen'],
  ['quorate machine kill cp1', 'pull the plug of a control plane and watch'],
] as const;

/** The program with all of its commands. `frame` is where they read, write and leave their exit code. */
export function buildProgram(frame: Frame): Command {
  const program = new Command('quorate')
    .description(ABOUT)
    .version(VERSION, '-V, --version', 'show the version')
    .addHelpCommand(helpCommand())
    .configureHelp({ groupItems })
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => frame.io.stdout.write(text),
      writeErr: (text) => frame.io.stderr.write(text),
      // Errors are reported in one place, by reportError.
      outputError: () => {},
      getOutHelpWidth: () => Math.min(100, frame.io.stdout.columns ?? 100),
      getErrHelpWidth: () => Math.min(100, frame.io.stderr.columns ?? 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', () => `\n${examplesText(FIRST_STEPS)}`);
  addGlobalOptions(program, ['cluster']);
  for (const { heading, commands } of COMMAND_GROUPS) {
    for (const make of commands) program.addCommand(make(frame).helpGroup(heading));
  }
  program.addCommand(completeCommand(frame), { hidden: true });
  inheritSettings(program);
  return program;
}

function helpCommand(): Command {
  return new Command('help')
    .argument('[command]')
    .description('show the help of a command')
    .helpGroup('Quorate itself:');
}

/** Commander's groups, with the common options last: a command's own are what its reader came for. */
function groupItems<T extends Command | Option>(
  this: Help,
  all: T[],
  shown: T[],
  of: (item: T) => string,
): Map<string, T[]> {
  const groups = Help.prototype.groupItems.call(this, all, shown, of as never) as Map<string, T[]>;
  const common = groups.get(GLOBAL_GROUP);
  if (common && groups.delete(GLOBAL_GROUP)) groups.set(GLOBAL_GROUP, common);
  return groups;
}

/** Commander copies settings only into commands that it makes itself. */
function inheritSettings(parent: Command): void {
  for (const child of parent.commands) {
    child.copyInheritedSettings(parent);
    inheritSettings(child);
  }
}
