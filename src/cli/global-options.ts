// The options that mean the same in every command.
import { type Command, Option } from 'commander';
import { parseDuration } from './duration.ts';
import type { Io } from './io.ts';

/** The cluster file that is used when it is there and none is named. */
export const DEFAULT_FILE = 'cluster.yaml';

/** How results and progress are shown. */
export type OutputFormat = 'pretty' | 'plain' | 'json';

/** What the common options were set to. */
export interface GlobalOptions {
  /** cluster.yaml; undefined: ./cluster.yaml when it is there, else the built-in demo. */
  readonly file?: string;
  /** Name of a cluster on this host whose file is not at hand. */
  readonly cluster?: string;
  readonly output: OutputFormat;
  readonly debug: boolean;
  /** false: `--no-color`. */
  readonly color: boolean;
  readonly yes: boolean;
  /** Deadline of the whole command, milliseconds. */
  readonly timeoutMs?: number;
}

/** Groups of common options that a command takes beside those which every command has. */
export type OptionSet = 'cluster' | 'file' | 'act';

/** Heading of the common options in every help. */
export const GLOBAL_GROUP = 'Global options:';

/** Options of every command: how results and progress are shown. */
function outputOptions(): Option[] {
  return [
    new Option('-o, --output <format>', 'how to show results and progress').choices(['pretty', 'plain', 'json']),
    new Option('--debug', 'also show every command that runs, and the stack of an error'),
    new Option('--no-color', 'no colours (as with the variable NO_COLOR; FORCE_COLOR forces them)'),
  ];
}

const SETS: Record<OptionSet, () => Option[]> = {
  cluster: () => [
    new Option('-f, --file <file>', 'the cluster file (default: ./cluster.yaml, else the built-in demo)').conflicts(
      'cluster',
    ),
    new Option('--cluster <name>', 'a cluster of this host by its name, when its file is not at hand'),
  ],
  file: () => [new Option('-f, --file <file>', 'the cluster file; it has to be named')],
  act: () => [
    new Option('-y, --yes', 'do not ask, do it'),
    new Option('--timeout <duration>', 'give up after this long: 90s, 10m, 1h').argParser(parseDuration),
  ],
};

/** Adds the common options to a command, under their own heading in its help. */
export function addGlobalOptions(command: Command, sets: readonly OptionSet[]): Command {
  const options = [...sets.flatMap((set) => SETS[set]()), ...outputOptions()];
  for (const option of options) command.addOption(option.helpGroup(GLOBAL_GROUP));
  return command.addHelpOption(new Option('-h, --help', 'show this help').helpGroup(GLOBAL_GROUP));
}

/** Reads the common options of a command and of the commands above it; the innermost one that was given counts. */
export function globalOptionsOf(command: Command, io: Io): GlobalOptions {
  const given: Record<string, unknown> = {};
  for (let at: Command | null = command; at; at = at.parent) {
    for (const [name, value] of Object.entries(at.opts())) {
      if (at.getOptionValueSource(name) !== 'default') given[name] ??= value;
    }
  }
  const text = (name: string) => (typeof given[name] === 'string' ? { [name]: given[name] } : {});
  return {
    ...text('file'),
    ...text('cluster'),
    output: (given.output as OutputFormat | undefined) ?? (io.stderr.isTTY ? 'pretty' : 'plain'),
    debug: given.debug === true,
    color: given.color !== false,
    yes: given.yes === true,
    ...(typeof given.timeout === 'number' ? { timeoutMs: given.timeout } : {}),
  };
}

/** Whether JSON was asked for, before (or although) the command line could not be parsed. */
export function asksForJson(argv: readonly string[]): boolean {
  return argv.some((argument, at) => {
    if (argument === '-o' || argument === '--output') return argv[at + 1] === 'json';
    return argument === '-ojson' || argument === '--output=json';
  });
}
