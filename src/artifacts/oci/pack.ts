// Packs an image of the catalog out of its cached binaries.
import { createHash } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../core/context.ts';
import { throwIfAborted } from '../../core/wait.ts';
import { type CacheEntry, makeStaging, store } from '../cache.ts';
import { orDiskFull } from '../files.ts';
import { goArch } from '../host.ts';
import { type ImageRecipe, imageRecipe } from '../images.ts';
import { fileKey } from '../layout.ts';
import { withProgress } from '../progress.ts';
import type { ImageArtifact } from '../types.ts';
import { imageArchive } from './archive.ts';
import { hostToolEntries } from './host-tools.ts';
import { layerEntries } from './layer.ts';
import { fileEntry, type TarEntry, tarStream, textEntry } from './tar.ts';

/** Raise it when the packer's output changes: cached archives of another format are packed anew. */
const FORMAT = 1;

/** Hash of everything that decides how an image is packed, its binaries' content aside; recorded beside the archive. */
export function packingHash(artifact: ImageArtifact): string {
  const facts = { format: FORMAT, arch: goArch(), reference: artifact.reference, recipe: imageRecipe(artifact.name) };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

/**
 * Packs an image into the cache. `binaries` are the paths of its binaries by name. Throws HOST_TOOL_MISSING, DISK_FULL,
 * ABORTED.
 */
export async function packImage(
  ctx: Context,
  artifact: ImageArtifact,
  recipe: ImageRecipe,
  binaries: ReadonlyMap<string, string>,
): Promise<CacheEntry> {
  const start = Date.now();
  const staging = await makeStaging(`pack-${artifact.name}`);
  try {
    return await withProgress(ctx, artifact.name, 'pack', { detail: artifact.reference }, async () => {
      const files = layerEntries(await imageContent(ctx, recipe, binaries));
      const { reference } = artifact;
      const { entries } = await imageArchive({ reference, architecture: goArch(), ...recipe }, files);
      const path = join(staging, 'image.tar');
      const sha256 = await orDiskFull(path, () => writeStream(ctx, path, tarStream(entries)));
      const record = { source: 'pack', tookMs: Date.now() - start, sha256, recipe: packingHash(artifact) } as const;
      return await store(fileKey(artifact), path, record);
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function imageContent(
  ctx: Context,
  recipe: ImageRecipe,
  binaries: ReadonlyMap<string, string>,
): Promise<readonly TarEntry[]> {
  const entries: TarEntry[] = (recipe.directories ?? []).map((path) => ({
    type: 'directory',
    path: path.slice(1),
    mode: 0o777,
  }));
  for (const { binary, path } of recipe.files) {
    const source = binaries.get(binary);
    if (source === undefined) throw new Error(`image ${recipe.name} needs ${binary}, which was not obtained`);
    entries.push(fileEntry(path.slice(1), source, (await stat(source)).size, 0o755));
  }
  for (const [path, text] of Object.entries(recipe.texts ?? {})) entries.push(textEntry(path.slice(1), text));
  for (const tool of recipe.hostTools ?? []) entries.push(...(await hostToolEntries(ctx, tool)));
  return entries;
}

/** Writes chunks to a new file; returns their sha256. */
async function writeStream(ctx: Context, path: string, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  try {
    for await (const chunk of chunks) {
      throwIfAborted(ctx);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
