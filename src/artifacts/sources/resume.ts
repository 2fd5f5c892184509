// Downloads that continue where they were cut off (RFC 9110, Range requests).
import { open, rm, stat } from 'node:fs/promises';
import type { Context } from '../../core/context.ts';
import { messageOf } from '../../core/errors.ts';
import { throwIfAborted } from '../../core/wait.ts';
import { diskFull, orDiskFull } from '../files.ts';
import type { ReleaseNetwork } from './http.ts';

/** Attempts that may follow one another without a single new byte. */
const MAX_BARREN_ATTEMPTS = 3;

/**
 * Downloads to `partial`, which may hold the beginning already, until it is whole. The caller checks the content: release
 * files never change under one name, and a wrong beginning shows in the checksum. Throws an Error with a short reason,
 * ABORTED, DISK_FULL (then nothing is left).
 */
export async function downloadResumable(
  ctx: Context,
  network: ReleaseNetwork,
  url: string,
  partial: string,
  onProgress: (fraction: number | undefined) => void,
): Promise<void> {
  for (let barren = 0; ; ) {
    const before = await sizeOf(partial);
    try {
      if (await continueDownload(ctx, network, url, partial, onProgress)) return;
      throw new Error('the connection ended early');
    } catch (error) {
      throwIfAborted(ctx);
      if ((error as { code?: unknown }).code === 'DISK_FULL') {
        await rm(partial, { force: true });
        throw error;
      }
      if ((await sizeOf(partial)) > before) barren = 0;
      else if (!isCutOff(error) || ++barren >= MAX_BARREN_ATTEMPTS) throw new Error(messageOf(error));
    }
  }
}

/** The answer was refused: asking again would give the same. */
class RefusedError extends Error {}

/** A connection that broke may be better next time; a refusal will not. */
function isCutOff(error: unknown): boolean {
  return !(error instanceof RefusedError);
}

/** One request for what is missing; true when the file is whole. */
async function continueDownload(
  ctx: Context,
  network: ReleaseNetwork,
  url: string,
  partial: string,
  onProgress: (fraction: number | undefined) => void,
): Promise<boolean> {
  const have = await sizeOf(partial);
  const response = await network.open(ctx, url, have === 0 ? {} : { range: `bytes=${have}-` });
  const { statusCode = 0, headers } = response;
  if (statusCode === 416) {
    response.resume();
    // The partial file is as long as the whole one, or longer: start over, the checksum decides.
    await rm(partial, { force: true });
    return false;
  }
  if (statusCode !== 200 && statusCode !== 206) {
    response.resume();
    throw new RefusedError(`${url} answered ${statusCode}`);
  }
  const start = statusCode === 206 ? have : 0;
  const length = Number(headers['content-length'] ?? Number.NaN);
  const total = Number.isNaN(length) ? undefined : start + length;
  const written = await append(response, partial, start, (bytes) => {
    onProgress(total === undefined ? undefined : bytes / total);
  });
  return total === undefined ? response.complete : written === total;
}

async function append(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  start: number,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const file = await orDiskFull(path, () => open(path, start === 0 ? 'w' : 'a'));
  let written = start;
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'ENOSPC' || error.code === 'EDQUOT' ? diskFull(path, error) : error;
      });
      written += chunk.length;
      onBytes(written);
    }
    return written;
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined);
  return info?.size ?? 0;
}
