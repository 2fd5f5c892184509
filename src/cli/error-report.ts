// The last place every error passes: as text for people, as one JSON document for programs, and as an exit code.
import { type QuorateError, toQuorateError } from '../core/errors.ts';
import type { ErrorData } from '../core/events.ts';
import { makeTheme, type Theme } from '../report/theme.ts';
import type { OutputFormat } from './global-options.ts';
import type { Io } from './io.ts';

/** How an error is to be shown. */
export interface ErrorReportOptions {
  readonly output: OutputFormat;
  readonly debug: boolean;
  readonly color: boolean;
  /** A file that tells more. */
  readonly logFile?: string | undefined;
}

/** An error as `-o json` shows it. */
export interface ErrorDocument {
  readonly apiVersion: 'quorate/v1alpha1';
  readonly kind: 'Error';
  readonly error: ErrorData & { readonly exitCode: number; readonly stack?: string };
}

/**
 * Shows an error and returns the exit code of its family. With `-o json` it is the one document on standard output, so that
 * a program always finds exactly one there; otherwise it goes to standard error.
 */
export function reportError(io: Io, thrown: unknown, options: ErrorReportOptions): number {
  const error = toQuorateError(thrown);
  if (options.output === 'json') {
    io.stdout.write(`${JSON.stringify(errorDocument(error, options.debug), null, 2)}\n`);
  } else {
    const isTTY = io.stderr.isTTY === true;
    const theme = makeTheme({ isTTY, env: io.env, flag: options.color, columns: io.stderr.columns });
    io.stderr.write(`${renderError(error, theme, options)}\n`);
  }
  return error.exitCode;
}

/** The JSON shape of an error. */
export function errorDocument(error: QuorateError, debug: boolean): ErrorDocument {
  return {
    apiVersion: 'quorate/v1alpha1',
    kind: 'Error',
    error: {
      code: error.code,
      message: error.message,
      hint: error.hint,
      family: error.family,
      exitCode: error.exitCode,
      data: error.data,
      ...(debug ? { stack: fullStack(error) } : {}),
    },
  };
}

/** An error as text: what was wrong, what to do next, and the code to look up. No trailing newline. */
export function renderError(
  error: QuorateError,
  { style }: Theme,
  options: Pick<ErrorReportOptions, 'debug' | 'logFile'>,
): string {
  const [first = '', ...rest] = error.message.split('\n');
  const label = error.family === 'aborted' ? style.yellow('stopped:') : style.red('error:');
  const lines = [`${label} ${first}`, ...rest.map((line) => (line.trim() === '' ? '' : `  ${line}`))];
  if (error.hint !== '') {
    const [hint = '', ...more] = error.hint.split('\n');
    lines.push(`  ${style.cyan('hint:')} ${hint}`, ...more.map((line) => `        ${line}`));
  }
  if (options.logFile !== undefined) lines.push(style.dim(`  log:  ${options.logFile}`));
  lines.push(style.dim(`  code: ${error.code} (exit ${error.exitCode})`));
  if (options.debug) lines.push(style.dim(fullStack(error)));
  return lines.join('\n');
}

function fullStack(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by: ${fullStack(error.cause)}` : own;
}
