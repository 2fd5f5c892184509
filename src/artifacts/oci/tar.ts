// Archives as streams: entries with time 0 and owner root, files read when it is their turn, nothing big held in memory.
import { createReadStream } from 'node:fs';
import { tarEnd, tarHeader, tarPadding } from '../../core/tar.ts';

/** One entry of an archive. Content is produced when it is its turn, `size` bytes exactly. */
export type TarEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      readonly content: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
    };

const BLOCK = 512;

/** A file entry whose content is a small text or buffer. */
export function textEntry(path: string, text: string | Uint8Array, mode = 0o644): TarEntry {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return { type: 'file', path, mode, size: bytes.length, content: () => [bytes] };
}

/** A file entry that streams a file of this host; `size` as from stat. */
export function fileEntry(path: string, source: string, size: number, mode: number): TarEntry {
  return { type: 'file', path, mode, size, content: () => createReadStream(source, { highWaterMark: 1024 * 1024 }) };
}

/** The archive as a stream of chunks. Throws when a file's content is not `size` bytes, or does not fit the format. */
export async function* tarStream(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    if (entry.type === 'directory') {
      yield tarHeader({ name: `${entry.path}/`, mode: entry.mode, size: 0, type: 'directory' });
      continue;
    }
    yield tarHeader({ name: entry.path, mode: entry.mode, size: entry.size });
    let written = 0;
    for await (const chunk of entry.content()) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== entry.size) throw new Error(`${entry.path} has ${written} bytes, expected ${entry.size}`);
    if (tarPadding(written) > 0) yield Buffer.alloc(tarPadding(written));
  }
  yield tarEnd();
}

/** Size in bytes of the archive that tarStream makes of the entries. */
export function tarSize(entries: Iterable<TarEntry>): number {
  let size = tarEnd().length;
  for (const entry of entries) {
    size += BLOCK + (entry.type === 'file' ? entry.size + tarPadding(entry.size) : 0);
  }
  return size;
}
