// A program that runs beside what this process does: its own log, its identity on disk, and a sure end.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { Context } from './context.ts';
import { messageOf } from './errors.ts';
import { PROCESS_SUFFIX } from './scratch.ts';

/**
 * Arguments: name of the process file, name of the log, argv. The shell says who it is before it becomes the program: pid and start time
 * stay the same over exec. The next run ends it by that file, should this one be killed.
 */
const ANNOUNCE_SCRIPT = `set -eu
read -r line < /proc/self/stat
{ cat /proc/sys/kernel/random/boot_id; printf '%s\\n' "$line"; } > "$1.new"
mv "$1.new" "$1"
exec > "$2" 2>&1
shift 2
exec "$@"
`;
/** The end of a log, for an error. */
const LOG_LINES = 6;

/** A running program. */
export interface Background {
  readonly name: string;
  /** Why it has ended; undefined while it runs. */
  failure(): string | undefined;
  /** The last lines that it wrote, redacted. */
  lastWords(): Promise<string>;
  /** Ends it (SIGTERM, five seconds later SIGKILL) and returns when it is gone. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts argv, with its log and process file in `directory`. setpriv has the kernel kill it when this process dies, whatever of
 * (PR_SET_PDEATHSIG); the abort of the context ends it too.
 */
export async function startBackground(
  ctx: Context,
  directory: string,
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Background> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const log = join(directory, `${name}.log`);
  const controller = new AbortController();
  const signal = AbortSignal.any([ctx.signal, controller.signal]);
  const announce = ['sh', '-c', ANNOUNCE_SCRIPT, 'sh', join(directory, `${name}${PROCESS_SUFFIX}`), log];
  let failure: string | undefined;
  const ended = runCommand({ ...ctx, signal }, ['setpriv', '--pdeathsig', 'KILL', ...announce, ...argv], {
    timeoutMs: 0,
    allowFailure: true,
    env,
  }).then(
    ({ exitCode, signal: by }) => {
      failure = by === null ? `ended with exit code ${exitCode}` : `was ended by ${by}`;
    },
    (error: unknown) => {
      failure = messageOf(error);
    },
  );
  return {
    name,
    failure: () => failure,
    lastWords: async () => {
      const text = await readFile(log, 'utf8').catch(() => '');
      return ctx.redactor.redact(text.trim().split('\n').slice(-LOG_LINES).join('\n'));
    },
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}
