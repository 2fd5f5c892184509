// What a cluster is made of: list it, get it, check it.
import { writeBundle } from '../artifacts/bundle.ts';
import { requiredArtifacts, testArtifacts } from '../artifacts/catalog.ts';
import { type ListedArtifact, listArtifacts, verifyArtifacts } from '../artifacts/list.ts';
import { pullArtifacts } from '../artifacts/pull.ts';
import type { Artifact } from '../artifacts/types.ts';
import type { Context } from '../core/context.ts';
import { cacheDir } from '../core/paths.ts';

/** Which artifacts. */
export interface ArtifactChoice {
  readonly kubernetesVersion: string;
  /** true: also the image that only the end-to-end tests need. */
  readonly withTests?: boolean;
}

/** What the cache holds. */
export interface ArtifactReport {
  readonly kubernetesVersion: string;
  readonly cacheDir: string;
  readonly artifacts: readonly ListedArtifact[];
}

/** What the cache has of every artifact of a Kubernetes version. Throws SPEC_UNSUPPORTED for an unknown one. */
export async function listAll(choice: ArtifactChoice): Promise<ArtifactReport> {
  const artifacts = await listArtifacts(chosen(choice));
  return { kubernetesVersion: choice.kubernetesVersion, cacheDir: cacheDir(), artifacts };
}

/** Where to take artifacts from, and where else to put them. */
export interface PullChoice extends ArtifactChoice {
  /** A directory that is asked before the network. */
  readonly fromBundle?: string;
  /** A directory that gets a copy of everything, for hosts without network access. */
  readonly toBundle?: string;
}

/** Gets what is missing. Throws what pullArtifacts throws. */
export async function pullAll(ctx: Context, choice: PullChoice): Promise<ArtifactReport> {
  const options = choice.fromBundle === undefined ? {} : { bundleDir: choice.fromBundle };
  if (choice.toBundle === undefined) await pullArtifacts(ctx, chosen(choice), options);
  else await writeBundle(ctx, chosen(choice), choice.toBundle, options);
  return listAll(choice);
}

/** Reads every artifact and compares it with its checksum. Throws ARTIFACT_CORRUPT, ARTIFACT_UNAVAILABLE. */
export async function verifyAll(ctx: Context, choice: ArtifactChoice): Promise<ArtifactReport> {
  await verifyArtifacts(ctx, chosen(choice));
  return listAll(choice);
}

function chosen({ kubernetesVersion, withTests }: ArtifactChoice): readonly Artifact[] {
  return [...requiredArtifacts(kubernetesVersion), ...(withTests ? testArtifacts() : [])];
}
