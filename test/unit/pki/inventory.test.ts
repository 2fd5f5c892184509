// What `certs list` and `certs check` make of a machine's certificates and of what its ports present.
import { beforeAll, describe, expect, it } from 'vitest';
import { type CertificateSurvey, checkCertificates, type SurveyedMachine } from '../../../src/checks/certificates.ts';
import { silentContext } from '../../../src/core/context.ts';
import { parseServing, servingPorts } from '../../../src/observe/served.ts';
import { localServer } from '../../../src/pki/expected.ts';
import { inventory } from '../../../src/pki/inventory.ts';
import { certificatePath } from '../../../src/pki/names.ts';
import { type ServedState, servedPort } from '../../../src/pki/served.ts';
import { generateSharedMaterial, sharedFiles } from '../../../src/pki/shared.ts';
import { CP1, certificatesOf, DAY_MS, filesOfCp1, NOW_MS, SPEC } from './fixtures.ts';

const APISERVER = certificatePath('apiserver');
let found: Record<string, string>;
let other: Record<string, string>;

async function certificates(): Promise<Record<string, string>> {
  const material = await generateSharedMaterial(silentContext(), NOW_MS);
  return certificatesOf([...sharedFiles(material), ...(await filesOfCp1(material, { nowMs: NOW_MS }))]);
}

beforeAll(async () => {
  [found, other] = await Promise.all([certificates(), certificates()]);
});

describe('what a port presents', () => {
  const port = { name: 'kube-apiserver', target: '10.0.0.1:6443', path: APISERVER };
  it.each([
    ['same', () => found[APISERVER]],
    ['other', () => other[APISERVER]],
    ['silent', (): string | undefined => undefined],
    ['silent', () => 'nonsense'],
  ] as [ServedState, () => string | undefined][])('is %s', (state, presented) => {
    expect(servedPort(port, presented(), found).state).toBe(state);
  });

  it('is no file’s when it is made in memory', () => {
    expect(servedPort({ name: 'kube-scheduler', target: '127.0.0.1:10259' }, found[APISERVER], found).state).toBe(
      'in-memory',
    );
  });

  it('is read from what the script prints', () => {
    const base64 = Buffer.from('PEM').toString('base64');
    const text = `served\ta:1\t${base64}\nserved\tb:2\t\nconf\t/x.conf\thttps://h:6443\t${base64}\nprogram\tkube-scheduler\tstale\nprogram\tkube-scheduler\tfresh\n`;
    expect(parseServing(text)).toEqual({
      presented: { 'a:1': 'PEM' },
      kubeconfigs: [{ path: '/x.conf', server: 'https://h:6443', authority: 'PEM' }],
      programs: { 'kube-scheduler': 'stale' },
    });
  });
});

describe('the inventory', () => {
  it('lists every certificate with the authority that signed it, by signature and not by name', () => {
    const mixed = { ...found, [APISERVER]: other[APISERVER] ?? '' };
    const { rows, missing } = inventory(SPEC, { machine: CP1, certificates: mixed, served: [] }, NOW_MS);
    const authority = Object.fromEntries(rows.map((row) => [row.name, row.authority]));
    expect(authority).toMatchObject({
      ...{ ca: 'self', 'etcd-ca': 'self', 'etcd-server': 'etcd-ca', 'front-proxy-client': 'front-proxy-ca' },
      ...{ 'admin.conf': 'ca', 'kubelet-client': 'ca', apiserver: 'unknown (CN=kubernetes)' },
    });
    expect(missing).toEqual([]);
    expect(rows.find(({ name }) => name === 'admin.conf')?.daysLeft).toBe(364);
  });

  it('names what ought to be there and is not', () => {
    const { [APISERVER]: _gone, ...rest } = found;
    const { missing } = inventory(SPEC, { machine: CP1, certificates: rest, served: [] }, NOW_MS);
    expect(missing).toMatchObject([{ name: 'apiserver', problems: [{ kind: 'missing' }] }]);
  });
});

describe('certs check', () => {
  const URL_OF: Record<string, string> = { '/etc/kubernetes/scheduler.conf': localServer(CP1) };

  /** cp1 as it should be, with some of it changed. */
  function survey(nowMs = NOW_MS, change: Partial<SurveyedMachine> = {}, presented = found): CertificateSurvey {
    const ports = servingPorts(SPEC, CP1)
      .filter(({ name }) => name !== 'kubelet')
      .map((port) => servedPort(port, port.path === undefined ? found[APISERVER] : presented[port.path], found));
    const ca = found[certificatePath('ca')] ?? '';
    const seen: SurveyedMachine = {
      machine: CP1,
      ...inventory(SPEC, { machine: CP1, certificates: found, served: ports }, nowMs),
      ports,
      kubeconfigs: ['admin.conf', 'scheduler.conf'].map((name) => {
        const path = `/etc/kubernetes/${name}`;
        return { path, server: URL_OF[path] ?? SPEC.endpoint.url, authority: ca };
      }),
      programs: { 'kube-scheduler': 'fresh' },
      certificates: found,
      digests: { [certificatePath('ca')]: 'aa' },
      ...change,
    };
    return { cluster: 'demo', takenAtMs: nowMs, machines: [seen], silent: [] };
  }

  const failures = (of: CertificateSurvey) =>
    checkCertificates(SPEC, of)
      .filter(({ state }) => state === 'failed')
      .map(({ id, detail }) => `${id}: ${detail}`);

  it('finds nothing on a machine as it should be', () => {
    expect(failures(survey())).toEqual([]);
  });

  it('finds what ends soon, and what has ended', () => {
    expect(failures(survey(NOW_MS + 340 * DAY_MS)).join()).toMatch(
      /^not-ending: .*apiserver of cp1 expires in 24 days/,
    );
    expect(failures(survey(NOW_MS + 366 * DAY_MS)).join()).toMatch(/^not-ended: .*apiserver of cp1 expired on /);
  });

  it('finds an authority that ends, which no leaf tells of', () => {
    const nearEnd = failures(survey(NOW_MS + 3640 * DAY_MS)).join('\n');
    expect(nearEnd).toMatch(/not-ending: .*ca of cp1 ends on /);
  });

  it.each<[string, () => CertificateSurvey, RegExp]>([
    [
      'an old certificate from memory',
      () => survey(NOW_MS, {}, other),
      /^served: kube-apiserver of cp1 presents another one than/,
    ],
    [
      'a port without an answer',
      () => survey(NOW_MS, {}, {}),
      /^served: kube-apiserver of cp1 does not answer at 10\.87\.0\.11:6443/,
    ],
    [
      'a program that still uses the old one',
      () => survey(NOW_MS, { programs: { 'kube-scheduler': 'stale' } }),
      /^reloaded: kube-scheduler of cp1 began before/,
    ],
    [
      'a kubeconfig for another server',
      () =>
        survey(NOW_MS, { kubeconfigs: [{ path: '/etc/kubernetes/admin.conf', server: 'https://x', authority: '' }] }),
      /^kubeconfigs: \/etc\/kubernetes\/admin.conf of cp1 names https:\/\/x, not https:\/\/10\.87\.0\.10:6443$/,
    ],
    [
      'a kubeconfig that trusts another authority',
      () =>
        survey(NOW_MS, {
          kubeconfigs: [
            {
              path: '/etc/kubernetes/admin.conf',
              server: SPEC.endpoint.url,
              authority: other[certificatePath('ca')] ?? '',
            },
          ],
        }),
      /^kubeconfigs: .* trusts another authority/,
    ],
    [
      'a renewal that failed',
      () =>
        survey(NOW_MS, {
          renewal: { lastAttempt: '2026-01-01T00:17:00Z', outcome: 'failed', renewed: [], error: 'no' },
        }),
      /^renewal: cp1, 2026-01-01T00:17:00Z: no$/,
    ],
    [
      'machines whose shared files differ',
      () => {
        const one = survey();
        const [seen = expect.fail('one')] = one.machines;
        const machine = { ...CP1, name: 'cp2' };
        return {
          ...one,
          machines: [seen, { ...seen, machine, digests: { [certificatePath('ca')]: 'bb' }, kubeconfigs: [] }],
        };
      },
      /^shared: \/etc\/kubernetes\/pki\/ca.crt differs: cp1 aa, cp2 bb$/,
    ],
    [
      'a machine that is silent',
      () => ({ ...survey(), silent: [{ name: 'cp2', reason: 'no route' }] }),
      /^machines: cp2: no route$/,
    ],
  ])('finds %s, and nothing else', (_what, of, text) => {
    const found = failures(of());
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(text);
  });
});
