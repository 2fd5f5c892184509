// Where archives are: on each control plane, in the bucket. Listed as one list, whatever of it can be reached.
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf, QuorateError } from '../core/errors.ts';
import { fileSize } from '../core/scratch.ts';
import { lastLine } from '../core/text.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { Machine } from '../machines/machine.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type Listed, listBucket, readFromBucket, removeFromBucket } from './bucket.ts';
import { parseLabel } from './check-archive.ts';
import { ARCHIVE_SUFFIX, type ArchiveLabel, LABEL_SUFFIX } from './format.ts';
import { requireAsLabelled } from './open.ts';

/** The bucket among the places, which are named like machines otherwise. */
export const BUCKET = 's3';

/** An archive and where it lies. */
export interface StoredArchive {
  /** File name without suffix: CLUSTER-20261121T114500Z-MACHINE. */
  readonly name: string;
  readonly label: ArchiveLabel;
  /** Machines, and BUCKET. */
  readonly places: readonly string[];
}

/** Something that is not as it should be: a place that does not answer, an archive that is not whole there. */
export interface StoreProblem {
  readonly place: string;
  readonly problem: string;
}

/** All archives of a cluster that could be seen, the newest first. */
export interface ArchiveList {
  readonly archives: readonly StoredArchive[];
  readonly problems: readonly StoreProblem[];
}

/** Reading some dozens of labels. */
const LIST_TIMEOUT_MS = 30_000;
/** 2 MB/s at worst, and a minute for what is small. */
const SLOWEST_BYTES_PER_MS = 2_000;
const BASE_TIMEOUT_MS = 60_000;
/** How often it is said how far a transfer is. */
const PROGRESS_MS = 1_000;

/**
 * Arguments: directory, cluster. One line for each archive that has a label: bytes, name, label. A label alone is not listed, nor an
 * archive alone.
 */
export const LIST_SCRIPT = `cd -- "$1" 2> /dev/null || exit 0
for label in "$2"-????????T??????Z-*${LABEL_SUFFIX}; do
  name=\${label%${LABEL_SUFFIX}}
  [ -f "$label" ] && [ -f "$name${ARCHIVE_SUFFIX}" ] || continue
  printf '%s %s %s\\n' "$(stat -c %s -- "$name${ARCHIVE_SUFFIX}")" "$name" "$(tr -d '\\n' < "$label")"
done
`;

/**
 * Everything that control planes and bucket have of a cluster's archives. What does not answer, and labels that cannot be read, are
 * reported, not thrown. Throws ABORTED.
 */
export async function listArchives(ctx: Context, fleet: Fleet, workDir: string): Promise<ArchiveList> {
  const { spec } = fleet;
  const places: { place: string; list: () => Promise<readonly Listed[]> }[] = fleet.controlPlanes.map((machine) => ({
    place: machine.name,
    list: () => listMachine(ctx, machine, spec),
  }));
  const { s3 } = spec.etcd.snapshots;
  if (s3 !== undefined) places.push({ place: BUCKET, list: () => listBucket(ctx, s3, spec.name, workDir) });
  const answers = await Promise.all(
    places.map(async ({ place, list }) => {
      try {
        return { place, listed: await list() };
      } catch (error) {
        if (hasCode(error, 'ABORTED')) throw error;
        return { place, problem: lastLine(messageOf(error)) };
      }
    }),
  );
  return merge(answers, spec.name);
}

async function listMachine(ctx: Context, machine: Machine, spec: ClusterSpec): Promise<readonly Listed[]> {
  const argv = ['sh', '-c', LIST_SCRIPT, 'sh', spec.etcd.snapshots.directory, spec.name];
  const { stdout } = await machine.exec(ctx, argv, { timeoutMs: LIST_TIMEOUT_MS });
  return parseListing(stdout);
}

/** What LIST_SCRIPT prints. */
export function parseListing(text: string): readonly Listed[] {
  return [...text.matchAll(/^(\d+) (\S+) (.*)$/gm)].map(([, size, name = '', label = '']) => ({
    name,
    label,
    sizeBytes: Number(size),
  }));
}

/** What one place said, or why it said nothing. */
export interface PlaceAnswer {
  readonly place: string;
  readonly listed?: readonly Listed[];
  readonly problem?: string;
}

/** One list of all answers, the newest first. Copies that are not as long as their label says are no archives, but problems. */
export function merge(answers: readonly PlaceAnswer[], cluster: string): ArchiveList {
  const found = new Map<string, { label: ArchiveLabel; places: string[] }>();
  const problems: StoreProblem[] = [];
  for (const { place, listed = [], problem } of answers) {
    if (problem !== undefined) problems.push({ place, problem });
    for (const { name, label: text, sizeBytes } of listed) {
      try {
        const label = wholeLabel(name, text, sizeBytes, cluster);
        const known = found.get(name);
        if (known !== undefined && known.label.sha256 !== label.sha256) {
          throw new QuorateError('ARCHIVE_DAMAGED', `${name} is another file than on ${known.places.join(', ')}`);
        }
        if (known === undefined) found.set(name, { label, places: [place] });
        else known.places.push(place);
      } catch (error) {
        problems.push({ place, problem: messageOf(error) });
      }
    }
  }
  const archives = [...found].map(([name, entry]) => ({ name, ...entry }));
  return { archives: archives.sort(newestFirst), problems };
}

function wholeLabel(name: string, text: string, sizeBytes: number, cluster: string): ArchiveLabel {
  const label = parseLabel(text, name + LABEL_SUFFIX);
  if (label.archive !== name + ARCHIVE_SUFFIX || label.cluster !== cluster) {
    throw new QuorateError('ARCHIVE_DAMAGED', `${name}: its label is that of ${label.archive} of ${label.cluster}`);
  }
  if (label.sizeBytes !== sizeBytes) {
    throw new QuorateError('ARCHIVE_DAMAGED', `${name} has ${sizeBytes} bytes, its label says ${label.sizeBytes}`);
  }
  return label;
}

function newestFirst(a: StoredArchive, b: StoredArchive): number {
  return Date.parse(b.label.takenAt) - Date.parse(a.label.takenAt) || a.name.localeCompare(b.name);
}

/** The archive of that name (with or without suffix), or the newest. Throws ARCHIVE_NOT_FOUND, which says what could not be reached. */
export function chooseArchive({ archives, problems }: ArchiveList, wanted: string): StoredArchive {
  const name = wanted.endsWith(ARCHIVE_SUFFIX) ? wanted.slice(0, -ARCHIVE_SUFFIX.length) : wanted;
  const found = wanted === 'latest' ? archives[0] : archives.find((archive) => archive.name === name);
  if (found !== undefined) return found;
  const unseen = problems.map(({ place, problem }) => `\n  ${place}: ${problem}`).join('');
  const what = wanted === 'latest' ? 'no backup was found' : `there is no backup ${name}`;
  throw new QuorateError(
    'ARCHIVE_NOT_FOUND',
    `${what}${unseen === '' ? '' : `; not everything could be seen:${unseen}`}`,
    {
      data: { wanted, problems },
      ...(archives.length === 0 ? { hint: 'make one with: quorate etcd snapshot save' } : {}),
    },
  );
}

/**
 * Copies an archive and its label into a directory of this host, from the machine that made it, another one, or the bucket: whichever has it
 * and gives it whole. Both appear by rename, the label last. Returns the archive's path. Throws ARCHIVE_DAMAGED when no place has it whole,
 * STORE_UNREACHABLE or MACHINE_UNREACHABLE when none could be reached, DISK_FULL, ABORTED.
 */
export async function fetchArchive(
  ctx: Context,
  fleet: Fleet,
  archive: StoredArchive,
  directory: string,
): Promise<string> {
  const failures: unknown[] = [];
  for (const place of nearestFirst(archive)) {
    try {
      return await fetchFrom(ctx, fleet, archive, place, directory);
    } catch (error) {
      if (hasCode(error, 'ABORTED', 'DISK_FULL')) throw error;
      ctx.emit('warning', { text: `${archive.name} from ${place}: ${messageOf(error)}` });
      failures.push(error);
    }
  }
  throw failures[0] ?? new QuorateError('ARCHIVE_NOT_FOUND', `${archive.name} lies nowhere`);
}

/** Machines before the bucket, which costs money and time; the one that made it first. */
function nearestFirst({ places, label }: StoredArchive): readonly string[] {
  const rank = (place: string) => (place === label.machine ? 0 : place === BUCKET ? 2 : 1);
  return [...places].sort((a, b) => rank(a) - rank(b));
}

async function fetchFrom(
  ctx: Context,
  fleet: Fleet,
  { name, label }: StoredArchive,
  place: string,
  directory: string,
): Promise<string> {
  const start = Date.now();
  const path = join(directory, name + ARCHIVE_SUFFIX);
  const partial = `${path}.partial`;
  const { snapshots } = fleet.spec.etcd;
  const timeoutMs = BASE_TIMEOUT_MS + label.sizeBytes / SLOWEST_BYTES_PER_MS;
  try {
    await withProgress(ctx, name, partial, label.sizeBytes, async () => {
      if (place !== BUCKET) {
        const argv = ['cat', `${snapshots.directory}/${name}${ARCHIVE_SUFFIX}`];
        await fleet.machine(place).exec(ctx, argv, { stdoutFile: partial, timeoutMs });
      } else if (snapshots.s3 !== undefined) {
        await readFromBucket(ctx, snapshots.s3, name + ARCHIVE_SUFFIX, partial, timeoutMs);
      }
    });
    await requireAsLabelled(ctx, partial, (await fileSize(partial)) ?? 0, label);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await writeLabel(directory, name, label);
  ctx.emit('artifact.ready', { artifact: name, source: 'download', durationMs: Date.now() - start });
  return path;
}

async function writeLabel(directory: string, name: string, label: ArchiveLabel): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  const path = join(directory, name + LABEL_SUFFIX);
  await writeFile(`${path}.partial`, `${JSON.stringify(label, null, 2)}\n`);
  await rename(`${path}.partial`, path);
}

/** Says every second how much of the file is there. */
async function withProgress(
  ctx: Context,
  artifact: string,
  path: string,
  sizeBytes: number,
  work: () => Promise<void>,
): Promise<void> {
  const start = Date.now();
  const timer = setInterval(() => {
    void fileSize(path).then((bytes = 0) =>
      ctx.emit('artifact.progress', {
        artifact,
        stage: 'download',
        fraction: Math.min(1, bytes / sizeBytes),
        elapsedMs: Date.now() - start,
      }),
    );
  }, PROGRESS_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}

/** Removes archives from one place, labels first. Throws what the place throws. */
export async function removeArchives(
  ctx: Context,
  fleet: Fleet,
  place: string,
  names: readonly string[],
): Promise<void> {
  const { directory, s3 } = fleet.spec.etcd.snapshots;
  if (place === BUCKET) {
    if (s3 !== undefined) await removeFromBucket(ctx, s3, names);
    return;
  }
  const paths = names.flatMap((name) => [
    `${directory}/${name}${LABEL_SUFFIX}`,
    `${directory}/${name}${ARCHIVE_SUFFIX}`,
  ]);
  await fleet.machine(place).exec(ctx, ['rm', '-f', ...paths]);
}
