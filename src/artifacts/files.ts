// File hygiene: a reader sees a whole file or none, and a full disk leaves no half file.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, QuorateError } from '../core/errors.ts';

/** Hex sha256 of a file, read in pieces of 1 MiB. */
export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024, ...(signal === undefined ? {} : { signal }) });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Forces a file or directory to the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Moves a finished file into place: its content is on the disk before its name is, and the name before this returns. */
export async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await syncPath(temporary);
  await rename(temporary, path);
  await syncPath(dirname(path));
}

/** Writes a small file atomically. Throws DISK_FULL. */
export async function writeFileAtomic(path: string, content: string, mode = 0o644): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await orDiskFull(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    try {
      const handle = await open(temporary, 'w', mode);
      try {
        await handle.writeFile(content);
      } finally {
        await handle.close();
      }
      await moveIntoPlace(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

/** Runs work that writes to `path`; ENOSPC and EDQUOT become DISK_FULL. */
export async function orDiskFull<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw diskFull(path, error);
  }
}

/** The error for a full disk, naming the file that did not fit. */
export function diskFull(path: string, cause: unknown): QuorateError {
  return new QuorateError('DISK_FULL', `no space left for ${path}: ${messageOf(cause)}`, {
    hint: 'free some space or point QUORATE_CACHE_DIR at another disk, then run again',
    data: { path },
    cause,
  });
}
