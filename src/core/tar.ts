// A small writer of tar archives (POSIX.1-1988 "ustar", as pax(1) describes it): container images and files for machines.

const BLOCK = 512;
/** Octal field of `length` bytes: digits and a terminating NUL. */
const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

/** A regular file for an archive, with its content at hand. */
export interface TarEntry {
  /** Path in the archive, without a leading slash; at most 255 bytes, split where ustar allows it. */
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  readonly content: string | Uint8Array;
  /** Seconds since the Unix epoch; default 0, so that the same files give the same archive. */
  readonly mtime?: number;
}

/** One member without its content, for archives too large to be held in memory. Units as in TarEntry; default type file. */
export interface TarHeaderFields {
  readonly name: string;
  readonly mode: number;
  /** Bytes of content that follow. */
  readonly size: number;
  readonly type?: 'file' | 'directory';
  readonly mtime?: number;
}

/** The 512-byte header of one member, owned by root. Throws RangeError for a name or size that ustar cannot hold. */
export function tarHeader(fields: TarHeaderFields): Uint8Array {
  const { name, prefix } = splitName(fields.name);
  if (fields.size > 0o77777777777) throw new RangeError(`too large for a ustar archive: ${fields.name}`);
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  header.write(octal(fields.mode & 0o7777, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(fields.size, 12), 124);
  header.write(octal(fields.mtime ?? 0, 12), 136);
  // The checksum counts its own field as eight spaces.
  header.write('        ', 148);
  header.write(fields.type === 'directory' ? '5' : '0', 156);
  header.write('ustar\x0000', 257);
  header.write('root', 265);
  header.write('root', 297);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** How many zero bytes follow `size` bytes of content, up to the next block. */
export function tarPadding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** The two empty blocks that end an archive. */
export function tarEnd(): Uint8Array {
  return Buffer.alloc(2 * BLOCK);
}

/** A whole archive of small files in memory, in the order given. */
export function packFiles(files: readonly TarEntry[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const file of files) {
    const content = typeof file.content === 'string' ? Buffer.from(file.content) : file.content;
    const { name, mode, mtime } = file;
    pieces.push(tarHeader({ name, mode, size: content.length, ...(mtime === undefined ? {} : { mtime }) }));
    pieces.push(content, Buffer.alloc(tarPadding(content.length)));
  }
  return Buffer.concat([...pieces, tarEnd()]);
}

/** A name of up to 100 bytes stands alone; a longer one is cut at a slash into a prefix of up to 155 and the rest. */
function splitName(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const prefix = path.slice(0, slash);
    const name = path.slice(slash + 1);
    if (name !== '' && Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return { name, prefix };
  }
  throw new RangeError(`too long a name for a ustar archive: ${path}`);
}
