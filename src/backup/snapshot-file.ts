// The snapshot of etcd as a file: the hash at its end, and what etcdutl says of it.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { runCommand } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf, QuorateError } from '../core/errors.ts';
import { lastLine } from '../core/text.ts';
import { throwIfAborted } from '../core/wait.ts';

/** etcd puts a SHA-256 of the data behind it (server/etcdserver/api/v3rpc/maintenance.go), and pages are multiples of this. */
const HASH_BYTES = 32;
const SECTOR = 512;
/** Reading every page of 8 GiB on a slow disk. */
const STATUS_TIMEOUT_MS = 900_000;

/** Hex SHA-256 of a stretch of a file, and whether its own last 32 bytes are the SHA-256 of what is before them. */
export interface CopiedStretch {
  readonly sha256: string;
  readonly hasOwnHash: boolean;
}

/**
 * Reads a stretch of a file once; written to `to`, mode 0600, where that is given. Memory stays at one block, whatever the size. Throws
 * ABORTED, and what the file system throws.
 */
export async function copyStretch(
  ctx: Context,
  from: string,
  { start, size }: { readonly start: number; readonly size: number },
  to?: string,
): Promise<CopiedStretch> {
  const whole = createHash('sha256');
  const data = createHash('sha256');
  let seen = 0;
  let tail = Buffer.alloc(0);
  const digest = async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      whole.update(chunk);
      const ofData = Math.max(0, Math.min(chunk.length, size - HASH_BYTES - seen));
      data.update(chunk.subarray(0, ofData));
      tail = Buffer.concat([tail, chunk.subarray(ofData)]);
      seen += chunk.length;
      if (to !== undefined) yield chunk;
    }
  };
  if (size > 0) {
    const source = createReadStream(from, { start, end: start + size - 1, highWaterMark: 1 << 20 });
    const sink = to === undefined ? drain : createWriteStream(to, { mode: 0o600 });
    try {
      await pipeline(source, digest, sink, { signal: ctx.signal });
    } catch (error) {
      throwIfAborted(ctx);
      throw error;
    }
  }
  return { sha256: whole.digest('hex'), hasOwnHash: size % SECTOR === HASH_BYTES && tail.equals(data.digest()) };
}

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _chunk of source) {
    // Read for its digests only.
  }
}

/** What etcdutl says of a snapshot. */
export interface SnapshotStatus {
  readonly revision: number;
  readonly totalKey: number;
  readonly totalSize: number;
}

/**
 * Has etcdutl read the snapshot: its structure, not its content, which only the hash at its end covers. Throws ARCHIVE_DAMAGED for one
 * that it cannot read, HOST_TOOL_MISSING.
 */
export async function snapshotStatus(ctx: Context, etcdutl: string, path: string): Promise<SnapshotStatus> {
  let said: string;
  try {
    const options = { timeoutMs: STATUS_TIMEOUT_MS };
    said = (await runCommand(ctx, [etcdutl, 'snapshot', 'status', path, '-w', 'json'], options)).stdout;
  } catch (error) {
    if (hasCode(error, 'COMMAND_NOT_FOUND')) {
      throw new QuorateError('HOST_TOOL_MISSING', `there is no etcdutl at ${etcdutl}`, { cause: error });
    }
    if (!hasCode(error, 'COMMAND_FAILED')) throw error;
    throw new QuorateError('ARCHIVE_DAMAGED', `etcdutl cannot read the snapshot: ${lastLine(messageOf(error))}`, {
      cause: error,
    });
  }
  try {
    const { revision, totalKey, totalSize } = JSON.parse(said) as SnapshotStatus;
    if (Number.isInteger(revision)) return { revision, totalKey, totalSize };
  } catch {
    // Said below.
  }
  throw new QuorateError('ARCHIVE_DAMAGED', `etcdutl says nothing of use about the snapshot: ${said.slice(0, 200)}`);
}
