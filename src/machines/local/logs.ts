import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { machineLayout } from './layout.ts';
import { readTextOrUndefined } from './records.ts';

/**
 * Reports, as one `note` event a line, the last lines of the console of the last boot and of the machine's own journal. Both
 * are read from its disk, so it may be down. With `follow` it goes on until the context is aborted (then throws ABORTED).
 */
export async function reportLogs(
  ctx: Context,
  cluster: string,
  machine: string,
  options: { readonly lines: number; readonly follow: boolean },
): Promise<void> {
  const { console: consoleLog, upper, dir } = machineLayout(cluster, machine);
  if (!(await exists(dir)))
    throw new QuorateError('MACHINE_NOT_FOUND', `machine ${machine} of cluster ${cluster} has never been made`);
  const boot = ((await readTextOrUndefined(consoleLog)) ?? '').trimEnd();
  const lines = lineReporter((text) => ctx.emit('note', { text }));
  if (boot !== '') lines.add(`${boot.split('\n').slice(-options.lines).map(plain).join('\n')}\n`);
  const journal = join(upper, 'var/log/journal');
  if (!(await exists(journal))) return;
  const argv = ['journalctl', `--directory=${journal}`, '--no-pager', '--quiet', `--lines=${options.lines}`];
  await runCommand(ctx, options.follow ? [...argv, '--follow'] : argv, {
    timeoutMs: options.follow ? 0 : 60_000,
    onOutput: lines.add,
  });
  lines.end();
}

/** Cuts pieces of output into lines. */
function lineReporter(report: (line: string) => void): { add: (text: string) => void; end: () => void } {
  let rest = '';
  return {
    add: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) report(line);
    },
    end: () => {
      if (rest !== '') report(rest);
    },
  };
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
