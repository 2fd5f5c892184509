// What the phases of one restore share: the archive that was opened and checked, and what they find out on the way.
import type { ArchiveMeta } from '../../backup/format.ts';
import type { SharedMaterial } from '../../pki/types.ts';

/** One run of `quorate restore`. */
export interface Restoration {
  readonly meta: ArchiveMeta;
  /** The snapshot on this host, checked. */
  readonly snapshotPath: string;
  /** The cluster's authorities and keys, from the archive. */
  readonly material: SharedMaterial;
  /** Names the new cluster of etcd, so that no member of the former one is let in. */
  readonly etcdToken: string;
  /** The highest revision that any machine knows of, from data or from earlier restores; found while fencing. 0: none. */
  floor: number;
  /** When the endpoint first answered again, milliseconds since the Unix epoch. */
  apiReadyMs?: number;
}

/**
 * etcd's documentation advises a billion: more than a week of 1500 writes a second (etcd.io, "Disaster recovery", Restoring with revision
 * bump).
 */
export const REVISION_BUMP = 1_000_000_000;

/**
 * By how much the revision is raised: the smallest multiple of a billion that puts it above everything that clients may have seen. A
 * second restore of the same archive needs two of them, for the first one has used up the first.
 */
export function bumpFor(revision: number, floor: number): number {
  const missing = Math.max(1, floor - revision + 1);
  return Math.ceil(missing / REVISION_BUMP) * REVISION_BUMP;
}

/** The revision that the restored data begins at. */
export function restoredRevision({ meta, floor }: Restoration): number {
  return meta.revision + bumpFor(meta.revision, floor);
}

/** On every machine: `{"revision":N}`, where the last restore began; what watches of that machine may have seen is above it. */
export const RESTORED_PATH = '/var/lib/quorate/restored.json';
/** Where what was in etcd's directory before a restore lies, on the machine itself: `before-restore-<seconds since the Unix epoch>`. */
export const FORMER_DATA_PREFIX = '/var/lib/etcd/before-restore-';
/** There as long as what lies in etcd's directory is a restored copy that nobody has written to yet: not worth keeping. */
export const UNPROVED_MARK = '/var/lib/etcd/restore-unproved';
/** Reading or writing all of the data: a gigabyte takes half a minute on a slow disk (etcd-io/etcd #9771: 7.5 s), and there may be eight. */
export const RESTORE_DEADLINE_MS = 20 * 60_000;
