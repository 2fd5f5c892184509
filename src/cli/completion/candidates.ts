// What can come next on a command line, read off the program itself: no list is kept by hand.
import type { Argument, Command, Option } from 'commander';

/** One word that can be completed to, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly help: string;
}

/** What can be looked up, by the name of the argument that wants it. */
const LOOKED_UP = { machine: 'machines', node: 'nodes', run: 'runs' } as const;

/** What can come next: words, files, or names that the caller looks up. */
export interface Completion {
  readonly words: readonly Candidate[];
  /** Something that has to be looked up. */
  readonly wants?: 'files' | (typeof LOOKED_UP)[keyof typeof LOOKED_UP];
}

const NOTHING: Completion = { words: [] };

/**
 * What can follow `before` (the words after the program's name, all complete) where `current` is being typed.
 * Unknown words end it with nothing.
 */
export function completionsFor(program: Command, before: readonly string[], current: string): Completion {
  let command = program;
  let position = 0;
  for (let at = 0; at < before.length; at += 1) {
    const word = before[at] ?? '';
    if (word === '--') return NOTHING;
    if (word.startsWith('-')) {
      const option = findOption(command, word);
      if (!takesNextWord(option, word)) continue;
      at += 1;
      if (at === before.length) return starting(optionValues(option), current);
      continue;
    }
    const child = command.commands.find((candidate) => candidate.name() === word || candidate.aliases().includes(word));
    if (child) {
      command = child;
      position = 0;
    } else {
      position += 1;
    }
  }
  if (current.startsWith('-')) return starting({ words: optionWords(command) }, current);
  return starting(operandsOf(command, position), current);
}

function takesNextWord(option: Option | undefined, word: string): option is Option {
  return option !== undefined && (option.required || option.optional) && !word.includes('=');
}

function findOption(command: Command, word: string): Option | undefined {
  return command.options.find((option) => option.short === word || option.long === word);
}

function optionWords(command: Command): Candidate[] {
  return visibleOptions(command).flatMap((option) =>
    option.long ? [{ word: option.long, help: option.description }] : [],
  );
}

/** Options that help shows, `--help` included. */
function visibleOptions(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function optionValues(option: Option): Completion {
  if (option.argChoices) return { words: option.argChoices.map((word) => ({ word, help: '' })) };
  return /file|dir|path/i.test(option.flags.split(/[<[]/)[1] ?? '') ? { words: [], wants: 'files' } : NOTHING;
}

function operandsOf(command: Command, position: number): Completion {
  if (command.commands.length > 0) {
    const children = command.createHelp().visibleCommands(command);
    return { words: children.map((child) => ({ word: child.name(), help: child.summary() || child.description() })) };
  }
  const argument = command.registeredArguments[position] ?? variadicOf(command.registeredArguments);
  if (!argument) return NOTHING;
  if (argument.argChoices) return { words: argument.argChoices.map((word) => ({ word, help: '' })) };
  const noun = argument.name().replace(/s$/, '');
  if (noun in LOOKED_UP) return { words: [], wants: LOOKED_UP[noun as keyof typeof LOOKED_UP] };
  return /file|dir|path/.test(argument.name()) ? { words: [], wants: 'files' } : NOTHING;
}

function variadicOf(declared: readonly Argument[]): Argument | undefined {
  return declared.find((argument) => argument.variadic);
}

function starting(completion: Completion, current: string): Completion {
  return { ...completion, words: completion.words.filter(({ word }) => word.startsWith(current)) };
}
