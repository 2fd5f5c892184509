// Every command's help teaches: what it does, and two or three lines that can be typed.
import { Command } from 'commander';
import { addGlobalOptions, type OptionSet } from './global-options.ts';

/** A line to type and what it does. */
export type Example = readonly [line: string, does: string];

/** What a command's help says. */
export interface Lesson {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What it does, when to use it, what it changes. */
  readonly description: string;
  readonly examples: readonly Example[];
  /** Groups of common options beside the ones that every command has. */
  readonly takes?: readonly OptionSet[];
  /** true: every word after the command belongs to the program that it calls; quorate's own options go before it. */
  readonly isPassThrough?: boolean;
}

/** A command with its help. Its own options come before the global ones in the help. */
export function newCommand(name: string, lesson: Lesson): Command {
  const command = new Command(name).summary(lesson.summary).description(lesson.description).enablePositionalOptions();
  if (lesson.isPassThrough) command.allowUnknownOption().passThroughOptions();
  else addGlobalOptions(command, lesson.takes ?? []);
  if (lesson.examples.length > 0) command.addHelpText('after', `\n${examplesText(lesson.examples)}`);
  return command;
}

/** The examples as aligned lines under their heading. */
export function examplesText(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  return ['Examples:', ...examples.map(([line, does]) => `  ${line.padEnd(width)}  ${does}`.trimEnd())].join('\n');
}
