// A node image is to local machines what a cloud image is to virtual ones: binaries and container images are in it.
import { access, chmod, copyFile, link, lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BinaryArtifact, CachedArtifact } from '../../artifacts/types.ts';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { withLock } from '../../core/lock.ts';
import { cacheDir } from '../../core/paths.ts';
import { BINARIES_STAMP } from '../facts.ts';
import { buildStore, type CachedImage, type ImportTools } from './images-store.ts';
import { digest, imagesStoreDir, layerDir } from './layout.ts';
import { readdirOrEmpty } from './records.ts';

/** Where a node image lies on this host. Machines share its layer, read-only, and begin with a copy of its store. */
export interface NodeImage {
  /** Digest of what it holds. */
  readonly id: string;
  /** Overlay layer with the binaries at their install paths, and BINARIES_STAMP. */
  readonly layerDir: string;
  /** containerd's root with the images. */
  readonly storeDir: string;
}

type CachedBinary = CachedArtifact & { readonly artifact: BinaryArtifact };

const isBinary = (cached: CachedArtifact): cached is CachedBinary => cached.artifact.kind === 'binary';
const isImage = (cached: CachedArtifact): cached is CachedImage => cached.artifact.kind === 'image';

/** The image's id: a digest of what each artifact is called on a machine and of its content. */
export function nodeImageId(cached: readonly CachedArtifact[]): string {
  const lines = cached.map(({ artifact, sha256 }) =>
    artifact.kind === 'binary' ? `${artifact.installPath} ${sha256}` : `${artifact.reference} ${sha256}`,
  );
  return digest(['layout 2', ...lines.sort()].join('\n'));
}

/**
 * Makes the node image that holds these artifacts, unless it is in the cache. With images among them, containerd and ctr
 * have to be among them too: they do the import. Safe for two processes. Throws ARTIFACT_CORRUPT, ARTIFACT_UNAVAILABLE.
 */
export async function bakeNodeImage(ctx: Context, cached: readonly CachedArtifact[]): Promise<NodeImage> {
  const id = nodeImageId(cached);
  const image: NodeImage = { id, layerDir: layerDir(id), storeDir: imagesStoreDir(id) };
  if (await isBaked(image)) return image;
  await withLock(ctx, join(cacheDir(), 'layers', 'lock'), 'the node image', async () => {
    if (!(await isBaked(image))) await bake(ctx, image, cached);
  });
  return image;
}

/** The layer is renamed into place last. */
async function isBaked(image: NodeImage): Promise<boolean> {
  return (await exists(image.storeDir)) && (await exists(image.layerDir));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function bake(ctx: Context, image: NodeImage, cached: readonly CachedArtifact[]): Promise<void> {
  const start = Date.now();
  const images = cached.filter(isImage);
  const temporary = (path: string) => join(dirname(path), `.${image.id}.${process.pid}.tmp`);
  const [layer, store] = [temporary(image.layerDir), temporary(image.storeDir)];
  await clearLeftovers(ctx, image);
  try {
    await mkdir(layer, { recursive: true, mode: 0o755 });
    await mkdir(store, { recursive: true, mode: 0o700 });
    await fillLayer(layer, cached.filter(isBinary));
    const onImported = progressReporter(ctx, images, start);
    if (images.length > 0) await buildStore(ctx, toolsFrom(cached), images, store, onImported);
    await rename(store, image.storeDir);
    // Machines may be running on a layer whose store somebody has removed.
    if (!(await exists(image.layerDir))) await rename(layer, image.layerDir);
  } finally {
    for (const path of [layer, store]) await rm(path, { recursive: true, force: true });
  }
  ctx.emit('artifact.ready', { artifact: 'node-image', source: 'pack', durationMs: Date.now() - start });
}

/** What killed bakes left, and a store whose layer never came. No machine depends on either: they hold links of their own. */
async function clearLeftovers(ctx: Context, image: NodeImage): Promise<void> {
  const parents = [dirname(image.layerDir), dirname(image.storeDir)];
  const unfinished = await Promise.all(
    parents.map(async (parent) =>
      (await readdirOrEmpty(parent)).filter((name) => name.endsWith('.tmp')).map((name) => join(parent, name)),
    ),
  );
  for (const path of [...unfinished.flat(), image.storeDir])
    await runCommand(ctx, ['rm', '-rf', '--one-file-system', '--', path], { timeoutMs: 300_000 });
}

async function fillLayer(layer: string, binaries: readonly CachedBinary[]): Promise<void> {
  for (const { artifact, path } of binaries) {
    const target = join(layer, artifact.installPath);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await linkOrCopy(path, target);
  }
  const stamp = Object.fromEntries(
    binaries
      .map(({ artifact, sha256 }) => [artifact.installPath, { version: artifact.version, sha256 }] as const)
      .sort(),
  );
  await mkdir(dirname(join(layer, BINARIES_STAMP)), { recursive: true, mode: 0o755 });
  await writeFile(join(layer, BINARIES_STAMP), `${JSON.stringify(stamp, null, 2)}\n`, { mode: 0o644 });
}

/** A link shares its mode with the cache, so only an executable of everyone may be linked. */
async function linkOrCopy(path: string, target: string): Promise<void> {
  const { mode } = await lstat(path);
  if ((mode & 0o7777) === 0o755) {
    const linked = await link(path, target).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EXDEV' || error.code === 'EMLINK' || error.code === 'EPERM') return false;
        throw error;
      },
    );
    if (linked) return;
  }
  await copyFile(path, target);
  await chmod(target, 0o755);
}

function toolsFrom(cached: readonly CachedArtifact[]): ImportTools {
  const find = (name: string) => {
    const found = cached.filter(isBinary).find(({ artifact }) => artifact.name === name);
    if (found) return found.path;
    throw new QuorateError('ARTIFACT_UNAVAILABLE', `images cannot be imported without ${name}`);
  };
  return { containerd: find('containerd'), ctr: find('ctr') };
}

function progressReporter(ctx: Context, images: readonly CachedImage[], start: number): (image: CachedImage) => void {
  const total = images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  const report = (detail: string) =>
    ctx.emit('artifact.progress', {
      artifact: 'node-image',
      stage: 'bake',
      fraction: total === 0 ? 0 : done / total,
      elapsedMs: Date.now() - start,
      detail,
    });
  report(`importing ${images.length} images`);
  return (image) => {
    done += image.sizeBytes;
    report(`imported ${image.artifact.reference}`);
  };
}
