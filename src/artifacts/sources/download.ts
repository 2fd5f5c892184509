// Official release files: the published sha256 first, then the file, then the binaries inside it.
import { createHash } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import { mapLimit } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { messageOf } from '../../core/errors.ts';
import { makeStaging, store } from '../cache.ts';
import { orDiskFull, sha256File } from '../files.ts';
import { partialDir } from '../layout.ts';
import { withProgress } from '../progress.ts';
import type { BinaryRecipe, ReleaseFile } from '../recipes.ts';
import { lastDuration, recordDuration } from '../timings.ts';
import { sumOf } from './checksums.ts';
import { type ReleaseNetwork, readText, releaseNetwork } from './http.ts';
import { downloadResumable } from './resume.ts';
import { type BinarySource, failAll, groupBy, isFatal } from './source.ts';

/** Files at once: enough to fill a line while one server is slow. */
const DEFAULT_CONCURRENCY = 4;

/** The source that downloads; it remembers unreachable hosts, so make one for each run. */
export function downloadSource(concurrency = DEFAULT_CONCURRENCY): BinarySource {
  const network = releaseNetwork();
  return {
    name: 'download',
    async obtain(ctx, wanted) {
      const failures = new Map(
        failAll(
          wanted.filter((recipe) => recipe.release === undefined),
          'upstream publishes no binary with a checksum',
        ),
      );
      const groups = groupBy(
        wanted.filter((recipe) => recipe.release !== undefined),
        (recipe) => recipe.release?.url ?? '',
      );
      await mapLimit(groups, concurrency, async (group) => {
        try {
          await downloadGroup(ctx, network, group);
        } catch (error) {
          if (isFatal(error)) throw error;
          for (const [recipe, reason] of failAll(group, messageOf(error))) failures.set(recipe, reason);
        }
      });
      return failures;
    },
  };
}

/** All binaries of one release file. */
async function downloadGroup(ctx: Context, network: ReleaseNetwork, group: readonly BinaryRecipe[]): Promise<void> {
  const release = group[0]?.release;
  if (!release) return;
  const file = basename(new URL(release.url).pathname);
  const label = group.map((recipe) => recipe.name).join(', ');
  const start = Date.now();
  const sum = sumOf(await readText(ctx, network, release.checksumUrl), file);
  if (sum === undefined) throw new Error(`${release.checksumUrl} has no sha256 for ${file}`);
  const expectedMs = await lastDuration(`download ${file}`);
  await withProgress(ctx, label, 'download', { expectedMs, detail: file }, async (update) => {
    const partial = await downloadVerified(ctx, network, release, sum, (fraction) =>
      update(fraction === undefined ? {} : { fraction }),
    );
    await storeBinaries(ctx, partial, group, sum, start);
  });
  await recordDuration(`download ${file}`, Date.now() - start);
}

/** Downloads and compares; a file with another sha256 is removed, never used. */
async function downloadVerified(
  ctx: Context,
  network: ReleaseNetwork,
  release: ReleaseFile,
  sum: string,
  onProgress: (fraction: number | undefined) => void,
): Promise<string> {
  await orDiskFull(partialDir(), () => mkdir(partialDir(), { recursive: true }));
  const id = createHash('sha256').update(release.url).digest('hex').slice(0, 12);
  const partial = join(partialDir(), `${id}-${basename(release.url)}`);
  await downloadResumable(ctx, network, release.url, partial, onProgress);
  const actual = await sha256File(partial, ctx.signal);
  if (actual === sum) return partial;
  await rm(partial, { force: true });
  const text = `${release.url} has sha256 ${actual}, published is ${sum}`;
  ctx.emit('warning', { text: `${text}; the file was discarded` });
  throw new Error(text);
}

async function storeBinaries(
  ctx: Context,
  downloaded: string,
  group: readonly BinaryRecipe[],
  sum: string,
  start: number,
): Promise<void> {
  const staging = await makeStaging(`download-${basename(downloaded)}`);
  try {
    const entries = group.flatMap((recipe) => recipe.release?.entry ?? []);
    if (entries.length > 0) {
      await runCommand(ctx, ['tar', '-xzf', downloaded, '-C', staging, ...entries], { timeoutMs: 300_000 });
    }
    for (const recipe of group) {
      const { name, version, release } = recipe;
      const path = join(staging, release?.entry ?? name);
      if (release?.entry === undefined) await rename(downloaded, path);
      const known = release?.entry === undefined ? { sha256: sum } : {};
      await store({ name, version, file: name }, path, { source: 'download', tookMs: Date.now() - start, ...known });
    }
    await rm(downloaded, { force: true });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
