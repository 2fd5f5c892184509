// Archives as ADR 0012 describes them, made by hand: with the real age, the real tar format, and a snapshot of any content.
import { createHash } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import {
  ARCHIVE_SUFFIX,
  type ArchiveLabel,
  type ArchiveMeta,
  CLUSTER_ENTRY,
  LABEL_SUFFIX,
  META_ENTRY,
  SNAPSHOT_ENTRY,
} from '../../src/backup/format.ts';
import { packFiles } from '../../src/core/tar.ts';

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** A pair of age keys. */
export interface AgeKey {
  readonly identity: string;
  readonly recipient: string;
}

export async function newAgeKey(): Promise<AgeKey> {
  const { stdout } = await execa('age-keygen', []);
  const identity = /AGE-SECRET-KEY-1\S+/.exec(stdout)?.[0] ?? '';
  return { identity, recipient: /age1\S+/.exec(stdout)?.[0] ?? '' };
}

/** A file as etcd's snapshots are: data in multiples of 512 bytes, its SHA-256 behind it. */
export function fakeSnapshot(data: Uint8Array = Buffer.alloc(64 * 1024, 'etcd')): Buffer {
  return Buffer.concat([data, createHash('sha256').update(data).digest()]);
}

/** What an archive is made of, before it is sealed. */
export interface Contents {
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly meta: ArchiveMeta;
}

export function contents(
  overrides: Partial<ArchiveMeta> = {},
  snapshot: Uint8Array = fakeSnapshot(),
  more: Readonly<Record<string, string | Uint8Array>> = { 'etc/kubernetes/pki/ca.crt': 'a certificate\n' },
): Contents {
  const files = new Map<string, string | Uint8Array>([[CLUSTER_ENTRY, 'kind: Cluster\n'], ...Object.entries(more)]);
  files.set(SNAPSHOT_ENTRY, snapshot);
  const meta: ArchiveMeta = {
    format: 1,
    cluster: 'demo',
    machine: 'cp1',
    takenAt: '2026-11-21T11:45:00Z',
    kubernetesVersion: 'v1.36.3',
    etcdVersion: '3.6.16',
    revision: 42,
    snapshotBytes: snapshot.length,
    contentHash: sha256(''),
    keys: 0,
    objects: {},
    files: Object.fromEntries([...files].map(([name, content]) => [name, sha256(content)])),
    ...overrides,
  };
  return { files, meta };
}

/** The tar of contents: meta.json first. */
export function tarOf({ files, meta }: Contents): Uint8Array {
  return packFiles([
    { name: META_ENTRY, mode: 0o600, content: JSON.stringify(meta) },
    ...[...files].map(([name, content]) => ({ name, mode: 0o600, content })),
  ]);
}

/** Seals any bytes to a recipient. */
export async function seal(content: Uint8Array, recipient: string): Promise<Buffer> {
  const { stdout } = await execa('age', ['--encrypt', '--recipient', recipient], {
    input: content,
    encoding: 'buffer',
    stripFinalNewline: false,
  });
  return Buffer.from(stdout);
}

/** The label of a sealed file. */
export function labelOf(meta: ArchiveMeta, name: string, sealed: Uint8Array, recipient: string): ArchiveLabel {
  const { files: _files, ...facts } = meta;
  return {
    ...facts,
    archive: name + ARCHIVE_SUFFIX,
    sizeBytes: sealed.length,
    sha256: sha256(sealed),
    recipients: [recipient],
  };
}

/** Writes an archive, with its label unless told otherwise. Returns its path. */
export async function sealArchive(
  directory: string,
  what: Contents | Uint8Array,
  recipient: string,
  options: { readonly name?: string; readonly label?: boolean } = {},
): Promise<string> {
  const name = options.name ?? 'demo-20261121T114500Z-cp1';
  const path = join(directory, name + ARCHIVE_SUFFIX);
  const sealed = await seal(what instanceof Uint8Array ? what : tarOf(what), recipient);
  await writeFile(path, sealed);
  if (options.label !== false && !(what instanceof Uint8Array)) {
    await writeFile(
      join(directory, name + LABEL_SUFFIX),
      JSON.stringify(labelOf(what.meta, name, sealed, recipient), null, 2),
    );
  }
  return path;
}

/** A program that answers as etcdutl does: it reads the revision from a file, and fails where that says so. */
export async function fakeEtcdutl(directory: string, answer: string, exitCode = 0): Promise<string> {
  const path = join(directory, 'etcdutl');
  await writeFile(
    path,
    `#!/bin/sh\n[ "$1 $2 $4 $5" = "snapshot status -w json" ] && [ -s "$3" ] || exit 9\nprintf '%s' '${answer}'\nexit ${exitCode}\n`,
  );
  await chmod(path, 0o755);
  return path;
}

/** The bytes of a file with one bit changed. */
export async function flipped(path: string, position: number): Promise<Buffer> {
  const bytes = await readFile(path);
  bytes[position] = (bytes[position] ?? 0) ^ 0x10;
  return bytes;
}
