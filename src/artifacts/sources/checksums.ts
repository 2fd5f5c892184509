// The two forms in which projects publish sha256 sums: one bare hash, or lines of sha256sum (`hash  file`, `hash *file`).
import { basename } from 'node:path';

const BARE = /^[0-9a-f]{64}$/i;
const LINE = /^([0-9a-f]{64})[ \t]+\*?(\S+)$/i;

/** All sums in a text of sha256sum's format, by file name as written there. */
export function parseSums(text: string): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, hash, file] = LINE.exec(line.trim()) ?? [];
    if (hash !== undefined && file !== undefined) sums.set(file, hash.toLowerCase());
  }
  return sums;
}

/** The published sum of one file; undefined where the text has none for it. */
export function sumOf(text: string, file: string): string | undefined {
  const trimmed = text.trim();
  if (BARE.test(trimmed)) return trimmed.toLowerCase();
  for (const [name, hash] of parseSums(text)) if (basename(name) === file) return hash;
  return undefined;
}
