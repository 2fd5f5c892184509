/**
 * Kubernetes versions that this release builds, newest first. The same list as the catalog's (src/artifacts), which this
 * folder may not import; a test compares both.
 */
export const KUBERNETES_VERSIONS: readonly string[] = ['v1.36.3', 'v1.36.1', 'v1.35.4', 'v1.34.4'];

/** What new clusters get. */
export const DEFAULT_KUBERNETES_VERSION = 'v1.36.3';

/** A version with its v: both v1.36.3 and 1.36.3 may be written. */
export function withV(version: string): string {
  return version.startsWith('v') ? version : `v${version}`;
}
