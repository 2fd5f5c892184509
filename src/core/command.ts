// The one runner for commands. Machine drivers turn "run argv on cp1" into a local command (nsenter, ssh) and hand it to this.
import { closeSync, openSync } from 'node:fs';
import { execa } from 'execa';
import type { Context } from './context.ts';
import { QuorateError } from './errors.ts';
import { shellJoin } from './quote.ts';
import { abortError, formatDuration } from './wait.ts';

export interface ExecOptions {
  /** Written to standard input; secrets travel this way, never in argv. A `{ file }` is streamed from this host. */
  readonly stdin?: string | Uint8Array | { readonly file: string };
  /** Deadline in milliseconds; default 60 000. The process gets SIGTERM, five seconds later SIGKILL. */
  readonly timeoutMs?: number;
  /** true: a non-zero exit code is returned, not thrown. */
  readonly allowFailure?: boolean;
  /** Added to the environment. Never secrets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly cwd?: string;
  /** 'inherit' connects the terminal (machine shell, kubectl): nothing is captured. */
  readonly stdio?: 'capture' | 'inherit';
  /** Called for each piece of standard output or error as it arrives; the result still holds all of it. */
  readonly onOutput?: (text: string) => void;
  /** Standard output goes to this file on this host instead of the result. */
  readonly stdoutFile?: string;
}

/** How a command ended; the same fields on success and failure. */
export interface ExecResult {
  /** Machine name; null on this host. */
  readonly machine: string | null;
  readonly argv: readonly string[];
  /** -1 when a signal ended it. */
  readonly exitCode: number;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Scripts travel as one argument; the journal needs to tell which one it was, not to hold it hundreds of times. */
const MAX_ARGUMENT = 400;

function shortened(argument: string): string {
  if (argument.length <= MAX_ARGUMENT) return argument;
  return `${argument.slice(0, MAX_ARGUMENT)}… (${argument.length} characters)`;
}

/** What a machine driver adds: the machine's name and the argv as the user would type it there. */
export interface CommandLabel {
  readonly machine: string;
  readonly argv: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_CAPTURE_BYTES = 64 * 1024 * 1024;

/**
 * Runs argv on this host. Throws COMMAND_NOT_FOUND, COMMAND_TIMED_OUT, ABORTED, and COMMAND_FAILED (unless `allowFailure`);
 * the error's data is the ExecResult with redacted texts.
 */
export async function runCommand(
  ctx: Context,
  argv: readonly string[],
  options: ExecOptions = {},
  label?: CommandLabel,
): Promise<ExecResult> {
  if (ctx.signal.aborted) throw abortError(ctx.signal);
  const [program = '', ...args] = argv;
  const timeoutMs = options.timeoutMs ?? (options.stdio === 'inherit' ? 0 : DEFAULT_TIMEOUT_MS);
  const start = Date.now();
  const files = openFiles(options);
  const child = execa(program, args, {
    reject: false,
    stripFinalNewline: false,
    timeout: timeoutMs,
    forceKillAfterDelay: 5_000,
    cancelSignal: ctx.signal,
    maxBuffer: MAX_CAPTURE_BYTES,
    env: options.env ?? {},
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...stdioOf(options, files),
  });
  if (options.onOutput) {
    const onOutput = options.onOutput;
    child.stdout?.on('data', (chunk: Buffer) => onOutput(chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => onOutput(chunk.toString()));
  }
  const raw = await child.finally(() => {
    for (const fd of Object.values(files)) closeSync(fd);
  });
  const result: ExecResult = {
    machine: label?.machine ?? null,
    argv: label?.argv ?? argv,
    exitCode: raw.exitCode ?? -1,
    signal: raw.signal ?? null,
    timedOut: raw.timedOut,
    durationMs: Date.now() - start,
    stdout: typeof raw.stdout === 'string' ? raw.stdout : '',
    stderr: typeof raw.stderr === 'string' ? raw.stderr : '',
  };
  ctx.emit('command.finished', {
    ...(result.machine === null ? {} : { machine: result.machine }),
    argv: result.argv.map((argument) => shortened(ctx.redactor.redact(argument))),
    exitCode: result.exitCode,
    durationMs: result.durationMs,
    ...(result.exitCode === 0 ? {} : { stderr: ctx.redactor.redact(result.stderr.slice(-2000)) }),
  });
  if (raw.isCanceled) throw abortError(ctx.signal);
  if (raw.timedOut)
    throw commandError(ctx, 'COMMAND_TIMED_OUT', result, `did not end within ${formatDuration(timeoutMs)}`);
  if (raw.exitCode === undefined && raw.signal === undefined) {
    const missing = (raw as { code?: string }).code === 'ENOENT';
    throw commandError(
      ctx,
      missing ? 'COMMAND_NOT_FOUND' : 'COMMAND_FAILED',
      result,
      missing ? 'no such program' : (raw.shortMessage ?? 'could not be started'),
    );
  }
  if (result.exitCode !== 0 && !options.allowFailure) {
    const how = result.signal === null ? `ended with exit code ${result.exitCode}` : `was ended by ${result.signal}`;
    throw commandError(ctx, 'COMMAND_FAILED', result, how);
  }
  return result;
}

/** The error of a command: where, what, how it ended, and the end of its standard error. */
export function commandError(
  ctx: Context,
  code: 'COMMAND_FAILED' | 'COMMAND_TIMED_OUT' | 'COMMAND_NOT_FOUND',
  result: ExecResult,
  how: string,
): QuorateError {
  const command = ctx.redactor.redact(shellJoin(result.argv));
  const where = result.machine === null ? '' : ` on ${result.machine}`;
  const output = ctx.redactor.redact((result.stderr.trim() || result.stdout.trim()).slice(-800));
  return new QuorateError(code, `${shorten(command)}${where} ${how}${output === '' ? '' : `:\n${output}`}`, {
    data: { ...result, argv: result.argv.map((a) => ctx.redactor.redact(a)), stdout: '', stderr: output },
  });
}

/** Scripts are long; an error needs only enough of the command to recognise it. */
function shorten(command: string): string {
  const line = command.replace(/\s+/g, ' ');
  return line.length <= 160 ? line : `${line.slice(0, 157)}...`;
}

/** Files of this host are given to the process itself: no byte of them passes through here. Throws what open(2) says. */
function openFiles({ stdin, stdoutFile }: ExecOptions): { readonly stdin?: number; readonly stdout?: number } {
  const input =
    typeof stdin === 'object' && !(stdin instanceof Uint8Array) ? { stdin: openSync(stdin.file, 'r') } : undefined;
  return { ...input, ...(stdoutFile === undefined ? {} : { stdout: openSync(stdoutFile, 'w', 0o600) }) };
}

function stdioOf(options: ExecOptions, files: ReturnType<typeof openFiles>): Record<string, unknown> {
  if (options.stdio === 'inherit') return { stdio: 'inherit' };
  const { stdin } = options;
  if (typeof stdin === 'string' || stdin instanceof Uint8Array) return { input: stdin, ...files };
  return { stdin: 'ignore', ...files };
}
