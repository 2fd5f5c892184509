// Fifty ways in which a backup is not what it should be, made of a good one. The same seed makes the same damage.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ARCHIVE_SUFFIX,
  type ArchiveMeta,
  LABEL_SUFFIX,
  type OpenArchive,
  SNAPSHOT_ENTRY,
} from '../../../src/backup/format.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import { type Contents, contents, sealArchive } from '../../helpers/archive.ts';

/** A damaged backup, and how it has to be refused. */
export interface Damage {
  readonly what: string;
  readonly path: string;
  readonly code: ErrorCode;
}

/** A good backup, and what it is opened and sealed with. */
export interface Good {
  readonly path: string;
  readonly archive: OpenArchive;
  readonly recipient: string;
  /** Of a key that the tests open with too, never of the good one's. */
  readonly otherRecipient: string;
}

/** mulberry32: small, and the same numbers everywhere. */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The contents of an archive, with something else in its meta data or its files; digests in the meta data follow. */
export async function repacked(
  archive: OpenArchive,
  meta: Partial<ArchiveMeta> = {},
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<Contents> {
  const snapshot = files[SNAPSHOT_ENTRY] ?? (await readFile(archive.snapshotPath));
  const { [SNAPSHOT_ENTRY]: _snapshot, ...rest } = files;
  const { files: _digests, snapshotBytes: _bytes, ...facts } = archive.meta;
  const bytes = typeof snapshot === 'string' ? Buffer.from(snapshot) : snapshot;
  return contents({ ...facts, ...meta }, bytes, { ...Object.fromEntries(archive.files), ...rest });
}

/** Writes fifty damaged backups to a directory. */
export async function fiftyDamages(directory: string, good: Good, seed: number): Promise<readonly Damage[]> {
  const upTo = random(seed);
  const sealed = await readFile(good.path);
  const unsealedAt = sealed.indexOf('\n', sealed.indexOf('\n--- ') + 1) + 1;
  const damages: Damage[] = [];
  const add = async (what: string, code: ErrorCode, write: (path: string) => Promise<unknown>) => {
    const path = join(directory, `damage-${damages.length}${ARCHIVE_SUFFIX}`);
    await write(path);
    damages.push({ what, path, code });
  };
  const cut = (what: string, length: number) =>
    add(`${what}: cut to ${length} bytes`, 'ARCHIVE_DAMAGED', (path) => writeFile(path, sealed.subarray(0, length)));
  const flip = (what: string, isLabelled: boolean) => {
    const at = isLabelled ? upTo(sealed.length) : unsealedAt + upTo(sealed.length - unsealedAt);
    return add(`${what}: bit at ${at} of ${sealed.length}`, 'ARCHIVE_DAMAGED', async (path) => {
      const bytes = Buffer.from(sealed);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << upTo(8));
      await writeFile(path, bytes);
      if (isLabelled) await copyLabel(good.path, path);
    });
  };
  await cut('empty', 0);
  for (let n = 0; n < 12; n++) await cut('anywhere', 1 + upTo(sealed.length - 1));
  // A nonce of 16 bytes, then chunks of 64 KiB, each with a tag of 16 (C2SP age.md).
  for (const chunks of [0, 1, 7, 30]) await cut('at the border of a chunk', unsealedAt + 16 + chunks * (65_536 + 16));
  for (let n = 0; n < 14; n++) await flip('without label', false);
  for (let n = 0; n < 4; n++) await flip('with label', true);
  await addResealed(add, directory, good, upTo);
  return damages;
}

async function copyLabel(from: string, to: string): Promise<void> {
  await copyFile(from.replace(ARCHIVE_SUFFIX, LABEL_SUFFIX), to.replace(ARCHIVE_SUFFIX, LABEL_SUFFIX));
}

type Add = (what: string, code: ErrorCode, write: (path: string) => Promise<unknown>) => Promise<void>;

/** Sealed properly, and wrong all the same. */
async function addResealed(add: Add, directory: string, good: Good, upTo: (below: number) => number): Promise<void> {
  const reseal = (what: string, code: ErrorCode, made: Promise<Contents>, recipient = good.recipient) =>
    add(what, code, async (path) => {
      const name = path.slice(directory.length + 1, -ARCHIVE_SUFFIX.length);
      await sealArchive(directory, await made, recipient, { name });
    });
  const { archive } = good;
  const snapshot = await readFile(archive.snapshotPath);
  await reseal('another key', 'ARCHIVE_LOCKED', repacked(archive), good.otherRecipient);
  for (const cluster of ['prod', `${archive.meta.cluster}2`]) {
    await reseal(`of cluster ${cluster}`, 'WRONG_CLUSTER', repacked(archive, { cluster }));
  }
  for (const etcdVersion of ['3.5.21', '3.4.37', '3.7.0']) {
    await reseal(`of etcd ${etcdVersion}`, 'ARCHIVE_VERSION', repacked(archive, { etcdVersion }));
  }
  for (let n = 0; n < 5; n++) {
    const bytes = Buffer.from(snapshot);
    const at = upTo(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << upTo(8));
    await reseal(
      `a snapshot with a bit changed at ${at}`,
      'ARCHIVE_DAMAGED',
      repacked(archive, {}, { [SNAPSHOT_ENTRY]: bytes }),
    );
  }
  for (const length of [0, 512, upTo(snapshot.length)]) {
    const bytes = snapshot.subarray(0, length);
    await reseal(`a snapshot cut to ${length}`, 'ARCHIVE_DAMAGED', repacked(archive, {}, { [SNAPSHOT_ENTRY]: bytes }));
  }
  const revision = archive.meta.revision + 1;
  await reseal('a snapshot of another revision', 'ARCHIVE_DAMAGED', repacked(archive, { revision }));
}
