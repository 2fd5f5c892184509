// What a machine's journal said last: read on the machine by journalctl, or from its disk.
import type { ExecOptions } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { lineReporter } from '../core/text.ts';

/** How much of it, and whether to go on. */
export interface LogOptions {
  readonly lines: number;
  /** Until the context is aborted. */
  readonly follow: boolean;
}

/**
 * Reports one `note` event a line. `run` runs argv where the journal can be read; `where` are further arguments of journalctl(1). With
 * `follow` it throws ABORTED in the end; else what `run` throws.
 */
export async function reportJournal(
  ctx: Context,
  { lines, follow }: LogOptions,
  run: (argv: readonly string[], options: ExecOptions) => Promise<unknown>,
  where: readonly string[] = [],
): Promise<void> {
  const reporter = lineReporter((text) => ctx.emit('note', { text }));
  const argv = ['journalctl', ...where, '--no-pager', '--quiet', `--lines=${lines}`, ...(follow ? ['--follow'] : [])];
  await run(argv, { timeoutMs: follow ? 0 : 60_000, isEndless: follow, onOutput: reporter.add });
  reporter.end();
}
