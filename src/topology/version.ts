// Kubernetes versions and which of them may run together (kubernetes.io/releases/version-skew-policy).

/** A version in its parts (semver 2.0). */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** `rc.1` of v1.37.0-rc.1. Build metadata behind + is dropped. */
  readonly prerelease?: string;
}

/** ok, or why not; the reason is a sentence for the user either way. */
export interface Verdict {
  readonly ok: boolean;
  readonly reason: string;
}

/** A kubelet may be this many minor versions older than the API server (since Kubernetes 1.28). */
const KUBELET_SKEW = 3;

const PATTERN = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Parses v1.36.3 or 1.36.3; undefined when the text is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, prerelease] = match;
  const version = { major: Number(major), minor: Number(minor), patch: Number(patch) };
  return prerelease === undefined ? version : { ...version, prerelease };
}

/** v1.36.3 */
export function formatVersion({ major, minor, patch, prerelease }: Version): string {
  return `v${major}.${minor}.${patch}${prerelease === undefined ? '' : `-${prerelease}`}`;
}

/** Negative when a is older, 0 when equal, positive when newer (semver 2.0, section 11). */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch || comparePrerelease(a.prerelease, b.prerelease);
}

/** Whether version a (text) comes before b; false when one of them is none. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  return left !== undefined && right !== undefined && compareVersions(left, right) < 0;
}

function comparePrerelease(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  // A release comes after its own candidates.
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  const left = a.split('.');
  const right = b.split('.');
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = compareIdentifier(left[index] ?? '', right[index] ?? '');
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function compareIdentifier(a: string, b: string): number {
  const isNumber = (text: string) => /^\d+$/.test(text);
  if (isNumber(a) && isNumber(b)) return Number(a) - Number(b);
  if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** kubelet beside an API server: never newer, at most three minor versions older. */
export function kubeletSkew(kubelet: Version, apiServer: Version): Verdict {
  const pair = `kubelet ${formatVersion(kubelet)} with API server ${formatVersion(apiServer)}`;
  if (kubelet.major !== apiServer.major) return no(`${pair}: different major versions`);
  // Patches do not count: the policy speaks of minor versions.
  const distance = apiServer.minor - kubelet.minor;
  if (distance < 0) return no(`${pair}: it must not be newer than the API server; upgrade the control planes first`);
  const older = `${pair}: ${minors(distance)} older, at most ${KUBELET_SKEW} allowed`;
  if (distance > KUBELET_SKEW) return no(`${older}; upgrade it first`);
  return yes(distance === 0 ? `${pair}: same minor version` : older);
}

/** Whether a control plane may go from one version to another: forward only, one minor version at a time. */
export function controlPlaneUpgrade(from: Version, to: Version): Verdict {
  const step = `${formatVersion(from)} to ${formatVersion(to)}`;
  if (compareVersions(to, from) === 0) return yes(`${formatVersion(to)} runs already`);
  if (compareVersions(to, from) < 0) {
    return no(`${step} is a downgrade: the API server may have stored objects that the older one cannot read`);
  }
  if (from.major !== to.major) return no(`${step} changes the major version`);
  const distance = to.minor - from.minor;
  if (distance <= 1) return yes(distance === 0 ? `${step} is a patch upgrade` : `${step} is the next minor version`);
  return no(`${step} skips ${minors(distance - 1)}: upgrade to v${from.major}.${from.minor + 1} first`);
}

function minors(count: number): string {
  return `${count} minor version${count === 1 ? '' : 's'}`;
}

function yes(reason: string): Verdict {
  return { ok: true, reason };
}

function no(reason: string): Verdict {
  return { ok: false, reason };
}
