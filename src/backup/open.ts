// From a sealed file to what is in it, or to one clear error. Nothing is kept of an archive that does not pass every check.
import { readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { openScratch } from '../core/scratch.ts';
import { throwIfAborted } from '../core/wait.ts';
import { requireSealed, unlock, unseal } from './age.ts';
import {
  type Expected,
  parseLabel,
  parseMeta,
  requireFit,
  requireSameEntries,
  requireSameFacts,
} from './check-archive.ts';
import {
  ARCHIVE_SUFFIX,
  type ArchiveLabel,
  type ArchiveMeta,
  CLUSTER_ENTRY,
  LABEL_SUFFIX,
  META_ENTRY,
  type OpenArchive,
  SNAPSHOT_ENTRY,
} from './format.ts';
import { copyStretch, snapshotStatus } from './snapshot-file.ts';
import { listTar, readMember, type TarMember } from './tar-read.ts';

/** Everything but the snapshot: certificates, keys, manifests, some kilobytes each. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 200;

/** How an archive is opened. */
export interface OpenOptions {
  /** AGE-SECRET-KEY-1…; any of them may fit. */
  readonly identities: readonly string[];
  /** Opens the identity that the label carries, where it carries one. */
  readonly passphrase?: string;
  readonly expected?: Expected;
  /** The program, on this host. */
  readonly etcdutl: string;
  /** What is opened lies in a private directory below it until `close`. It needs twice the archive's size. */
  readonly workDir: string;
}

/**
 * Opens an archive and checks all of it: the label beside it (where there is one), the seal, the layout, every file's SHA-256, cluster and
 * etcd version, the snapshot's own hash, its structure and its revision. Throws ARCHIVE_DAMAGED, ARCHIVE_LOCKED, ARCHIVE_VERSION,
 * WRONG_CLUSTER, ARCHIVE_NOT_FOUND, HOST_TOOL_MISSING, DISK_FULL, ABORTED; then nothing is left of it on disk.
 */
export async function openArchive(ctx: Context, path: string, options: OpenOptions): Promise<OpenArchive> {
  const sizeBytes = await sizeOf(path);
  await requireSealed(path);
  const label = await readLabelBeside(path);
  if (label !== undefined) await requireAsLabelled(ctx, path, sizeBytes, label);
  const identities = await identitiesFor(ctx, label, options);
  const scratch = await openScratch(options.workDir, 'archive');
  try {
    await requireSpace(scratch.path, 2 * sizeBytes);
    const tar = join(scratch.path, 'archive.tar');
    const { recipients } = label ?? {};
    await unseal(ctx, {
      from: path,
      to: tar,
      identities,
      directory: scratch.path,
      sizeBytes,
      ...(recipients === undefined ? {} : { recipients }),
    });
    await rm(join(scratch.path, 'identities'), { force: true });
    const { meta, members } = await readHead(tar, label, options.expected ?? {});
    const files = await readFiles(ctx, tar, members, meta);
    const snapshotPath = join(scratch.path, SNAPSHOT_ENTRY);
    await layOutSnapshot(ctx, tar, members, meta, snapshotPath);
    await rm(tar);
    await requireRevision(ctx, options.etcdutl, snapshotPath, meta);
    return { meta, snapshotPath, files, close: scratch.remove };
  } catch (error) {
    await scratch.remove();
    throw error;
  }
}

/** The label that lies beside an archive; undefined where there is none. Throws ARCHIVE_DAMAGED for one that cannot be read. */
export async function readLabelBeside(path: string): Promise<ArchiveLabel | undefined> {
  if (!path.endsWith(ARCHIVE_SUFFIX)) return undefined;
  const where = path.slice(0, -ARCHIVE_SUFFIX.length) + LABEL_SUFFIX;
  const text = await readFile(where, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseLabel(text, where);
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return found.size;
  throw new QuorateError('ARCHIVE_NOT_FOUND', `there is no archive at ${path}`);
}

/** Tells damage without a key. Throws ARCHIVE_DAMAGED when size or SHA-256 are not those of the label. */
export async function requireAsLabelled(
  ctx: Context,
  path: string,
  sizeBytes: number,
  label: Pick<ArchiveLabel, 'sizeBytes' | 'sha256'>,
): Promise<void> {
  if (sizeBytes !== label.sizeBytes) {
    const how = sizeBytes < label.sizeBytes ? 'cut off' : 'not the file of its label';
    throw new QuorateError(
      'ARCHIVE_DAMAGED',
      `${path} is ${how}: it has ${sizeBytes} bytes, its label says ${label.sizeBytes}`,
    );
  }
  const { sha256 } = await copyStretch(ctx, path, { start: 0, size: sizeBytes });
  if (sha256 === label.sha256) return;
  throw new QuorateError('ARCHIVE_DAMAGED', `${path} was changed: its SHA-256 is not that of its label`);
}

async function identitiesFor(
  ctx: Context,
  label: ArchiveLabel | undefined,
  { identities, passphrase }: OpenOptions,
): Promise<readonly string[]> {
  if (passphrase === undefined) return identities;
  const locked = label?.lockedIdentity;
  if (locked !== undefined) return [...identities, ...(await unlock(ctx, locked, passphrase))];
  if (identities.length > 0) return identities;
  throw new QuorateError(
    'ARCHIVE_LOCKED',
    label === undefined
      ? 'a passphrase opens the identity in the label, and no label lies beside the archive'
      : 'the label carries no identity that a passphrase could open',
  );
}

async function requireSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= bytes) return;
  throw new QuorateError(
    'DISK_FULL',
    `opening the archive needs ${bytes} bytes below ${directory}, which has ${bavail * bsize} left`,
  );
}

/** Everything that can be told before the large part is read. */
async function readHead(
  tar: string,
  label: ArchiveLabel | undefined,
  expected: Expected,
): Promise<{ readonly meta: ArchiveMeta; readonly members: readonly TarMember[] }> {
  const [first, ...members] = await listTar(tar);
  if (first?.name !== META_ENTRY) {
    throw new QuorateError(
      'ARCHIVE_DAMAGED',
      `the archive begins with ${first?.name ?? 'nothing'}, not with ${META_ENTRY}`,
    );
  }
  requireSmall(first);
  const meta = parseMeta(Buffer.from(await readMember(tar, first)).toString());
  requireFit(meta, expected);
  if (label !== undefined) requireSameFacts(label, meta);
  requireSameEntries(
    meta,
    members.map(({ name }) => name),
    [SNAPSHOT_ENTRY, CLUSTER_ENTRY],
  );
  return { meta, members };
}

async function readFiles(
  ctx: Context,
  tar: string,
  members: readonly TarMember[],
  meta: ArchiveMeta,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const small = members.filter(({ name }) => name !== SNAPSHOT_ENTRY);
  if (small.length > MAX_FILES) {
    throw new QuorateError('ARCHIVE_DAMAGED', `the archive has ${small.length} files; a control plane has some dozens`);
  }
  const files = new Map<string, Uint8Array>();
  for (const member of small) {
    throwIfAborted(ctx);
    requireSmall(member);
    const { sha256 } = await copyStretch(ctx, tar, member);
    requireSum(member.name, sha256, meta);
    const content = await readMember(tar, member);
    registerSecrets(ctx, member.name, content);
    files.set(member.name, content);
  }
  return files;
}

function requireSmall({ name, size }: TarMember): void {
  if (size <= MAX_FILE_BYTES) return;
  throw new QuorateError('ARCHIVE_DAMAGED', `${name} in the archive has ${size} bytes: too many for what it is`);
}

function requireSum(name: string, sha256: string, meta: ArchiveMeta): void {
  if (sha256 === meta.files[name]) return;
  throw new QuorateError('ARCHIVE_DAMAGED', `${name} in the archive is not what its meta.json says`);
}

/** PEM keys are recognised by the redactor anyway; base64 of one, and keys of the encryption configuration, are not. */
function registerSecrets(ctx: Context, name: string, content: Uint8Array): void {
  const text = Buffer.from(content).toString();
  if (name.endsWith('.key')) ctx.redactor.add(Buffer.from(text).toString('base64'));
  for (const [, secret] of text.matchAll(/^\s*(?:- )?secret:\s*(\S+)/gm)) {
    if (secret !== undefined) ctx.redactor.add(secret);
  }
}

async function layOutSnapshot(
  ctx: Context,
  tar: string,
  members: readonly TarMember[],
  meta: ArchiveMeta,
  to: string,
): Promise<void> {
  const member = members.find(({ name }) => name === SNAPSHOT_ENTRY);
  if (member === undefined || member.size !== meta.snapshotBytes) {
    throw new QuorateError(
      'ARCHIVE_DAMAGED',
      `the snapshot has ${member?.size ?? 0} bytes, meta.json says ${meta.snapshotBytes}`,
    );
  }
  const { sha256, hasOwnHash } = await copyStretch(ctx, tar, member, to);
  requireSum(member.name, sha256, meta);
  if (hasOwnHash) return;
  throw new QuorateError(
    'ARCHIVE_DAMAGED',
    'the snapshot in the archive does not have the hash that etcd wrote behind it',
  );
}

async function requireRevision(ctx: Context, etcdutl: string, path: string, meta: ArchiveMeta): Promise<void> {
  const { revision } = await snapshotStatus(ctx, etcdutl, path);
  if (revision === meta.revision) return;
  throw new QuorateError('ARCHIVE_DAMAGED', `the snapshot is of revision ${revision}, meta.json says ${meta.revision}`);
}
