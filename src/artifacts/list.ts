// What lies in the cache: a quick look for plans, a full check for `artifacts verify`.
import { mapLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { throwIfAborted } from '../core/wait.ts';
import { type CacheEntry, type CacheState, checkContent, lookUp, type Origin } from './cache.ts';
import { fileKey } from './layout.ts';
import { packingHash } from './oci/pack.ts';
import { withProgress } from './progress.ts';
import type { Artifact, CachedArtifact } from './types.ts';

/** One artifact and what the cache has of it. */
export interface ListedArtifact {
  readonly artifact: Artifact;
  /** corrupt: there, but not as it was stored. */
  readonly state: 'cached' | 'missing' | 'corrupt';
  /** The fields from here on are there when it is cached. */
  readonly path?: string;
  /** Hex. */
  readonly sha256?: string;
  readonly sizeBytes?: number;
  readonly source?: Origin;
}

/** What the cache has of each artifact, told by size and modification time. Reads no content, takes no lock. */
export async function listArtifacts(artifacts: readonly Artifact[]): Promise<readonly ListedArtifact[]> {
  return await Promise.all(artifacts.map(async (artifact) => listed(artifact, await lookUpArtifact(artifact))));
}

/**
 * Reads every artifact and compares its sha256 with the recorded one. Throws ARTIFACT_CORRUPT that lists all changed
 * files (they are remembered as corrupt, so that the next pull replaces them), ARTIFACT_UNAVAILABLE when some are missing.
 */
export async function verifyArtifacts(
  ctx: Context,
  artifacts: readonly Artifact[],
): Promise<readonly CachedArtifact[]> {
  const states = await mapLimit(artifacts, 2, async (artifact) => {
    throwIfAborted(ctx);
    return await withProgress(ctx, artifact.name, 'cache', { detail: 'reading' }, () =>
      checkContent(fileKey(artifact), recipeOf(artifact)),
    );
  });
  const corrupt = states.flatMap((state) => (state.state === 'corrupt' ? [`${state.path}: ${state.reason}`] : []));
  if (corrupt.length > 0) {
    throw new QuorateError('ARTIFACT_CORRUPT', `changed since they were stored:\n  ${corrupt.join('\n  ')}`, {
      data: { corrupt },
    });
  }
  const missing = artifacts.filter((_artifact, index) => states[index]?.state === 'missing').map(({ name }) => name);
  if (missing.length > 0) {
    throw new QuorateError('ARTIFACT_UNAVAILABLE', `not in the cache: ${missing.join(', ')}`, {
      hint: 'run: quorate artifacts pull',
      data: { missing },
    });
  }
  return artifacts.flatMap((artifact, index) => cachedArtifact(artifact, states[index]) ?? []);
}

/** The quick look for one artifact. */
export async function lookUpArtifact(artifact: Artifact): Promise<CacheState> {
  return await lookUp(fileKey(artifact), recipeOf(artifact));
}

/** An artifact with its cached file; undefined unless it is cached. */
export function cachedArtifact(artifact: Artifact, state: CacheState | undefined): CachedArtifact | undefined {
  if (state?.state !== 'cached') return undefined;
  const { path, sha256, sizeBytes } = state.entry;
  return { artifact, path, sha256, sizeBytes };
}

function recipeOf(artifact: Artifact): string | undefined {
  return artifact.kind === 'image' ? packingHash(artifact) : undefined;
}

function listed(artifact: Artifact, state: CacheState): ListedArtifact {
  if (state.state !== 'cached') return { artifact, state: state.state };
  const { path, sha256, sizeBytes, source }: CacheEntry = state.entry;
  return { artifact, state: 'cached', path, sha256, sizeBytes, source };
}
