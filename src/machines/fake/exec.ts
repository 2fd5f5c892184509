// A command on a fake machine, with the same results, errors and events as core/command.ts gives for a real one.
import { readFile, writeFile } from 'node:fs/promises';
import { commandError, type ExecOptions, type ExecResult } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { formatDuration, sleep, throwIfAborted } from '../../core/wait.ts';
import { answerTo } from './commands.ts';
import { type FakeMachine, type FakeOperation, type FakeRule, takeFailure } from './fake-machine.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

/** What every operation on a running machine begins with: power, the latency, a failure that was ordered. */
export async function reach(ctx: Context, machine: FakeMachine, operation: FakeOperation): Promise<void> {
  throwIfAborted(ctx);
  if (machine.power !== 'running') throw unreachable(machine);
  await pause(ctx, machine, machine.latencyMs);
  failIfOrdered(machine, operation);
}

/** Throws the failure that a test has ordered for this operation. */
export function failIfOrdered(machine: FakeMachine, operation: FakeOperation): void {
  const failure = takeFailure(machine, operation);
  if (failure === undefined) return;
  throw new QuorateError(failure.code, failure.message ?? `${operation} on ${machine.spec.name} fails as ordered`);
}

/** Sleeps as long as the machine has power. */
async function pause(ctx: Context, machine: FakeMachine, ms: number): Promise<void> {
  if (ms <= 0) return;
  const { signal } = machine.powered;
  try {
    await sleep(ms, { signal: AbortSignal.any([ctx.signal, signal]) });
  } catch (error) {
    throw signal.aborted ? unreachable(machine) : error;
  }
}

function unreachable(machine: FakeMachine): QuorateError {
  return new QuorateError('MACHINE_UNREACHABLE', `machine ${machine.spec.name} does not run`, {
    hint: `start it with: quorate machine start ${machine.spec.name}`,
    data: { machine: machine.spec.name },
  });
}

/** Machine.exec. */
export async function execFake(
  ctx: Context,
  machine: FakeMachine,
  rules: readonly FakeRule[],
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const start = Date.now();
  await reach(ctx, machine, 'exec');
  const command = { argv, stdin: await stdinOf(options), env: options.env ?? {} };
  machine.commands.push(command);
  const answer = await answerTo(command, machine, rules);
  const base = { machine: machine.spec.name, argv, signal: null, timedOut: false, stdout: '', stderr: '' };
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const runMs = answer?.runMs ?? 0;
  if (timeoutMs > 0 && runMs > timeoutMs) {
    await pause(ctx, machine, timeoutMs);
    const result = { ...base, exitCode: -1, signal: 'SIGTERM', timedOut: true, durationMs: Date.now() - start };
    throw commandError(ctx, 'COMMAND_TIMED_OUT', result, `did not end within ${formatDuration(timeoutMs)}`);
  }
  await pause(ctx, machine, runMs);
  const result: ExecResult = {
    ...base,
    exitCode: answer?.exitCode ?? (answer === undefined ? 127 : 0),
    durationMs: Date.now() - start,
    stdout: await deliver(options, answer?.stdout ?? ''),
    stderr: answer?.stderr ?? '',
  };
  report(ctx, result);
  if (answer === undefined) throw commandError(ctx, 'COMMAND_NOT_FOUND', result, 'no such program');
  if (result.exitCode !== 0 && !options.allowFailure)
    throw commandError(ctx, 'COMMAND_FAILED', result, `ended with exit code ${result.exitCode}`);
  return result;
}

async function stdinOf({ stdin }: ExecOptions): Promise<Uint8Array> {
  if (stdin === undefined) return Buffer.alloc(0);
  if (typeof stdin === 'string') return Buffer.from(stdin);
  return stdin instanceof Uint8Array ? stdin : readFile(stdin.file);
}

/** Output goes where the caller wants it; the result's text is what is left for it. */
async function deliver(options: ExecOptions, output: string | Uint8Array): Promise<string> {
  const text = typeof output === 'string' ? output : Buffer.from(output).toString('utf8');
  if (text !== '') options.onOutput?.(text);
  if (options.stdoutFile === undefined) return text;
  await writeFile(options.stdoutFile, output, { mode: 0o600 });
  return '';
}

function report(ctx: Context, result: ExecResult): void {
  ctx.emit('command.finished', {
    ...(result.machine === null ? {} : { machine: result.machine }),
    argv: result.argv.map((argument) => ctx.redactor.redact(argument)),
    exitCode: result.exitCode,
    durationMs: result.durationMs,
    ...(result.exitCode === 0 ? {} : { stderr: ctx.redactor.redact(result.stderr.slice(-2000)) }),
  });
}
