// What an archive says of itself, checked against its label and against what it is wanted for. Pure.
import { QuorateError } from '../core/errors.ts';
import { ARCHIVE_FORMAT, type ArchiveLabel, type ArchiveMeta, archiveLabel, archiveMeta } from './format.ts';

/** What an archive is wanted for. */
export interface Expected {
  /** metadata.name of cluster.yaml. */
  readonly cluster?: string;
  /** Of the etcd that is to read the snapshot, without v: 3.6.16. Only its minor version counts. */
  readonly etcdVersion?: string;
}

/** Text of a label. Throws ARCHIVE_DAMAGED, ARCHIVE_VERSION for a format that this release does not know. */
export function parseLabel(text: string, where: string): ArchiveLabel {
  return parse(archiveLabel, text, `the label ${where}`);
}

/** Text of meta.json. Throws as parseLabel. */
export function parseMeta(text: string): ArchiveMeta {
  return parse(archiveMeta, text, 'meta.json in the archive');
}

interface Schema<T> {
  safeParse(value: unknown): {
    success: boolean;
    data?: T;
    error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
  };
}

function parse<T>(schema: Schema<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new QuorateError('ARCHIVE_DAMAGED', `${what} is not JSON`);
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format !== ARCHIVE_FORMAT) {
    throw new QuorateError('ARCHIVE_VERSION', `${what} has format ${format}; this release knows ${ARCHIVE_FORMAT}`, {
      hint: 'use the release of quorate that made it, or a later one',
    });
  }
  const { data, error } = schema.safeParse(value);
  if (data !== undefined) return data;
  const issue = error?.issues[0];
  throw new QuorateError(
    'ARCHIVE_DAMAGED',
    `${what} is not valid: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

/** Fields that label and meta data have in common, for they are facts of the same moment. */
const SHARED = [
  'cluster',
  'machine',
  'takenAt',
  'kubernetesVersion',
  'etcdVersion',
  'revision',
  'snapshotBytes',
  'contentHash',
  'keys',
] as const;

/** Throws ARCHIVE_DAMAGED when a label is not that of the archive: the label is not sealed, anyone could have changed it. */
export function requireSameFacts(label: ArchiveLabel, meta: ArchiveMeta): void {
  const field = SHARED.find((name) => label[name] !== meta[name]);
  if (field === undefined) return;
  throw new QuorateError(
    'ARCHIVE_DAMAGED',
    `label and archive disagree: the label says ${field} ${label[field]}, the archive ${meta[field]}`,
  );
}

/** Throws WRONG_CLUSTER and ARCHIVE_VERSION. */
export function requireFit(meta: ArchiveMeta, { cluster, etcdVersion }: Expected): void {
  if (cluster !== undefined && meta.cluster !== cluster) {
    throw new QuorateError('WRONG_CLUSTER', `the archive is of cluster ${meta.cluster}, not of ${cluster}`, {
      data: { archive: meta.cluster, wanted: cluster },
    });
  }
  if (etcdVersion === undefined || minorOf(meta.etcdVersion) === minorOf(etcdVersion)) return;
  const older = compareMinor(meta.etcdVersion, etcdVersion) < 0;
  const why = older
    ? 'its data file is of an older layout, which etcd converts only in a living cluster'
    : 'its data file is of a newer layout, which that etcd cannot read';
  throw new QuorateError(
    'ARCHIVE_VERSION',
    `the archive was made by etcd ${meta.etcdVersion} and is to be read by ${etcdVersion}: ${why}`,
    {
      hint: `use it with the version of Kubernetes that it was made with: ${meta.kubernetesVersion}`,
      data: { archive: meta.etcdVersion, wanted: etcdVersion, kubernetesVersion: meta.kubernetesVersion },
    },
  );
}

function minorOf(version: string): string {
  return version.replace(/^v/, '').split('.').slice(0, 2).join('.');
}

function compareMinor(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = minorOf(a).split('.').map(Number);
  const [majorB = 0, minorB = 0] = minorOf(b).split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}

/** Throws ARCHIVE_DAMAGED unless the entries behind meta.json are those that it names, no more and no fewer. */
export function requireSameEntries(meta: ArchiveMeta, names: readonly string[], needed: readonly string[]): void {
  const missing = [...new Set([...Object.keys(meta.files), ...needed])].filter((name) => !names.includes(name));
  if (missing.length > 0) throw new QuorateError('ARCHIVE_DAMAGED', `the archive lacks ${missing.join(', ')}`);
  const extra = names.filter((name) => meta.files[name] === undefined);
  if (extra.length > 0) {
    throw new QuorateError(
      'ARCHIVE_DAMAGED',
      `the archive has files that its meta.json does not name: ${extra.join(', ')}`,
    );
  }
}
