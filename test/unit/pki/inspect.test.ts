import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, type Issuer, openAuthority } from '../../../src/pki/certificate.ts';
import { daysLeft, daysLeftByPath, inspectCertificate } from '../../../src/pki/inspect.ts';
import { canonicalSan } from '../../../src/pki/san.ts';
import { DAY_MS, NOW_MS } from './fixtures.ts';

let issue: Issuer;

beforeAll(async () => {
  issue = await openAuthority(await createAuthority('kubernetes', NOW_MS));
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$/);
/** What Kubernetes users and groups look like, and some text that X.509 has to escape. */
const attribute = fc.oneof(
  fc.stringMatching(/^[a-z]{1,10}:[a-z-]{1,20}$/),
  fc.stringMatching(/^[A-Za-z0-9 ,+"=\\<>#;@_*äöü中]{1,20}$/).filter((text) => text.trim() === text),
);
const sans = fc.uniqueArray(fc.oneof(fc.domain(), label, fc.ipV4(), fc.ipV6()), {
  maxLength: 8,
  selector: canonicalSan,
});

describe('a certificate that was issued', () => {
  it('says what was asked for, whatever that was', async () => {
    const groups = fc.uniqueArray(attribute, { maxLength: 3 });
    const property = fc.asyncProperty(attribute, groups, sans, async (commonName, organizations, names) => {
      const { certificate } = await issue({ commonName, organizations, sans: names, usages: ['client'] }, NOW_MS);
      const info = inspectCertificate(certificate);
      expect({ ...info, sans: [...info.sans].sort() }).toMatchObject({
        commonName,
        organizations,
        sans: names.map(canonicalSan).sort(),
      });
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

describe('days left', () => {
  const at = (ms: number) => daysLeft({ notAfter: new Date(NOW_MS + ms) }, NOW_MS);

  it('counts whole days and goes negative', () => {
    expect([at(DAY_MS), at(DAY_MS - 1), at(0), at(-1), at(-DAY_MS - 1)]).toEqual([1, 0, 0, -1, -2]);
  });
});

describe('inspecting', () => {
  it('refuses text that is no certificate', () => {
    expect(() => inspectCertificate('hello')).toThrow(expect.objectContaining({ code: 'PKI_INVALID' }));
  });

  it('treats spellings of one address as one', () => {
    expect(canonicalSan('0:0:0:0:0:0:0:1')).toBe('::1');
    expect(canonicalSan('2001:DB8::0001')).toBe('2001:db8::1');
    expect(canonicalSan('::ffff:10.0.0.1')).toBe('::ffff:a00:1');
    expect(canonicalSan('fe80::1%eth0')).toBe('fe80::1');
    expect(canonicalSan('API.Example.com')).toBe('api.example.com');
  });
});

describe('the certificates of a machine', () => {
  it('have the days left that each one says, and none where nothing can be read', async () => {
    const request = { commonName: 'kubelet', organizations: [], sans: [], usages: ['client'] as const };
    const long = await issue(request, NOW_MS);
    const short = await issue({ ...request, ttlMs: 20 * DAY_MS }, NOW_MS);
    const certificates = { '/long.crt': long.certificate, '/short.crt': short.certificate, '/broken.crt': 'no PEM' };
    const days = (nowMs: number) => daysLeftByPath(certificates, nowMs).map(({ path, days }) => [path, days]);
    // They begin five minutes ago, so the last day is not whole.
    expect(days(NOW_MS)).toEqual([
      ['/long.crt', 364],
      ['/short.crt', 19],
      ['/broken.crt', 0],
    ]);
    // Parsed once, asked again later.
    expect(days(NOW_MS + 30 * DAY_MS)).toEqual([
      ['/long.crt', 334],
      ['/short.crt', -11],
      ['/broken.crt', 0],
    ]);
  });
});
