// Archives in a bucket, through rclone on this host. Its configuration travels in the environment and holds no secret: the credentials
// are read by rclone itself from the file that cluster.yaml names.
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ExecOptions, type ExecResult, runCommand } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf, QuorateError } from '../core/errors.ts';
import { openScratch } from '../core/scratch.ts';
import { lastLine } from '../core/text.ts';
import type { S3Spec } from '../spec/types.ts';
import { ARCHIVE_SUFFIX, LABEL_SUFFIX } from './format.ts';

/** Listing, and reading some dozens of labels. */
const LIST_TIMEOUT_MS = 120_000;
/** rclone's own, so that a bucket which does not answer is known to within half a minute. */
const PATIENCE = ['--contimeout', '10s', '--timeout', '30s', '--retries', '2', '--low-level-retries', '2'];

/** What a place says of one archive: the text of its label, and the bytes that lie beside it. */
export interface Listed {
  /** Name without suffix. */
  readonly name: string;
  readonly label: string;
  readonly sizeBytes: number;
}

/** `~/…` as the shell has it. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

/**
 * rclone's remote `quorate:` as environment variables (rclone.org/docs, "Environment Variables"). No secret is among them. What the
 * operator's environment says of another account is taken back, for it would go before the file; its CA bundle is passed on in rclone's own
 * way, for rclone cannot take it from AWS_CA_BUNDLE.
 */
export function rcloneEnvironment(s3: S3Spec, env: NodeJS.ProcessEnv = process.env): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_SESSION_TOKEN: '',
    AWS_PROFILE: 'default',
    AWS_CA_BUNDLE: '',
    ...(env.AWS_CA_BUNDLE ? { RCLONE_CA_CERT: env.AWS_CA_BUNDLE } : {}),
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CONFIG_QUORATE_TYPE: 's3',
    RCLONE_CONFIG_QUORATE_PROVIDER: 'Other',
    RCLONE_CONFIG_QUORATE_ENDPOINT: s3.endpoint,
    RCLONE_CONFIG_QUORATE_REGION: s3.region,
    RCLONE_CONFIG_QUORATE_ENV_AUTH: 'true',
    RCLONE_CONFIG_QUORATE_FORCE_PATH_STYLE: 'true',
    RCLONE_CONFIG_QUORATE_NO_CHECK_BUCKET: 'true',
    AWS_SHARED_CREDENTIALS_FILE: expandHome(s3.credentialsFile),
  };
}

/** Where archives lie, in rclone's words. */
function remoteOf({ bucket, prefix }: S3Spec): string {
  return `quorate:${bucket}${prefix === '' ? '' : `/${prefix}`}`;
}

/** Runs rclone. Throws STORE_UNREACHABLE with its last words, HOST_TOOL_MISSING, ABORTED. */
async function rclone(
  ctx: Context,
  s3: S3Spec,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  try {
    return await runCommand(ctx, ['rclone', ...PATIENCE, ...args], {
      timeoutMs: LIST_TIMEOUT_MS,
      ...options,
      env: rcloneEnvironment(s3),
    });
  } catch (error) {
    if (hasCode(error, 'COMMAND_NOT_FOUND')) {
      throw new QuorateError('HOST_TOOL_MISSING', 'rclone is not installed on this host; it reads the bucket', {
        hint: 'install it with: apt-get install rclone',
        cause: error,
      });
    }
    if (!hasCode(error, 'COMMAND_FAILED', 'COMMAND_TIMED_OUT')) throw error;
    throw new QuorateError(
      'STORE_UNREACHABLE',
      `bucket ${s3.bucket} at ${s3.endpoint}: ${lastComplaint(messageOf(error))}`,
      {
        cause: error,
      },
    );
  }
}

/** The last line that rclone dated; what follows it explains details. */
export function lastComplaint(text: string): string {
  const dated = [...text.matchAll(/^\d{4}\/\d\d\/\d\d \S+ (.*)$/gm)].at(-1)?.[1];
  return dated ?? lastLine(text);
}

/** The archives of a cluster in the bucket. Throws STORE_UNREACHABLE, HOST_TOOL_MISSING, ABORTED. */
export async function listBucket(
  ctx: Context,
  s3: S3Spec,
  cluster: string,
  workDir: string,
): Promise<readonly Listed[]> {
  const scratch = await openScratch(workDir, 'labels');
  try {
    const labels = join(scratch.path, 'labels');
    await mkdir(labels);
    const only = (suffix: string) => ['--include', `/${globOf(cluster)}${suffix}`];
    const listing = [
      'lsf',
      remoteOf(s3),
      '--files-only',
      '--format',
      'sp',
      '--separator',
      ' ',
      ...only(ARCHIVE_SUFFIX),
    ];
    const { stdout } = await rclone(ctx, s3, listing);
    await rclone(ctx, s3, ['copy', remoteOf(s3), labels, '--max-depth', '1', ...only(LABEL_SUFFIX)]);
    const sizes = new Map(
      stdout.split('\n').map((line) => [line.slice(line.indexOf(' ') + 1), Number.parseInt(line, 10)]),
    );
    const listed: Listed[] = [];
    for (const file of (await readdir(labels)).sort()) {
      const name = file.slice(0, -LABEL_SUFFIX.length);
      const sizeBytes = sizes.get(name + ARCHIVE_SUFFIX);
      if (sizeBytes !== undefined) {
        listed.push({ name, sizeBytes, label: await readFile(join(labels, file), 'utf8') });
      }
    }
    return listed;
  } finally {
    await scratch.remove();
  }
}

/** Names of archives of a cluster: CLUSTER-20261121T114500Z-MACHINE. Names of clusters hold no character that means something here. */
export function globOf(cluster: string): string {
  return `${cluster}-????????T??????Z-*`;
}

/** Copies a file of the bucket to this host. Throws STORE_UNREACHABLE, ABORTED. */
export async function readFromBucket(
  ctx: Context,
  s3: S3Spec,
  file: string,
  to: string,
  timeoutMs: number,
): Promise<void> {
  await rclone(ctx, s3, ['cat', `${remoteOf(s3)}/${file}`], { stdoutFile: to, timeoutMs });
}

/** Removes archives from the bucket: labels first, so that what is left of a removal that was ended is no archive. */
export async function removeFromBucket(ctx: Context, s3: S3Spec, names: readonly string[]): Promise<void> {
  for (const suffix of [LABEL_SUFFIX, ARCHIVE_SUFFIX]) {
    const stdin = names.map((name) => `${name}${suffix}\n`).join('');
    await rclone(ctx, s3, ['delete', remoteOf(s3), '--files-from-raw', '-'], { stdin });
  }
}
