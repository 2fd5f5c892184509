// What an archive of the cluster is (ADR 0012): names, label and meta data. Written by a shell script on control planes
// (manifests/backup.ts), read here.
import { z } from 'zod';

/** Version of the layout. A reader refuses those that it does not know. */
export const ARCHIVE_FORMAT = 1;
/** What the file names of archives end in; the label beside it ends in LABEL_SUFFIX instead. */
export const ARCHIVE_SUFFIX = '.tar.age';
/** The label: everything that can be known without opening the archive. */
export const LABEL_SUFFIX = '.json';
/** The snapshot of etcd inside the archive. */
export const SNAPSHOT_ENTRY = 'snapshot.db';
/** The meta data inside the archive, its first entry. */
export const META_ENTRY = 'meta.json';
/** The specification inside the archive: a complete cluster.yaml. */
export const CLUSTER_ENTRY = 'cluster.yaml';

const facts = {
  format: z.literal(ARCHIVE_FORMAT),
  /** metadata.name of cluster.yaml. */
  cluster: z.string().min(1),
  /** The control plane that made it. */
  machine: z.string().min(1),
  /** When the snapshot was taken: 2026-11-21T11:45:00Z. */
  takenAt: z.iso.datetime(),
  /** With v: v1.36.3. */
  kubernetesVersion: z.string(),
  /** Without v: 3.6.16. */
  etcdVersion: z.string(),
  /** etcd's revision of the snapshot. */
  revision: z.int().positive(),
  /** Bytes of the snapshot file. */
  snapshotBytes: z.int().positive(),
  /** Lower-case hex SHA-256 over `key TAB mod revision TAB version LF` of every key without a lease (ADR 0012). */
  contentHash: z.string().regex(/^[0-9a-f]{64}$/),
  /** How many keys that covers. */
  keys: z.int().nonnegative(),
  /** Keys without a lease by resource: `pods`, `deployments`, `apiregistration.k8s.io/apiservices`. */
  objects: z.record(z.string(), z.int().nonnegative()),
  /** etcd's HashKV at the revision, and the compaction that it was taken behind; values are covered too. Decimal strings: 64 bits. */
  hashKV: z.object({ hash: z.string(), compactRevision: z.string() }).optional(),
};

/** meta.json: the facts, and the lower-case hex SHA-256 of every other entry by its name. */
export const archiveMeta = z.object({ ...facts, files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)) });
/** The label: the facts, and what tells whether the sealed file is whole. */
export const archiveLabel = z.object({
  ...facts,
  /** File name of the archive. */
  archive: z.string().endsWith(ARCHIVE_SUFFIX),
  /** Bytes of the sealed file. */
  sizeBytes: z.int().positive(),
  /** Lower-case hex SHA-256 of the sealed file. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** age recipients that can open it. */
  recipients: z.array(z.string()),
  /** An age identity that is locked with a passphrase, ASCII armour; where the cluster has one. */
  lockedIdentity: z.string().optional(),
});

/** See archiveMeta. */
export type ArchiveMeta = z.infer<typeof archiveMeta>;
/** See archiveLabel. */
export type ArchiveLabel = z.infer<typeof archiveLabel>;

/** An archive that has been opened, checked and laid out on this host; private to root, removed by `close`. */
export interface OpenArchive {
  readonly meta: ArchiveMeta;
  /** The snapshot on this host, checked by etcdutl. */
  readonly snapshotPath: string;
  /** Content of every other entry by its name (`etc/kubernetes/pki/ca.crt`, CLUSTER_ENTRY). Registered with the redactor where secret. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  close(): Promise<void>;
}
