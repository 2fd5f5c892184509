// Pulling: what is cached is used, the rest comes from the first source that has it, images are packed here.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { withLock } from '../core/lock.ts';
import { throwIfAborted } from '../core/wait.ts';
import { orDiskFull } from './files.ts';
import { recipeOfBinary, recipesOfImage, unknownArtifact } from './find.ts';
import { artifactsDir, cachePath, fileKey, stagingDir } from './layout.ts';
import { cachedArtifact, lookUpArtifact } from './list.ts';
import { binaryKey, corruptText, obtainBinaries } from './obtain.ts';
import { missingHostTools } from './oci/host-tools.ts';
import { packImage, packingHash } from './oci/pack.ts';
import type { BinaryRecipe } from './recipes.ts';
import { buildSource } from './sources/build.ts';
import { type Bundle, bundleSource, openBundle, takeFromBundle } from './sources/bundle.ts';
import { downloadSource } from './sources/download.ts';
import { type BinarySource, isFatal } from './sources/source.ts';
import type { Artifact, CachedArtifact, ImageArtifact } from './types.ts';

/** How a pull is done. */
export interface PullOptions {
  /** A directory made by writeBundle; asked before the network. */
  readonly bundleDir?: string;
  /** Downloads at a time; default 4. */
  readonly concurrency?: number;
  /** Only for tests: instead of download and build. */
  readonly sources?: readonly BinarySource[];
}

/**
 * Makes sure that all artifacts are in the cache, and returns them in the order given. What is cached costs a stat. Of two
 * processes at once the second waits, saying for whom, and uses the first one's result. Throws ARTIFACT_UNAVAILABLE (what
 * every source said), ARTIFACT_CORRUPT (a module without its pinned hash), HOST_TOOL_MISSING, DISK_FULL, ABORTED.
 */
export async function pullArtifacts(
  ctx: Context,
  artifacts: readonly Artifact[],
  options: PullOptions = {},
): Promise<readonly CachedArtifact[]> {
  const start = Date.now();
  const cached = await allCached(artifacts);
  if (cached) {
    for (const artifact of artifacts) ready(ctx, artifact, 'cache', start);
    return cached;
  }
  const bundle = options.bundleDir === undefined ? undefined : await openBundle(options.bundleDir);
  await orDiskFull(artifactsDir(), () =>
    withLock(ctx, join(artifactsDir(), '.lock'), 'the artifact cache', async () => {
      await rm(stagingDir(), { recursive: true, force: true });
      try {
        await fill(ctx, artifacts, bundle, options);
      } finally {
        await rm(stagingDir(), { recursive: true, force: true });
      }
    }),
  );
  const result = await allCached(artifacts);
  if (!result) throw new QuorateError('INTERNAL', 'an artifact vanished from the cache while it was being pulled');
  return result;
}

async function allCached(artifacts: readonly Artifact[]): Promise<readonly CachedArtifact[] | undefined> {
  const found = await Promise.all(
    artifacts.map(async (artifact) => cachedArtifact(artifact, await lookUpArtifact(artifact))),
  );
  const cached = found.filter((entry) => entry !== undefined);
  return cached.length === artifacts.length ? cached : undefined;
}

async function fill(
  ctx: Context,
  artifacts: readonly Artifact[],
  bundle: Bundle | undefined,
  options: PullOptions,
): Promise<void> {
  const missing = await stillMissing(ctx, artifacts, bundle);
  await checkHostTools(missing);
  const wanted = new Map(missing.flatMap(binariesFor).map((recipe) => [cachePath(binaryKey(recipe)), recipe]));
  const sources = [
    ...(bundle === undefined ? [] : [bundleSource(bundle)]),
    ...(options.sources ?? [downloadSource(options.concurrency), buildSource()]),
  ];
  await obtainBinaries(ctx, [...wanted.values()], sources);
  for (const artifact of missing) await finish(ctx, artifact);
}

/** What is neither cached nor, for images, in the bundle as a whole. */
async function stillMissing(
  ctx: Context,
  artifacts: readonly Artifact[],
  bundle: Bundle | undefined,
): Promise<readonly Artifact[]> {
  const missing: Artifact[] = [];
  for (const artifact of artifacts) {
    const start = Date.now();
    const found = await lookUpArtifact(artifact);
    if (found.state === 'corrupt' && artifact.kind === 'image') {
      ctx.emit('warning', { text: corruptText(artifact, found.reason) });
    }
    if (found.state === 'cached') ready(ctx, artifact, 'cache', start);
    else if (bundle && artifact.kind === 'image' && (await imageFromBundle(ctx, bundle, artifact))) {
      ready(ctx, artifact, 'bundle', start);
    } else missing.push(artifact);
  }
  return missing;
}

async function imageFromBundle(ctx: Context, bundle: Bundle, image: ImageArtifact): Promise<boolean> {
  try {
    await takeFromBundle(bundle, fileKey(image), packingHash(image));
    return true;
  } catch (error) {
    if (isFatal(error)) throw error;
    ctx.emit('warning', { text: messageOf(error) });
    return false;
  }
}

/** Before the first build, not after it. */
async function checkHostTools(artifacts: readonly Artifact[]): Promise<void> {
  const names = artifacts.flatMap((artifact) =>
    artifact.kind === 'image' ? (recipesOfImage(artifact).image.hostTools ?? []) : [],
  );
  const packages = await missingHostTools([...new Set(names)]);
  if (packages.length === 0) return;
  throw new QuorateError('HOST_TOOL_MISSING', `images need programs that this host lacks: ${packages.join(', ')}`, {
    hint: `on Debian: apt-get install ${packages.join(' ')}`,
  });
}

function binariesFor(artifact: Artifact): readonly BinaryRecipe[] {
  return artifact.kind === 'binary' ? [recipeOfBinary(artifact)] : recipesOfImage(artifact).binaries;
}

async function finish(ctx: Context, artifact: Artifact): Promise<void> {
  throwIfAborted(ctx);
  const start = Date.now();
  if (artifact.kind === 'image') {
    const { image, binaries } = recipesOfImage(artifact);
    const paths = new Map(binaries.map((binary) => [binary.name, cachePath(binaryKey(binary))]));
    await packImage(ctx, artifact, image, paths);
    return ready(ctx, artifact, 'pack', start);
  }
  const found = await lookUpArtifact(artifact);
  if (found.state !== 'cached') throw unknownArtifact(artifact);
  ready(ctx, artifact, found.entry.source, start - found.entry.tookMs);
}

function ready(
  ctx: Context,
  artifact: Artifact,
  source: 'cache' | 'bundle' | 'download' | 'build' | 'pack',
  since: number,
): void {
  ctx.emit('artifact.ready', { artifact: artifact.name, source, durationMs: Date.now() - since });
}
