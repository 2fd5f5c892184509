// Whether a program runs on a machine, whoever started it.
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import type { Machine } from '../../machines/machine.ts';

/** Process ids of a program, separated by blanks; empty where it does not run. Names are cut at 15 characters (proc(5), comm). */
export async function processesOf(ctx: Context, host: Machine, program: string): Promise<string> {
  const { stdout, stderr, exitCode } = await host.exec(ctx, ['pgrep', '-x', program.slice(0, 15)], {
    allowFailure: true,
  });
  // 1: none matches. Anything else is no answer (pgrep(1), EXIT STATUS).
  if (exitCode > 1)
    throw new QuorateError('COMMAND_FAILED', `${host.name}: pgrep ended with ${exitCode}: ${stderr.trim()}`);
  return stdout.trim().split('\n').join(' ');
}

/** True when at least one process of the program is there. Throws COMMAND_FAILED when that cannot be told. */
export async function isRunning(ctx: Context, host: Machine, program: string): Promise<boolean> {
  return (await processesOf(ctx, host, program)) !== '';
}
