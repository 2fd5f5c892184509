// A bundle: a directory made by writeBundle on a host with network access, for hosts without. Layout as in the cache, plus
// one SHA256SUMS that `sha256sum -c` understands.
import { constants } from 'node:fs';
import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, QuorateError } from '../../core/errors.ts';
import { makeStaging, store } from '../cache.ts';
import { orDiskFull, sha256File } from '../files.ts';
import { type FileKey, relativePath } from '../layout.ts';
import { parseSums } from './checksums.ts';
import { type BinarySource, isFatal } from './source.ts';

/** Name of the list of checksums in a bundle. */
export const BUNDLE_SUMS = 'SHA256SUMS';

/** An opened bundle. */
export interface Bundle {
  readonly dir: string;
  /** sha256 by path in the bundle. */
  readonly sums: ReadonlyMap<string, string>;
}

/** Opens a bundle directory. Throws ARTIFACT_UNAVAILABLE when there is none at that path. */
export async function openBundle(dir: string): Promise<Bundle> {
  try {
    return { dir, sums: parseSums(await readFile(join(dir, BUNDLE_SUMS), 'utf8')) };
  } catch (error) {
    throw new QuorateError('ARTIFACT_UNAVAILABLE', `${dir} is not a bundle: ${messageOf(error)}`, {
      hint: 'pass the directory that holds SHA256SUMS',
      cause: error,
    });
  }
}

/** Copies one file of a bundle into the cache. Throws an Error with the reason when it is not there or not right. */
export async function takeFromBundle(bundle: Bundle, key: FileKey, recipe?: string): Promise<void> {
  const path = relativePath(key);
  const sum = bundle.sums.get(path);
  if (sum === undefined) throw new Error(`${join(bundle.dir, BUNDLE_SUMS)} does not list ${path}`);
  const start = Date.now();
  const staging = await makeStaging(`bundle-${key.name}-${key.file}`);
  try {
    const copy = join(staging, key.file);
    await orDiskFull(copy, () => copyFile(join(bundle.dir, path), copy, constants.COPYFILE_FICLONE));
    const sha256 = await sha256File(copy);
    if (sha256 !== sum) throw new Error(`${path} in the bundle has sha256 ${sha256}, its SHA256SUMS says ${sum}`);
    const record = { source: 'bundle', tookMs: Date.now() - start, sha256 } as const;
    await store(key, copy, { ...record, ...(recipe === undefined ? {} : { recipe }) });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Binaries from a bundle. */
export function bundleSource(bundle: Bundle): BinarySource {
  return {
    name: 'bundle',
    async obtain(ctx, wanted) {
      const failures = new Map();
      for (const recipe of wanted) {
        const { name, version } = recipe;
        try {
          await takeFromBundle(bundle, { name, version, file: name });
        } catch (error) {
          if (isFatal(error)) throw error;
          const text = messageOf(error);
          if (text.includes(' has sha256 ')) ctx.emit('warning', { text });
          failures.set(recipe, text);
        }
      }
      return failures;
    },
  };
}
