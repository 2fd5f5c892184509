// Makes bundles: everything for one host without network access, in one directory.
import { constants } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../core/context.ts';
import { throwIfAborted } from '../core/wait.ts';
import { orDiskFull, writeFileAtomic } from './files.ts';
import { fileKey, relativePath } from './layout.ts';
import { type PullOptions, pullArtifacts } from './pull.ts';
import { BUNDLE_SUMS } from './sources/bundle.ts';
import type { Artifact } from './types.ts';

/**
 * Pulls the artifacts and copies them to a directory with one SHA256SUMS, which is written last: a bundle that was cut
 * off is none. `pullArtifacts` with `bundleDir` reads it. Throws what pullArtifacts throws.
 */
export async function writeBundle(
  ctx: Context,
  artifacts: readonly Artifact[],
  dir: string,
  options: PullOptions = {},
): Promise<void> {
  const cached = await pullArtifacts(ctx, artifacts, options);
  const sums: string[] = [];
  for (const { artifact, path, sha256 } of cached) {
    throwIfAborted(ctx);
    const relative = relativePath(fileKey(artifact));
    const target = join(dir, relative);
    await orDiskFull(target, async () => {
      await mkdir(dirname(target), { recursive: true });
      await copyFile(path, target, constants.COPYFILE_FICLONE);
    });
    sums.push(`${sha256}  ${relative}`);
  }
  await writeFileAtomic(join(dir, BUNDLE_SUMS), `${sums.sort().join('\n')}\n`);
}
