// Reads the tar inside an archive. Strict: regular files with plain relative names only, so that nothing can be written elsewhere than
// where it belongs; what GNU tar or bsdtar would make of anything else is not a question that a backup should raise.
import { type FileHandle, open } from 'node:fs/promises';
import { QuorateError } from '../core/errors.ts';

const BLOCK = 512;
/** Relative, never a part that is empty, `.` or `..`, no control characters. Manifests of the owner's own may have any name. */
const PLAIN_NAME = /^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\p{Cc}\\]+$/u;
/** Of what stands before a file to say more of it (pax, GNU's long names): names and sizes need a few hundred bytes. */
const MAX_EXTENSION_BYTES = 64 * 1024;

/** One file in the tar: its content lies at [start, start + size) of the tar file. */
export interface TarMember {
  readonly name: string;
  readonly start: number;
  readonly size: number;
}

/**
 * The files of a tar, in order, without their content. Directories are passed over. Throws ARCHIVE_DAMAGED for
 * anything that is not a plain file, for a second file of the same name, and for a tar that is cut off or goes on after its end.
 */
export async function listTar(path: string): Promise<readonly TarMember[]> {
  const file = await open(path, 'r');
  try {
    return await readMembers(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

async function readMembers(file: FileHandle, size: number): Promise<readonly TarMember[]> {
  const members: TarMember[] = [];
  const seen = new Set<string>();
  let extended: Partial<Pick<TarMember, 'name' | 'size'>> = {};
  for (let at = 0; ; ) {
    const header = await readAt(file, at, BLOCK);
    if (header.every((byte) => byte === 0)) {
      await requireEnd(file, at, size);
      return members;
    }
    const entry = parseHeader(header);
    const start = at + BLOCK;
    const isExtension = entry.type === 'pax' || entry.type === 'long-name';
    const length = isExtension ? entry.size : (extended.size ?? entry.size);
    at = start + Math.ceil(length / BLOCK) * BLOCK;
    if (at > size) throw damaged(`it ends in the middle of ${entry.name}`);
    if (isExtension) {
      if (length > MAX_EXTENSION_BYTES) throw damaged('it has an extended header of absurd length');
      const content = await readAt(file, start, length);
      extended = entry.type === 'pax' ? parsePax(content) : { ...extended, name: textOf(content, 0, length) };
      continue;
    }
    const name = extended.name ?? entry.name;
    extended = {};
    if (entry.type === 'directory') {
      if (!PLAIN_NAME.test(name.replace(/\/$/, ''))) throw damaged(`it has a directory of the name ${show(name)}`);
      continue;
    }
    if (!PLAIN_NAME.test(name)) throw damaged(`it has a file of the name ${show(name)}`);
    if (seen.has(name)) throw damaged(`it has ${name} twice`);
    seen.add(name);
    members.push({ name, start, size: length });
  }
}

interface Header {
  readonly name: string;
  readonly size: number;
  readonly type: 'file' | 'directory' | 'pax' | 'long-name';
}

/** x and L say more of the next member: pax values, GNU's name of over 100 bytes. Links, devices and all else are refused. */
const TYPES: Readonly<Record<string, Header['type']>> = {
  '0': 'file',
  '\0': 'file',
  '5': 'directory',
  x: 'pax',
  L: 'long-name',
};

/** POSIX ustar, and what GNU tar writes by default (its magic is `ustar  `, and it has no prefix field). */
function parseHeader(block: Buffer): Header {
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (sum !== octalOf(block, 148, 8)) throw damaged('a header in it has the wrong checksum');
  const magic = block.toString('latin1', 257, 263);
  if (magic !== 'ustar\0' && magic !== 'ustar ') throw damaged('it is not a tar of the kind that backups are');
  const prefix = magic === 'ustar\0' ? textOf(block, 345, 155) : '';
  const own = textOf(block, 0, 100);
  const name = prefix === '' ? own : `${prefix}/${own}`;
  const letter = String.fromCharCode(block[156] ?? 0);
  const type = TYPES[letter];
  if (type === undefined) throw damaged(`${show(name)} in it is neither a file nor a directory (type ${show(letter)})`);
  const size = sizeOf(block);
  if (type === 'directory' && size !== 0) throw damaged(`the directory ${show(name)} in it has content`);
  return { name, size, type };
}

function textOf(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end);
}

/** Digits, with spaces or NULs around them. NaN for anything else. */
function octalOf(block: Buffer, start: number, length: number): number {
  const text = textOf(block, start, length).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** Octal, or, for 8 GiB and more, GNU's base-256: the first bit set, the number in the rest. */
function sizeOf(block: Buffer): number {
  const size = block[124] === 0x80 ? Number(block.readBigUInt64BE(128)) : octalOf(block, 124, 12);
  if (!Number.isSafeInteger(size)) throw damaged('a header in it has no proper size');
  return size;
}

/** `LENGTH KEY=VALUE\n`, over and over (pax(1)). Only what changes the meaning of a plain file is read; a link is refused by its type. */
function parsePax(content: Buffer): Partial<Pick<TarMember, 'name' | 'size'>> {
  const values: { name?: string; size?: number } = {};
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const length = Number(content.toString('latin1', at, space));
    if (space === -1 || !Number.isInteger(length) || length < 5 || at + length > content.length) {
      throw damaged('an extended header in it cannot be read');
    }
    const record = content.toString('utf8', space + 1, at + length - 1);
    const value = record.slice(record.indexOf('=') + 1);
    if (record.startsWith('path=')) values.name = value;
    if (record.startsWith('size=')) values.size = Number(value);
    at += length;
  }
  if (values.size !== undefined && !(Number.isSafeInteger(values.size) && values.size >= 0)) {
    throw damaged('an extended header in it has no proper size');
  }
  return values;
}

/** Two empty blocks, then nothing but zeros up to the end of tar's record. */
async function requireEnd(file: FileHandle, at: number, size: number): Promise<void> {
  if (size - at < 2 * BLOCK) throw damaged('it has no end');
  // GNU tar fills records of 10 KiB (its -b 20).
  if (size - at > 64 * 1024) throw damaged('it goes on after its end');
  const rest = await readAt(file, at, size - at);
  if (rest.some((byte) => byte !== 0)) throw damaged('it goes on after its end');
}

/** Exactly `length` bytes. Throws ARCHIVE_DAMAGED where the file has fewer. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead !== length) throw damaged('it is cut off');
  return buffer;
}

/** The content of a small member. */
export async function readMember(path: string, { start, size }: TarMember): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    return await readAt(file, start, size);
  } finally {
    await file.close();
  }
}

const show = (text: string): string => JSON.stringify(text.slice(0, 80));

function damaged(how: string): QuorateError {
  return new QuorateError('ARCHIVE_DAMAGED', `the tar in the archive is damaged: ${how}`);
}
