// Asks the sources in order for the binaries that are missing; who fails is asked no more, what is left goes to the next one.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { lookUp } from './cache.ts';
import type { FileKey } from './layout.ts';
import type { BinaryRecipe } from './recipes.ts';
import { type BinarySource, groupBy } from './sources/source.ts';

/**
 * Makes sure that every wanted binary is in the cache. The caller holds the cache's lock. Throws ARTIFACT_UNAVAILABLE
 * with what every source said about each binary that none of them has.
 */
export async function obtainBinaries(
  ctx: Context,
  wanted: readonly BinaryRecipe[],
  sources: readonly BinarySource[],
): Promise<void> {
  let missing = await missingBinaries(ctx, wanted);
  const attempts = new Map<BinaryRecipe, string[]>(missing.map((recipe) => [recipe, []]));
  for (const source of sources) {
    if (missing.length === 0) return;
    const failures = await source.obtain(ctx, missing);
    for (const [recipe, reason] of failures) attempts.get(recipe)?.push(`${source.name}: ${reason}`);
    missing = missing.filter((recipe) => failures.has(recipe));
  }
  if (missing.length > 0) throw unavailable(missing, attempts);
}

/** Place of a binary in the cache. */
export function binaryKey(recipe: BinaryRecipe): FileKey {
  return { name: recipe.name, version: recipe.version, file: recipe.name };
}

async function missingBinaries(ctx: Context, wanted: readonly BinaryRecipe[]): Promise<readonly BinaryRecipe[]> {
  const missing: BinaryRecipe[] = [];
  for (const recipe of wanted) {
    const found = await lookUp(binaryKey(recipe));
    if (found.state === 'cached') continue;
    if (found.state === 'corrupt') ctx.emit('warning', { text: corruptText(recipe, found.reason) });
    missing.push(recipe);
  }
  return missing;
}

/** The warning that a cached file is replaced. */
export function corruptText(artifact: { name: string; version: string }, reason: string): string {
  return `${artifact.name} ${artifact.version} in the cache is not as it was stored (${reason}); obtaining it again`;
}

/** One error for all binaries; those with the same story are told together. */
function unavailable(missing: readonly BinaryRecipe[], attempts: ReadonlyMap<BinaryRecipe, string[]>): QuorateError {
  const storyOf = (recipe: BinaryRecipe) => (attempts.get(recipe) ?? []).map((line) => `\n    ${line}`).join('');
  const groups = groupBy(missing, (recipe) => `${recipe.project.id}${storyOf(recipe)}`);
  const lines = groups.map((group) => {
    const [first] = group;
    return first ? `  ${group.map(({ name }) => name).join(', ')} ${first.version}${storyOf(first)}` : '';
  });
  const stories = [...attempts.values()].flat();
  return new QuorateError('ARTIFACT_UNAVAILABLE', `no source has:\n${lines.join('\n')}`, {
    hint: nextStep(stories),
    data: { missing: missing.map(({ name, version }) => ({ name, version })) },
  });
}

/** What to do, as the attempts tell. Network access alone is never enough: some projects publish no binaries. */
function nextStep(stories: readonly string[]): string {
  const packages = /apt-get install (.+)$/m.exec(stories.join('\n'))?.[1];
  const steps = [
    ...(stories.some((story) => story.includes('go is not installed')) ? ['install Go (https://go.dev/dl)'] : []),
    ...(packages === undefined ? [] : [`run: apt-get install ${packages}`]),
  ];
  if (steps.length > 0) return `${steps.join(' and ')}, or pass --bundle DIR made on another host`;
  return 'check the network and GOPROXY, or pass --bundle DIR made on another host';
}
