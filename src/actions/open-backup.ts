// A backup at hand: found or fetched, and opened with the keys of this host.
import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { rehearsalPrograms } from '../artifacts/catalog.ts';
import { componentVersions } from '../artifacts/components.ts';
import { pullArtifacts } from '../artifacts/pull.ts';
import { ARCHIVE_SUFFIX, type ArchiveLabel, type OpenArchive } from '../backup/format.ts';
import { findIdentities } from '../backup/keys.ts';
import { openArchive, readLabelBeside } from '../backup/open.ts';
import type { ScratchPrograms } from '../backup/scratch-cluster.ts';
import { chooseArchive, fetchArchive, listArchives, type StoredArchive } from '../backup/store.ts';
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { stateDir } from '../core/paths.ts';
import { openScratch } from '../core/scratch.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** Files with secrets that open archives. */
export interface KeyFiles {
  /** age identities, one a line. Default: those that lie on this host for the cluster. */
  readonly identityFile?: string;
  /** A passphrase, for the identity that labels carry. */
  readonly passphraseFile?: string;
}

/** Below it, what is opened lies for a while in private directories. */
export function workDir(): string {
  return join(stateDir(), 'work');
}

/** A backup on this host, and what is known of it. */
export interface BackupAtHand {
  readonly name: string;
  readonly path: string;
  readonly label?: ArchiveLabel;
}

/**
 * Runs `work` on a backup that lies on this host: a file of the user's, or one that is fetched for the time. `wanted` is a path, a name, or
 * latest. Throws ARCHIVE_NOT_FOUND, ARCHIVE_DAMAGED, STORE_UNREACHABLE, MACHINE_UNREACHABLE, and what `work` throws.
 */
export async function withBackup<T>(
  ctx: Context,
  fleet: Fleet,
  wanted: string,
  work: (backup: BackupAtHand) => Promise<T>,
): Promise<T> {
  const local = await localBackup(wanted);
  if (local !== undefined) return work(local);
  const archive = chooseArchive(await listArchives(ctx, fleet, workDir()), wanted);
  return withFetched(ctx, fleet, archive, work);
}

/** The same for an archive that was listed. */
export async function withFetched<T>(
  ctx: Context,
  fleet: Fleet,
  archive: StoredArchive,
  work: (backup: BackupAtHand) => Promise<T>,
): Promise<T> {
  const scratch = await openScratch(workDir(), 'fetched');
  try {
    const path = await fetchArchive(ctx, fleet, archive, scratch.path);
    return await work({ name: archive.name, path, label: archive.label });
  } finally {
    await scratch.remove();
  }
}

/** Whatever has a slash or the suffix and is there is a file of this host. Throws ARCHIVE_NOT_FOUND for a path that leads nowhere. */
export async function localBackup(wanted: string): Promise<BackupAtHand | undefined> {
  const isFile = (await stat(wanted).catch(() => undefined))?.isFile() === true;
  if (!isFile && wanted.includes('/')) {
    throw new QuorateError('ARCHIVE_NOT_FOUND', `there is no archive at ${wanted}`);
  }
  if (!isFile || wanted === 'latest') return undefined;
  const path = resolve(wanted);
  // A label that cannot be read is a finding of whoever opens the archive.
  const label = await readLabelBeside(path).catch(() => undefined);
  return { name: basename(path, ARCHIVE_SUFFIX), path, ...(label === undefined ? {} : { label }) };
}

/** A backup that is open: what is in it, and the programs of the versions that it was made with. */
export interface OpenBackup extends OpenArchive {
  readonly programs: ScratchPrograms;
}

/**
 * Opens a backup on this host with the keys at hand, for the versions that it was made with. Throws what openArchive throws,
 * ARTIFACT_UNAVAILABLE, and USAGE for a key file that holds no key.
 */
export async function openBackup(
  ctx: Context,
  spec: ClusterSpec,
  { path, label }: BackupAtHand,
  options: KeyFiles,
): Promise<OpenBackup> {
  const keys = await readKeys(ctx, spec.name, options);
  const version = label?.kubernetesVersion ?? spec.kubernetesVersion;
  const programs = await rehearsalProgramsOf(ctx, version);
  const archive = await openArchive(ctx, path, {
    ...keys,
    etcdutl: programs.etcdutl,
    workDir: workDir(),
    expected: { cluster: spec.name, etcdVersion: componentVersions(version).etcd.replace(/^v/, '') },
  });
  return { ...archive, programs };
}

async function rehearsalProgramsOf(ctx: Context, kubernetesVersion: string): Promise<ScratchPrograms> {
  const cached = await pullArtifacts({ ...ctx, emit: quietly(ctx) }, rehearsalPrograms(kubernetesVersion));
  const paths = Object.fromEntries(cached.map(({ artifact, path }) => [artifact.name, path]));
  const of = (name: string) => paths[name] ?? '';
  return { etcd: of('etcd'), etcdctl: of('etcdctl'), etcdutl: of('etcdutl'), 'kube-apiserver': of('kube-apiserver') };
}

/** Programs that lie in the cache are no news. */
function quietly(ctx: Context): Context['emit'] {
  return (code, data) => {
    if (code === 'artifact.ready' && (data as { source?: string }).source === 'cache') return;
    ctx.emit(code, data);
  };
}

/** What opens archives. Throws USAGE for a file that cannot be read or holds none. */
async function readKeys(
  ctx: Context,
  cluster: string,
  { identityFile, passphraseFile }: KeyFiles,
): Promise<{ readonly identities: readonly string[]; readonly passphrase?: string }> {
  const passphrase = passphraseFile === undefined ? undefined : await readPassphrase(ctx, passphraseFile);
  const identities =
    identityFile === undefined ? await findIdentities(cluster, ctx) : await readIdentities(ctx, identityFile);
  return { identities, ...(passphrase === undefined ? {} : { passphrase }) };
}

async function readIdentities(ctx: Context, path: string): Promise<readonly string[]> {
  const lines = (await readKeyFile(path)).split('\n').map((line) => line.trim());
  const identities = lines.filter((line) => line.startsWith('AGE-SECRET-KEY-1'));
  for (const identity of identities) ctx.redactor.add(identity);
  if (identities.length > 0) return identities;
  throw new QuorateError('USAGE', `${path} holds no age identity`, { hint: 'it is the file that age-keygen writes' });
}

/** A passphrase: the file's content without the line feed at its end. Throws USAGE for an empty one. */
export async function readPassphrase(ctx: Context, path: string): Promise<string> {
  const passphrase = (await readKeyFile(path)).replace(/\r?\n$/, '');
  if (passphrase === '') throw new QuorateError('USAGE', `${path} is empty: it should hold a passphrase`);
  ctx.redactor.add(passphrase);
  return passphrase;
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new QuorateError('USAGE', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'name a file with the key',
    });
  }
}
