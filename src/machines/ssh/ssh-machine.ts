// Machine (machine.ts) for a host that is reached over SSH.
import { commandError, type ExecOptions, type ExecResult, runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import type { MachineSpec } from '../../spec/types.ts';
import type { Machine } from '../machine.ts';
import { type Exec, machineOver } from '../remote-files.ts';
import type { Connection } from './connection.ts';
import { sudoRefused, unreachable } from './failures.ts';
import { inputBytes, Lifeline } from './lifeline.ts';
import { readEnd, remoteArgv, rootProbeArgv, SSH_FAILED, terminalArgv, withoutMark } from './remote-command.ts';

/** ExecOptions.timeoutMs when nothing is said (core/command.ts), which the machine has to know too. */
const DEFAULT_TIMEOUT_MS = 60_000;
/** sudo's own exit code for refusing (sudo(8)), and a shell's for a sudo that is not installed. */
const SUDO_CODES: readonly number[] = [1, 127];

/** A handle to one host; connects when it is used. */
export function sshMachine(machine: MachineSpec, connection: Connection): Machine {
  const exec: Exec = (ctx, argv, options = {}) =>
    connection.session(ctx, async () => {
      const run = options.stdio === 'inherit' ? runOnTerminal : runCaptured;
      const { result, isLost } = await run(ctx, connection, argv, options);
      if (isLost) {
        connection.markLost();
        throw unreachable(connection.target, `the connection was lost while ${argv[0]} ran`);
      }
      connection.markAnswered();
      if (result.exitCode !== 0) await refuseFailure(ctx, connection, result, options);
      return result;
    });
  return machineOver(exec, machine);
}

type End = ReturnType<typeof readEnd>;

async function runCaptured(
  ctx: Context,
  connection: Connection,
  argv: readonly string[],
  options: ExecOptions,
): Promise<End> {
  const { user, machine } = connection.target;
  const { env, cwd, stdin = '', timeoutMs = DEFAULT_TIMEOUT_MS, onOutput, isEndless, stdoutFile } = options;
  const bytes = inputBytes(stdin);
  const remote = remoteArgv(argv, {
    user,
    timeoutMs,
    inputBytes: bytes,
    ...(env === undefined ? {} : { env }),
    ...(cwd === undefined ? {} : { cwd }),
  });
  const lifeline = await Lifeline.open(ctx, connection.directory);
  const local: ExecOptions = {
    stdin: { file: lifeline.path },
    timeoutMs,
    allowFailure: true,
    env: { LC_ALL: 'C' },
    ...(onOutput === undefined ? {} : { onOutput: (text) => onOutput(withoutMark(text)) }),
    ...(isEndless === undefined ? {} : { isEndless }),
    ...(stdoutFile === undefined ? {} : { stdoutFile }),
  };
  let end: End;
  try {
    const running = runCommand(ctx, connection.argv(remote), local, { machine, argv });
    lifeline.feed(stdin, bytes);
    end = readEnd(await running);
  } finally {
    lifeline.close();
  }
  return end;
}

async function runOnTerminal(
  ctx: Context,
  connection: Connection,
  argv: readonly string[],
  options: ExecOptions,
): Promise<End> {
  const { user, machine } = connection.target;
  const { env = {}, cwd, timeoutMs } = options;
  const terminal = process.env.TERM ?? 'dumb';
  const remote = terminalArgv(argv, { user, terminal, env, ...(cwd === undefined ? {} : { cwd }) });
  const local: ExecOptions = {
    stdio: 'inherit',
    allowFailure: true,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  const result = await runCommand(ctx, connection.argv(remote, true), local, { machine, argv });
  // Nothing was captured that could tell: with the connection still there, 255 is the command's own.
  return { result, isLost: result.exitCode === SSH_FAILED && !(await connection.isOpen(ctx)) };
}

/** Throws what a failed command means; returns when the failure is allowed and the command's own. */
async function refuseFailure(
  ctx: Context,
  connection: Connection,
  result: ExecResult,
  { stdio, allowFailure = false }: ExecOptions,
): Promise<void> {
  const maySudo = SUDO_CODES.includes(result.exitCode) && (stdio === 'inherit' || /^.*sudo: /m.test(result.stderr));
  if (connection.target.user !== 'root' && maySudo) await refuseWithoutRoot(ctx, connection);
  if (isMissingProgram(result)) throw commandError(ctx, 'COMMAND_NOT_FOUND', result, 'no such program');
  if (allowFailure) return;
  const how = result.signal === null ? `ended with exit code ${result.exitCode}` : `was ended by ${result.signal}`;
  throw commandError(ctx, 'COMMAND_FAILED', result, how);
}

/** Asks sudo itself instead of reading its words. */
async function refuseWithoutRoot(ctx: Context, connection: Connection): Promise<void> {
  const quiet = { ...ctx, emit: () => {} };
  const argv = connection.argv(rootProbeArgv(connection.target.user));
  const { exitCode, stderr } = await runCommand(quiet, argv, { allowFailure: true });
  if (SUDO_CODES.includes(exitCode)) throw sudoRefused(connection.target, stderr);
}

/** 127 is the shells' code for it, and that of env(1) and timeout(1), one of which starts the command. */
function isMissingProgram({ exitCode, stderr }: ExecResult): boolean {
  return exitCode === 127 && /^(env|timeout): .*No such file or directory\n$/.test(stderr);
}
