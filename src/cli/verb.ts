// From a parsed command line to a result on standard output and an exit code.
import type { Command } from 'commander';
import type { Theme } from '../report/theme.ts';
import { reportError } from './error-report.ts';
import { type GlobalOptions, globalOptionsOf } from './global-options.ts';
import type { Io } from './io.ts';
import { openSession, type Session } from './session.ts';
import { SINKS } from './subscribers.ts';

/** `apiVersion` of every JSON document that quorate writes. */
export const API_VERSION = 'quorate/v1alpha1';

/** What a command's action hands back. */
export interface VerbResult {
  /** The JSON document's fields beside apiVersion and kind. */
  readonly data: object;
  /** The same for people; an empty text prints nothing. */
  readonly text: (theme: Theme) => string;
  /** Default 0. A verdict (unhealthy, problems found) is a result with an exit code, not an error. */
  readonly exitCode?: number;
}

/** What a command's action is called with. */
export interface Invocation<O> {
  /** Positional arguments in order; a variadic one is an array, an absent optional one undefined. */
  readonly args: readonly unknown[];
  /** The command's own options. */
  readonly options: O;
}

/** Runs the verb. Without a result nothing is printed (the command had the terminal); a number is the exit code then. */
export type VerbBody<O> = (session: Session, invocation: Invocation<O>) => Promise<VerbResult | number | undefined>;

/** What the commands share: the edges of the process, and the exit code that the one which ran leaves. */
export interface Frame {
  readonly io: Io;
  exitCode: number;
}

/** How a verb differs from the usual. */
export interface VerbSettings {
  /** true: the command hands the terminal to another program. */
  readonly isInteractive?: boolean;
}

/** A commander action that runs `body` in a session of its own and shows its result as `kind`. */
export function verb<O extends object>(
  frame: Frame,
  kind: string,
  body: VerbBody<O>,
  settings: VerbSettings = {},
): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const command = parameters.at(-1) as Command;
    const options = globalOptionsOf(command, frame.io);
    const { session, close, logFile } = openSession({
      verb: verbName(command),
      io: frame.io,
      options,
      sinks: SINKS,
      isInteractive: settings.isInteractive === true,
    });
    try {
      const invocation = { args: parameters.slice(0, -2), options: command.opts() as O };
      const result = await body(session, invocation);
      await close();
      frame.exitCode = typeof result === 'number' ? result : (result?.exitCode ?? 0);
      if (typeof result === 'object') writeResult(session, options, kind, result);
    } catch (error) {
      await close();
      frame.exitCode = reportError(frame.io, error, { ...options, logFile: logFile() });
    }
  };
}

/** The words that call a command, without the program's name: `machine kill`. */
export function verbName(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}

function writeResult(session: Session, options: GlobalOptions, kind: string, result: VerbResult): void {
  if (options.output === 'json') {
    session.io.stdout.write(`${JSON.stringify({ apiVersion: API_VERSION, kind, ...result.data }, null, 2)}\n`);
    return;
  }
  const text = result.text(session.theme);
  if (text !== '') session.io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}
