// The contract of a source of binaries. To add one: implement it, and put it into the ordered list in sources/index.ts.
import type { Context } from '../../core/context.ts';
import { hasCode } from '../../core/errors.ts';
import type { BinaryRecipe } from '../recipes.ts';

/** What a source could not provide: for each binary, why not. What is not in it lies in the cache now. */
export type Failures = ReadonlyMap<BinaryRecipe, string>;

/** A place that binaries come from. */
export interface BinarySource {
  readonly name: 'bundle' | 'download' | 'build';
  /**
   * Puts as many of the wanted binaries as it can into the cache. Throws only what no other source can help with:
   * ABORTED, DISK_FULL, a module that does not have its pinned hash (ARTIFACT_CORRUPT).
   */
  obtain(ctx: Context, wanted: readonly BinaryRecipe[]): Promise<Failures>;
}

/** True for errors that end the whole pull: trying the next source would not help. */
export function isFatal(error: unknown): boolean {
  return hasCode(error, 'ABORTED', 'DISK_FULL', 'ARTIFACT_CORRUPT', 'INTERNAL');
}

/** One reason for several binaries. */
export function failAll(wanted: readonly BinaryRecipe[], reason: string): [BinaryRecipe, string][] {
  return wanted.map((recipe) => [recipe, reason]);
}

/** Groups items by a key, in order of first appearance. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups.values()];
}
