// Where things lie in the cache: artifacts/<name>/<version>/<file>, next to each file a sidecar <file>.json.
import { join } from 'node:path';
import { cacheDir } from '../core/paths.ts';
import type { Artifact } from './types.ts';

/** A place in the cache or in a bundle. */
export interface FileKey {
  readonly name: string;
  readonly version: string;
  /** File name; a binary's own, or that of an image archive. */
  readonly file: string;
}

/** The place of an artifact's file: the binary itself, or `<name>.oci.tar` for an image. */
export function fileKey(artifact: Artifact): FileKey {
  const { name, version } = artifact;
  return { name, version, file: artifact.kind === 'image' ? `${name}.oci.tar` : name };
}

/** Path below the root of a cache or bundle. */
export function relativePath(key: FileKey): string {
  return join(key.name, key.version, key.file);
}

/** The directory of all cached artifacts. */
export function artifactsDir(): string {
  return join(cacheDir(), 'artifacts');
}

/** Absolute path of a file in the cache. */
export function cachePath(key: FileKey): string {
  return join(artifactsDir(), relativePath(key));
}

/** Unfinished work of the process that holds the lock; whatever lies there when the lock is taken is garbage. */
export function stagingDir(): string {
  return join(artifactsDir(), '.staging');
}

/** Downloads that were cut off and continue where they ended. */
export function partialDir(): string {
  return join(artifactsDir(), '.partial');
}

/** Generated wrapper modules; kept, because their go.sum pins every dependency of an earlier build. */
export function buildDir(projectId: string): string {
  return join(cacheDir(), 'build', projectId);
}
