// Machine (machine.ts) for a systemd-nspawn machine on this host.
import { type CommandLabel, commandError, type ExecOptions, type ExecResult, runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { hasCode, QuorateError } from '../../core/errors.ts';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import type { Machine } from '../machine.ts';
import { type Exec, machineOver } from '../remote-files.ts';
import { enterArgv } from './enter.ts';
import { machineLayout } from './layout.ts';
import { findLeader, liveSupervisor } from './supervisor.ts';

/** A handle to one machine; looks up afresh for every command whether it runs. */
export function localMachine(spec: ClusterSpec, machine: MachineSpec): Machine {
  const exec: Exec = (ctx, argv, options = {}) => execIn(ctx, spec.name, machine.name, argv, options);
  return machineOver(exec, machine);
}

/** The machine's init as a process of this host. Throws MACHINE_UNREACHABLE when the machine does not run. */
export async function leaderOf(cluster: string, machine: string): Promise<number> {
  const supervisor = await liveSupervisor(machineLayout(cluster, machine).supervisor);
  const leader = supervisor === undefined ? undefined : await findLeader(supervisor);
  if (leader !== undefined) return leader;
  const how = supervisor === undefined ? 'does not run' : 'is just starting or ending';
  throw new QuorateError('MACHINE_UNREACHABLE', `machine ${machine} ${how}`, {
    hint: `start it with: quorate machine start ${machine}`,
    data: { machine },
  });
}

async function execIn(
  ctx: Context,
  cluster: string,
  machine: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const leader = await leaderOf(cluster, machine);
  const { env: _env, cwd: _cwd, allowFailure = false, ...passed } = options;
  const label: CommandLabel = { machine, argv };
  let result: ExecResult;
  try {
    result = await runCommand(ctx, enterArgv(leader, argv, options), { ...passed, allowFailure: true }, label);
  } catch (error) {
    if (hasCode(error, 'COMMAND_NOT_FOUND'))
      throw new QuorateError('HOST_TOOL_MISSING', 'nsenter is not installed on this host', {
        hint: 'install it with: apt-get install util-linux',
        cause: error,
      });
    throw error;
  }
  if (result.exitCode === 0) return result;
  // The machine may have gone while the command ran: that is not the command's failure.
  await leaderOf(cluster, machine);
  if (isMissingProgram(result)) throw commandError(ctx, 'COMMAND_NOT_FOUND', result, 'no such program');
  if (!allowFailure) throw commandError(ctx, 'COMMAND_FAILED', result, howItEnded(result));
  return result;
}

/** 127 is the shells' code for it, and that of env(1) and timeout(1), one of which starts the command (enter.ts). */
function isMissingProgram({ exitCode, stderr }: ExecResult): boolean {
  return exitCode === 127 && /^(env|timeout): .*No such file or directory\n$/.test(stderr);
}

function howItEnded({ exitCode, signal }: ExecResult): string {
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
}
