import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeStaging, store } from '../../../../src/artifacts/cache.ts';
import { binaryKey } from '../../../../src/artifacts/obtain.ts';
import type { BinarySource } from '../../../../src/artifacts/sources/source.ts';

/** A source that has the named binaries (content: `<source> <name>`) and remembers what it was asked for. */
export function fakeSource(
  name: BinarySource['name'],
  has: readonly string[] | 'everything',
  options: { reason?: string; delayMs?: number } = {},
): BinarySource & { asked: string[] } {
  const asked: string[] = [];
  return {
    name,
    asked,
    async obtain(_ctx, wanted) {
      asked.push(...wanted.map((recipe) => recipe.name));
      await new Promise((resolve) => setTimeout(resolve, options.delayMs ?? 0));
      const failures = new Map();
      for (const recipe of wanted) {
        if (has !== 'everything' && !has.includes(recipe.name)) {
          failures.set(recipe, options.reason ?? 'not there');
          continue;
        }
        const path = join(await makeStaging(`${name}-${recipe.name}`), recipe.name);
        await writeFile(path, `${name} ${recipe.name}\n`);
        await store(binaryKey(recipe), path, { source: name, tookMs: 5 });
      }
      return failures;
    },
  };
}
