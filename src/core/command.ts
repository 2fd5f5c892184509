// The one runner for commands. Machine drivers turn "run argv on cp1" into a local command (nsenter, ssh) and hand it to this.
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { execa } from 'execa';
import type { Context } from './context.ts';
import { QuorateError } from './errors.ts';
import { shellJoin } from './quote.ts';
import { abortError, formatDuration } from './wait.ts';

/** How a command is run. */
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
  /** Called for each piece of standard output or error as it arrives; the result still holds all of it, unless `isEndless`. */
  readonly onOutput?: (text: string) => void;
  /** true: only `onOutput` gets the output, the result holds none of it: for what goes on until it is stopped. */
  readonly isEndless?: boolean;
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
    buffer: options.isEndless !== true,
    env: options.env ?? {},
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...stdioOf(options, files),
  });
  reportOutput(child, options);
  const ended: Ended = await child.finally(() => {
    for (const fd of Object.values(files)) closeSync(fd);
  });
  const result = resultOf(ended, label ?? { machine: null, argv }, Date.now() - start);
  emitFinished(ctx, result);
  if (ended.isCanceled) throw abortError(ctx.signal);
  const problem = problemOf(ended, timeoutMs, options);
  if (problem !== undefined) throw commandError(ctx, problem.code, result, problem.how);
  return result;
}

/** What execa knows of a process that has ended, or of one that could not be started: then there is neither code nor signal. */
interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly timedOut: boolean;
  readonly isCanceled: boolean;
  readonly stdout?: unknown;
  readonly stderr?: unknown;
  /** Of open(2) and execve(2): ENOENT, EACCES, … */
  readonly code?: string | undefined;
  readonly shortMessage?: string | undefined;
}

function reportOutput(child: Pick<ChildProcess, 'stdout' | 'stderr'>, { onOutput }: ExecOptions): void {
  if (onOutput === undefined) return;
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => onOutput(chunk.toString()));
}

function resultOf(
  ended: Ended,
  { machine, argv }: Pick<ExecResult, 'machine' | 'argv'>,
  durationMs: number,
): ExecResult {
  return {
    machine,
    argv,
    exitCode: ended.exitCode ?? -1,
    signal: ended.signal ?? null,
    timedOut: ended.timedOut,
    durationMs,
    stdout: typeof ended.stdout === 'string' ? ended.stdout : '',
    stderr: typeof ended.stderr === 'string' ? ended.stderr : '',
  };
}

function emitFinished(ctx: Context, { machine, argv, exitCode, durationMs, stderr }: ExecResult): void {
  ctx.emit('command.finished', {
    ...(machine === null ? {} : { machine }),
    argv: argv.map((argument) => shortened(ctx.redactor.redact(argument))),
    exitCode,
    durationMs,
    ...(exitCode === 0 ? {} : { stderr: ctx.redactor.redact(stderr.slice(-2000)) }),
  });
}

interface Problem {
  readonly code: 'COMMAND_FAILED' | 'COMMAND_TIMED_OUT' | 'COMMAND_NOT_FOUND';
  readonly how: string;
}

/** Undefined when it ended well, or badly where that is allowed. */
function problemOf(ended: Ended, timeoutMs: number, { allowFailure }: ExecOptions): Problem | undefined {
  const { exitCode, signal } = ended;
  if (ended.timedOut) return { code: 'COMMAND_TIMED_OUT', how: `did not end within ${formatDuration(timeoutMs)}` };
  if (exitCode === undefined && signal === undefined) {
    if (ended.code === 'ENOENT') return { code: 'COMMAND_NOT_FOUND', how: 'no such program' };
    return { code: 'COMMAND_FAILED', how: ended.shortMessage ?? 'could not be started' };
  }
  if (exitCode === 0 || allowFailure) return undefined;
  const how = signal === undefined ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
  return { code: 'COMMAND_FAILED', how };
}

/** The error of a command: where, what, how it ended, and the end of its standard error. */
export function commandError(ctx: Context, code: Problem['code'], result: ExecResult, how: string): QuorateError {
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
