import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareVersions,
  controlPlaneUpgrade,
  formatVersion,
  kubeletSkew,
  parseVersion,
  type Version,
} from '../../../src/topology/version.ts';

const v = (text: string): Version => {
  const version = parseVersion(text);
  if (version === undefined) throw new Error(`no version: ${text}`);
  return version;
};

describe('versions', () => {
  const number = fc.integer({ min: 0, max: 200 });
  const version = fc.tuple(number, number, number).map(([major, minor, patch]) => ({ major, minor, patch }));

  it('parse what they format, with and without v', () => {
    fc.assert(
      fc.property(version, (some) => {
        expect(parseVersion(formatVersion(some))).toEqual(some);
        expect(parseVersion(formatVersion(some).slice(1))).toEqual(some);
      }),
    );
    expect(v('v1.37.0-rc.1+abc')).toEqual({ major: 1, minor: 37, patch: 0, prerelease: 'rc.1' });
    expect(['', '1.36', 'v1.36.x', '1.36.3.4', 'latest'].map(parseVersion)).toEqual(Array(5).fill(undefined));
  });

  it('are ordered totally', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        expect(compareVersions(a, a)).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('are ordered as semver says, candidates before their release', () => {
    const ordered = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.1',
      '1.9.0',
      '1.10.0',
    ];
    const sorted = [...ordered].reverse().map(v).sort(compareVersions).map(formatVersion);
    expect(sorted).toEqual(ordered.map((text) => `v${text}`));
  });
});

describe('version skew policy', () => {
  it.each([
    ['v1.36.3', 'v1.36.1', true],
    ['v1.33.9', 'v1.36.3', true],
    ['v1.32.9', 'v1.36.3', false],
    ['v1.37.0', 'v1.36.3', false],
    ['v2.36.0', 'v1.36.3', false],
  ])('kubelet %s with API server %s: %s', (kubelet, api, ok) => {
    expect(kubeletSkew(v(kubelet), v(api)).ok).toBe(ok);
  });

  it.each([
    ['v1.36.1', 'v1.36.3', true, 'v1.36.1 to v1.36.3 is a patch upgrade'],
    ['v1.36.3', 'v1.36.3', true, 'v1.36.3 runs already'],
    ['v1.35.4', 'v1.36.3', true, 'v1.35.4 to v1.36.3 is the next minor version'],
    ['v1.34.4', 'v1.36.3', false, 'v1.34.4 to v1.36.3 skips 1 minor version: upgrade to v1.35 first'],
    ['v1.36.3', 'v1.36.1', false, 'is a downgrade'],
    ['v1.36.3', 'v2.0.0', false, 'changes the major version'],
  ])('upgrade of the control plane from %s to %s: %s', (from, to, ok, reason) => {
    const verdict = controlPlaneUpgrade(v(from), v(to));
    expect(verdict.ok).toBe(ok);
    expect(verdict.reason).toContain(reason);
  });

  it('says what to do about a kubelet that is out of range', () => {
    expect(kubeletSkew(v('1.32.1'), v('1.36.3')).reason).toBe(
      'kubelet v1.32.1 with API server v1.36.3: 4 minor versions older, at most 3 allowed; upgrade it first',
    );
    expect(kubeletSkew(v('1.37.0'), v('1.36.3')).reason).toContain('upgrade the control planes first');
  });

  it('after an allowed upgrade step of the API server, nodes that were not behind are still in range', () => {
    const minor = fc.integer({ min: 10, max: 60 });
    fc.assert(
      fc.property(minor, fc.integer({ min: 0, max: 2 }), (from, behind) => {
        const to = { major: 1, minor: from + 1, patch: 0 };
        expect(controlPlaneUpgrade({ major: 1, minor: from, patch: 0 }, to).ok).toBe(true);
        expect(kubeletSkew({ major: 1, minor: from - behind, patch: 0 }, to).ok).toBe(true);
      }),
    );
  });
});
