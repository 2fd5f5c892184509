// The cache on this host. A file counts only together with its sidecar, which is written last.
import { chmod, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { moveIntoPlace, orDiskFull, sha256File, writeFileAtomic } from './files.ts';
import { cachePath, type FileKey, stagingDir } from './layout.ts';

/** Where a cached file came from. */
export type Origin = 'bundle' | 'download' | 'build' | 'pack';

/** What the sidecar records. */
export interface CacheEntry {
  readonly path: string;
  /** Hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Modification time of the file, milliseconds since the epoch: differs when somebody wrote to it. */
  readonly mtimeMs: number;
  readonly source: Origin;
  /** How long it took to obtain, milliseconds. */
  readonly tookMs: number;
  /** Images only: hash of what the image was packed by. */
  readonly recipe?: string | undefined;
}

/** A file of the cache: cached and unchanged, missing, or not what the sidecar says. */
export type CacheState =
  | { readonly state: 'cached'; readonly entry: CacheEntry }
  | { readonly state: 'missing' }
  | { readonly state: 'corrupt'; readonly path: string; readonly reason: string };

const sidecarSchema = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().nonnegative(),
  mtimeMs: z.number(),
  source: z.enum(['bundle', 'download', 'build', 'pack']),
  tookMs: z.number().nonnegative(),
  recipe: z.string().optional(),
  /** Set by a full check that failed: size and time alone would not tell. */
  corrupt: z.string().optional(),
});
type Sidecar = z.infer<typeof sidecarSchema>;

/**
 * Looks a file up by size and modification time. Where only the time differs (a copied cache) the content decides, and
 * the sidecar is brought up to date.
 */
export async function lookUp(key: FileKey, recipe?: string): Promise<CacheState> {
  const path = cachePath(key);
  const [sidecar, info] = await Promise.all([readSidecar(path), stat(path).catch(() => undefined)]);
  if (!sidecar || !info?.isFile()) return { state: 'missing' };
  if (sidecar.corrupt !== undefined) return { state: 'corrupt', path, reason: sidecar.corrupt };
  if (info.size !== sidecar.sizeBytes) {
    return { state: 'corrupt', path, reason: `${info.size} bytes, recorded ${sidecar.sizeBytes}` };
  }
  if (recipe !== sidecar.recipe) return { state: 'missing' };
  if (info.mtimeMs === sidecar.mtimeMs) return { state: 'cached', entry: { path, ...sidecar } };
  return await fullCheck(key, sidecar, info.mtimeMs);
}

/** Compares the content with the recorded sha256; a difference is remembered, so that every later look-up sees it. */
export async function checkContent(key: FileKey, recipe?: string): Promise<CacheState> {
  const found = await lookUp(key, recipe);
  return found.state === 'cached' ? await fullCheck(key, found.entry, found.entry.mtimeMs) : found;
}

async function fullCheck(key: FileKey, sidecar: Sidecar | CacheEntry, mtimeMs: number): Promise<CacheState> {
  const path = cachePath(key);
  const sha256 = await sha256File(path);
  const { sizeBytes, source, tookMs, recipe } = sidecar;
  const record = { sha256: sidecar.sha256, sizeBytes, mtimeMs, source, tookMs, recipe };
  if (sha256 === sidecar.sha256) {
    if (mtimeMs !== sidecar.mtimeMs) await bestEffort(() => writeSidecar(path, record));
    return { state: 'cached', entry: { path, ...record } };
  }
  const reason = `sha256 is ${sha256}, recorded ${sidecar.sha256}`;
  await bestEffort(() => writeSidecar(path, { ...record, corrupt: reason }));
  return { state: 'corrupt', path, reason };
}

/** A user who may read the cache but not write it still gets the right answer. */
async function bestEffort(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch {
    // The record only saves a second check; the answer does not depend on it.
  }
}

/**
 * Puts a finished temporary file (on the cache's file system) into the cache and records it. `sha256` is given by who
 * has computed it already. Throws DISK_FULL.
 */
export async function store(
  key: FileKey,
  temporary: string,
  record: { source: Origin; tookMs: number; sha256?: string; recipe?: string },
): Promise<CacheEntry> {
  const path = cachePath(key);
  return await orDiskFull(path, async () => {
    await chmod(temporary, key.file.endsWith('.tar') ? 0o644 : 0o755);
    const sha256 = record.sha256 ?? (await sha256File(temporary));
    await moveIntoPlace(temporary, path);
    const { size, mtimeMs } = await stat(path);
    const { source, recipe } = record;
    const sidecar: Sidecar = { sha256, sizeBytes: size, mtimeMs, source, tookMs: Math.round(record.tookMs), recipe };
    await writeSidecar(path, sidecar);
    return { path, ...sidecar };
  });
}

/**
 * An empty directory for unfinished files; the caller removes it. Named by process, because a compiler that outlived its
 * killed parent may still be writing to the one before.
 */
export async function makeStaging(name: string): Promise<string> {
  const directory = join(stagingDir(), `${name}.${process.pid}`);
  await rm(directory, { recursive: true, force: true });
  await orDiskFull(directory, () => mkdir(directory, { recursive: true }));
  return directory;
}

async function readSidecar(path: string): Promise<Sidecar | undefined> {
  try {
    return sidecarSchema.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeSidecar(path: string, sidecar: Sidecar): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(`${path}.json`, `${JSON.stringify(sidecar, null, 1)}\n`);
}
