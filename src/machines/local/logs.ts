import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { type LogOptions, reportJournal } from '../journal.ts';
import { machineLayout } from './layout.ts';
import { readTextOrUndefined } from './records.ts';

/**
 * Reports, as one `note` event a line, the last lines of the console of the last boot and of the machine's own journal. Both
 * are read from its disk, so it may be down. With `follow` it goes on until the context is aborted (then throws ABORTED).
 */
export async function reportLogs(ctx: Context, cluster: string, machine: string, options: LogOptions): Promise<void> {
  const { console: consoleLog, upper, dir } = machineLayout(cluster, machine);
  if (!(await exists(dir)))
    throw new QuorateError('MACHINE_NOT_FOUND', `machine ${machine} of cluster ${cluster} has never been made`);
  const boot = ((await readTextOrUndefined(consoleLog)) ?? '').trimEnd();
  if (boot !== '') for (const line of boot.split('\n').slice(-options.lines)) ctx.emit('note', { text: plain(line) });
  const journal = join(upper, 'var/log/journal');
  if (!(await exists(journal))) return;
  await reportJournal(ctx, options, (argv, exec) => runCommand(ctx, argv, exec), [`--directory=${journal}`]);
}

/** The console's colours and carriage returns are for a terminal. */
function plain(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return line.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
