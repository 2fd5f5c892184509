import { createInterface } from 'node:readline/promises';
import { QuorateError } from '../core/errors.ts';
import type { Io } from './io.ts';

/** When no question has to be, or can be, asked. */
export interface ConfirmOptions {
  /** true: `--yes` was given. */
  readonly yes: boolean;
  /** true: nobody is there to answer (`-o json`). */
  readonly isUnattended: boolean;
  readonly signal: AbortSignal;
}

/**
 * Asks y/N on standard error; only y or yes goes on. Throws CONFIRMATION_NEEDED where nobody can be asked, ABORTED when the
 * answer is no.
 */
export async function confirm(io: Io, question: string, options: ConfirmOptions): Promise<void> {
  if (options.yes) return;
  if (options.isUnattended || !io.stdin.isTTY) {
    throw new QuorateError(
      'CONFIRMATION_NEEDED',
      `"${question}" needs an answer, and standard input is not a terminal`,
    );
  }
  io.stderr.write(`${question} [y/N] `);
  const answer = await readLine(io, options.signal);
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new QuorateError('ABORTED', 'nothing was changed', { hint: 'run the same command again to go on' });
  }
}

/**
 * Asks for a name to be typed, for what cannot be undone; --yes is not enough. `given` is what the command line said beforehand. Throws
 * CONFIRMATION_NEEDED where nobody can be asked, ABORTED when the name is another one.
 */
export async function confirmName(
  io: Io,
  question: string,
  name: string,
  options: Omit<ConfirmOptions, 'yes'> & { readonly given?: string },
): Promise<void> {
  if (options.given === undefined && (options.isUnattended || !io.stdin.isTTY)) {
    throw new QuorateError(
      'CONFIRMATION_NEEDED',
      `"${question}" needs the name of the cluster, and standard input is not a terminal`,
      { hint: `pass --confirm ${name} to agree beforehand` },
    );
  }
  if (options.given === undefined) io.stderr.write(`${question} `);
  const answer = options.given ?? (await readLine(io, options.signal));
  if (answer.trim() === name) return;
  throw new QuorateError('ABORTED', `"${answer.trim()}" is not ${name}: nothing was changed`, {
    hint: 'run the same command again to go on',
  });
}

async function readLine(io: Io, signal: AbortSignal): Promise<string> {
  // No `output`: the terminal itself echoes what is typed, and Ctrl-C stays a signal.
  const lines = createInterface({ input: io.stdin });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  } finally {
    lines.close();
  }
}
