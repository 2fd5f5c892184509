// Opening what is sealed with age: by its program for files of any size, by its library for identities behind a passphrase.
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { hasCode, QuorateError } from '../core/errors.ts';
import { formatDuration } from '../core/wait.ts';
import { unlockIdentity } from './keys.ts';

/** The first line of everything that age writes in binary (C2SP age.md). */
const INTRO = 'age-encryption.org/v1\n';
/** Slow disks write some 20 MB/s: 8 GiB in seven minutes. Twice that, and a minute for small ones. */
const BYTES_PER_MS = 10_000;
const BASE_TIMEOUT_MS = 60_000;

/** Throws ARCHIVE_DAMAGED for a file that is empty or not sealed with age; reads its first bytes only. */
export async function requireSealed(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(INTRO.length);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead === 0) throw new QuorateError('ARCHIVE_DAMAGED', `${path} is empty`);
    if (head.toString('latin1') !== INTRO) {
      throw new QuorateError('ARCHIVE_DAMAGED', `${path} is not a sealed archive: it does not begin as age files do`);
    }
  } finally {
    await file.close();
  }
}

/** What is opened, with what, to where. */
export interface Unsealing {
  readonly from: string;
  readonly to: string;
  /** AGE-SECRET-KEY-1…, any of which may fit. */
  readonly identities: readonly string[];
  /** Private; the identities lie there for a moment. */
  readonly directory: string;
  /** Recipients by the label, for the message that no identity fits. */
  readonly recipients?: readonly string[];
  readonly sizeBytes: number;
}

/**
 * Writes the content of a sealed file. age vouches for each 64 KiB and for the end, so that a file which was cut anywhere is refused.
 * Throws ARCHIVE_LOCKED, ARCHIVE_DAMAGED, HOST_TOOL_MISSING, DISK_FULL, ABORTED.
 */
export async function unseal(ctx: Context, options: Unsealing): Promise<void> {
  const { from, to, identities, directory, recipients = [], sizeBytes } = options;
  if (identities.length === 0) throw locked(from, recipients, 'no identity was given and none lies on this host');
  for (const identity of identities) ctx.redactor.add(identity);
  const keys = join(directory, 'identities');
  await writeFile(keys, `${identities.join('\n')}\n`, { mode: 0o600 });
  const timeoutMs = BASE_TIMEOUT_MS + sizeBytes / BYTES_PER_MS;
  const result = await runAge(ctx, ['age', '--decrypt', '--identity', keys], {
    stdin: { file: from },
    stdoutFile: to,
    timeoutMs,
  });
  if (result.exitCode === 0) return;
  const said = /^age: error: (.*)$/m.exec(result.stderr)?.[1] ?? result.stderr.trim().slice(-200);
  if (/no space left on device/.test(said)) {
    throw new QuorateError('DISK_FULL', `there is no space left below ${directory} to open ${from}`);
  }
  if (/no identity matched/.test(said)) throw locked(from, recipients, 'none of the identities fits');
  throw new QuorateError('ARCHIVE_DAMAGED', `${from} is damaged or cut off: age says "${said}"`);
}

async function runAge(ctx: Context, argv: readonly string[], options: Parameters<typeof runCommand>[2]) {
  try {
    return await runCommand(ctx, argv, { ...options, allowFailure: true });
  } catch (error) {
    if (hasCode(error, 'COMMAND_NOT_FOUND')) {
      throw new QuorateError('HOST_TOOL_MISSING', 'age is not installed on this host; archives are sealed with it', {
        hint: 'install it with: apt-get install age',
        cause: error,
      });
    }
    if (hasCode(error, 'COMMAND_TIMED_OUT')) {
      throw new QuorateError(
        'COMMAND_TIMED_OUT',
        `opening the archive did not end within ${formatDuration(options?.timeoutMs ?? 0)}`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

function locked(path: string, recipients: readonly string[], why: string): QuorateError {
  const forWhom = recipients.length === 0 ? '' : ` It is sealed to ${recipients.join(', ')}.`;
  return new QuorateError('ARCHIVE_LOCKED', `${path} cannot be opened: ${why}.${forWhom}`, {
    hint:
      recipients.length === 0
        ? 'pass the identity with --identity FILE; if it is the right one, the head of the file is damaged'
        : `pass an identity of one of them with --identity FILE`,
    data: { recipients },
  });
}

/**
 * The identity that a label carries, locked with a passphrase. Throws ARCHIVE_LOCKED for another passphrase, which appears in no message.
 */
export async function unlock(ctx: Context, armoured: string, passphrase: string): Promise<readonly string[]> {
  ctx.redactor.add(passphrase);
  try {
    const identity = await unlockIdentity(armoured, passphrase);
    ctx.redactor.add(identity);
    return [identity];
  } catch (cause) {
    throw new QuorateError('ARCHIVE_LOCKED', 'the passphrase does not open the identity that the label carries', {
      hint: 'check the passphrase; a line feed at its end does not count',
      cause,
    });
  }
}
