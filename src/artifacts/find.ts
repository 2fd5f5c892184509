// From an artifact of the catalog to how it is made.
import { QuorateError } from '../core/errors.ts';
import { rehearsalPrograms, requiredArtifacts, supportedKubernetesVersions, testArtifacts } from './catalog.ts';
import { type ImageRecipe, imageRecipe } from './images.ts';
import { type BinaryRecipe, binaryRecipes } from './recipes.ts';
import type { Artifact, BinaryArtifact, ImageArtifact } from './types.ts';

/** The recipe of a binary artifact. Throws ARTIFACT_UNAVAILABLE for one that is not in the catalog. */
export function recipeOfBinary(artifact: BinaryArtifact): BinaryRecipe {
  return recipeNamed(artifact, artifact.name);
}

/** How an image is packed, and the recipes of its binaries. Throws ARTIFACT_UNAVAILABLE as above. */
export function recipesOfImage(artifact: ImageArtifact): { image: ImageRecipe; binaries: readonly BinaryRecipe[] } {
  const image = imageRecipe(artifact.name);
  if (!image) throw unknownArtifact(artifact);
  return { image, binaries: image.files.map(({ binary }) => recipeNamed(artifact, binary)) };
}

/** The error for an artifact that the catalog does not have. */
export function unknownArtifact(artifact: Artifact): QuorateError {
  const text = `${artifact.name} ${artifact.version} is not in the catalog`;
  return new QuorateError('ARTIFACT_UNAVAILABLE', text, { hint: 'run: quorate artifacts list' });
}

/** A binary in the first release that has the artifact: versions of parts are fixed for each Kubernetes version. */
function recipeNamed(artifact: Artifact, binary: string): BinaryRecipe {
  const release = supportedKubernetesVersions().find((version) =>
    [...requiredArtifacts(version), ...rehearsalPrograms(version), ...testArtifacts()].some((candidate) =>
      isSame(candidate, artifact),
    ),
  );
  const recipe = release === undefined ? undefined : binaryRecipes(release).find(({ name }) => name === binary);
  if (!recipe) throw unknownArtifact(artifact);
  return recipe;
}

function isSame(a: Artifact, b: Artifact): boolean {
  return a.kind === b.kind && a.name === b.name && a.version === b.version;
}
