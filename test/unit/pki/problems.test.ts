import { beforeAll, describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { expectedCertificates } from '../../../src/pki/expected.ts';
import { certificateProblems, certificatesToIssue, RENEW_BELOW_DAYS } from '../../../src/pki/problems.ts';
import { generateSharedMaterial, sharedFiles } from '../../../src/pki/shared.ts';
import type { SharedMaterial } from '../../../src/pki/types.ts';
import { CP1, certificatesOf, DAY_MS, filesOfCp1, machine, NOW_MS, SPEC } from './fixtures.ts';

const APISERVER = '/etc/kubernetes/pki/apiserver.crt';
const CA = '/etc/kubernetes/pki/ca.crt';
let material: SharedMaterial;
let found: Record<string, string>;

beforeAll(async () => {
  material = await generateSharedMaterial(silentContext(), NOW_MS);
  found = certificatesOf([...sharedFiles(material), ...(await filesOfCp1(material, { nowMs: NOW_MS }))]);
});

const kindsAt = (nowMs: number, certificates = found, spec = SPEC) =>
  certificatesToIssue(spec, CP1, certificates, nowMs).map(({ expected, problems }) => ({
    name: expected.name,
    kinds: problems.map(({ kind }) => kind),
  }));

describe('what has to be issued', () => {
  it('is nothing right after issuing, nor until thirty days before the end', () => {
    expect(kindsAt(NOW_MS)).toEqual([]);
    expect(kindsAt(NOW_MS + (365 - RENEW_BELOW_DAYS - 1) * DAY_MS)).toEqual([]);
  });

  it('is everything when less than thirty days are left, and when expired', () => {
    const all = expectedCertificates(SPEC, CP1).map(({ name }) => name);
    const expiring = kindsAt(NOW_MS + (365 - RENEW_BELOW_DAYS) * DAY_MS);
    expect(expiring).toEqual(all.map((name) => ({ name, kinds: ['expiring'] })));
    expect(kindsAt(NOW_MS + 366 * DAY_MS)).toEqual(all.map((name) => ({ name, kinds: ['expired'] })));
  });

  it('is everything on an empty machine', () => {
    expect(kindsAt(NOW_MS, {})).toHaveLength(expectedCertificates(SPEC, CP1).length);
    expect(kindsAt(NOW_MS, {}).every(({ kinds }) => kinds.join() === 'missing')).toBe(true);
  });

  it('is the serving certificate when cluster.yaml gains a name', () => {
    const spec = { ...SPEC, certSANs: [...SPEC.certSANs, 'new.example.com', '192.0.2.1'] };
    const [{ expected, problems } = { expected: undefined, problems: [] }, ...others] = certificatesToIssue(
      spec,
      CP1,
      found,
      NOW_MS,
    );
    expect([expected?.path, others]).toEqual([APISERVER, []]);
    expect(problems).toEqual([{ kind: 'san-missing', detail: 'not valid for new.example.com, 192.0.2.1' }]);
  });

  it('is nothing when cluster.yaml loses a name', () => {
    expect(kindsAt(NOW_MS, found, { ...SPEC, certSANs: [] })).toEqual([]);
  });

  it('is what another authority of the same name has issued', async () => {
    const other = await generateSharedMaterial(silentContext(), NOW_MS);
    const mixed = { ...found, [CA]: other.authorities.ca.certificate };
    const wrong = kindsAt(NOW_MS, mixed);
    const ofCa = expectedCertificates(SPEC, CP1).filter(({ issuer }) => issuer === 'ca');
    expect(wrong).toEqual(ofCa.map(({ name }) => ({ name, kinds: ['wrong-issuer'] })));
  });

  it('is what was issued to another machine', () => {
    const moved = certificatesToIssue(SPEC, machine('cp9', '10.87.0.19'), found, NOW_MS);
    expect(moved.map(({ expected, problems }) => [expected.name, problems.map(({ kind }) => kind).join()])).toEqual([
      ['apiserver', 'san-missing'],
      ['etcd-server', 'wrong-subject,san-missing'],
      ['etcd-peer', 'wrong-subject,san-missing'],
      ['kubelet-client', 'wrong-subject'],
    ]);
  });
});

describe('a certificate', () => {
  const expected = () => expectedCertificates(SPEC, CP1)[0] as ReturnType<typeof expectedCertificates>[number];
  const problemsOf = (actual: string | undefined, authority = found[CA], nowMs = NOW_MS) =>
    certificateProblems(expected(), actual, authority, nowMs).map(({ kind, detail }) => `${kind}: ${detail}`);

  it('that is no certificate is a problem, not an error', () => {
    expect(problemsOf('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toEqual([
      'unreadable: not a certificate',
    ]);
    expect(problemsOf('')).toEqual(['missing: not there yet']);
    expect(problemsOf(undefined)).toEqual(['missing: not there yet']);
  });

  it('cannot be trusted without its authority', () => {
    expect(certificateProblems(expected(), found[APISERVER], undefined, NOW_MS)).toEqual([
      { kind: 'wrong-issuer', detail: `${CA} is not there to check it against` },
    ]);
  });

  it('whose time has not come says when it does', () => {
    expect(problemsOf(found[APISERVER], found[CA], NOW_MS - DAY_MS)).toEqual([
      expect.stringMatching(/^not-yet-valid: valid only in 1435 min/),
    ]);
  });

  it('that ends soon says when', () => {
    expect(problemsOf(found[APISERVER], found[CA], NOW_MS + 353 * DAY_MS)).toEqual([
      'expiring: expires in 11 days, on 2027-01-01',
    ]);
  });

  it('of another identity names both', () => {
    expect(problemsOf(found['/etc/kubernetes/admin.conf'])).toContain(
      'wrong-subject: issued to O=kubeadm:cluster-admins, CN=kubernetes-admin, not CN=kube-apiserver',
    );
  });
});
