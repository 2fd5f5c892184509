// The certificates as another implementation sees them. Also: authorities that other tools made can sign here.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { openAuthority } from '../../../src/pki/certificate.ts';
import { expectedCertificates } from '../../../src/pki/expected.ts';
import { caHash, inspectCertificate } from '../../../src/pki/inspect.ts';
import { AUTHORITY_NAMES, certificatePath } from '../../../src/pki/names.ts';
import { generateSharedMaterial, sharedFiles } from '../../../src/pki/shared.ts';
import { CP1, certificatesOf, filesOfCp1, SPEC } from './fixtures.ts';

const missing = spawnSync('openssl', ['version']).error !== undefined;
const root = mkdtempSync(join(tmpdir(), 'quorate-pki-'));
const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.skipIf(missing)('openssl (skipped where it is not installed)', () => {
  const at = (path: string) => join(root, path);

  beforeAll(async () => {
    const material = await generateSharedMaterial(silentContext());
    const files = [...sharedFiles(material), ...(await filesOfCp1(material))];
    for (const [path, pem] of Object.entries(certificatesOf(files))) {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), pem);
    }
  });

  it.each(expectedCertificates(SPEC, CP1))(
    'verifies $path for its purposes and for no other',
    ({ path, issuer, usages }) => {
      const verify = (purpose: string, authority: string) =>
        spawnSync('openssl', [
          'verify',
          '-x509_strict',
          '-purpose',
          purpose,
          '-CAfile',
          at(certificatePath(authority)),
          at(path),
        ]).status;
      expect(verify('sslclient', issuer)).toBe(usages.includes('client') ? 0 : 2);
      expect(verify('sslserver', issuer)).toBe(usages.includes('server') ? 0 : 2);
      for (const other of AUTHORITY_NAMES.filter((name) => name !== issuer)) expect(verify('any', other)).toBe(2);
    },
  );

  it.each(['kubernetes.default.svc.cluster.local', 'cp1', 'k8s.example.com'])(
    'accepts the API server as %s',
    (name) => {
      expect(
        openssl(
          'verify',
          '-CAfile',
          at(certificatePath('ca')),
          '-verify_hostname',
          name,
          at(certificatePath('apiserver')),
        ),
      ).toContain('OK');
    },
  );

  it.each(['10.43.0.1', '10.87.0.10', '10.87.0.11', '127.0.0.1'])('accepts the API server at %s', (ip) => {
    expect(
      openssl('verify', '-CAfile', at(certificatePath('ca')), '-verify_ip', ip, at(certificatePath('apiserver'))),
    ).toContain('OK');
  });

  it('accepts the etcd peer at ::1 and not at another machine', () => {
    const verify = (ip: string) =>
      spawnSync('openssl', [
        'verify',
        '-CAfile',
        at(certificatePath('etcd/ca')),
        '-verify_ip',
        ip,
        at(certificatePath('etcd/peer')),
      ]).status;
    expect([verify('::1'), verify('10.87.0.11'), verify('10.87.0.12')]).toEqual([0, 0, 2]);
  });

  it('reads the text that kubeadm certificates have', async () => {
    const text = (name: string) =>
      openssl(
        'x509',
        '-in',
        at(certificatePath(name)),
        '-noout',
        '-text',
        '-nameopt',
        'RFC2253',
        '-certopt',
        'no_sigdump,no_pubkey,no_serial,no_validity',
      ).replace(/([0-9A-F]{2}:){19}[0-9A-F]{2}/g, 'ID');
    const names = ['ca', 'apiserver', 'apiserver-kubelet-client', 'etcd/server'];
    await expect(names.map(text).join('')).toMatchFileSnapshot('../../golden/pki/certificates.txt');
  });

  it('computes the same discovery hash', () => {
    const ca = at(certificatePath('ca'));
    const spki = execFileSync(
      'sh',
      [
        '-c',
        'openssl x509 -pubkey -noout -in "$1" | openssl pkey -pubin -outform der | openssl dgst -sha256 -r',
        'sh',
        ca,
      ],
      { encoding: 'utf8' },
    );
    expect(caHash(readFileSync(ca, 'utf8'))).toBe(`sha256:${spki.split(' ')[0]}`);
  });

  it.each([
    ['RSA, as kubeadm makes it by default', ['rsa:2048', '-nodes'], '/CN=kubernetes'],
    [
      'ECDSA P-384 with a UTF-8 name',
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes'],
      '/O=Größe/CN=kubernetes',
    ],
  ])('trusts what a foreign authority signs here: %s', async (_name, newkey, subject) => {
    const [crt, key, leaf] = [at('foreign.crt'), at('foreign.key'), at('leaf.crt')];
    openssl(
      'req',
      '-x509',
      '-addext',
      'keyUsage=critical,keyCertSign',
      '-newkey',
      ...newkey,
      '-utf8',
      '-subj',
      subject,
      '-days',
      '30',
      '-keyout',
      key,
      '-out',
      crt,
    );
    const authority = { certificate: readFileSync(crt, 'utf8'), privateKey: readFileSync(key, 'utf8') };
    const issue = await openAuthority(authority);
    const pair = await issue(
      { commonName: 'x', organizations: [], sans: ['x.example.com'], usages: ['server'] },
      Date.now(),
    );
    writeFileSync(leaf, pair.certificate);
    expect(openssl('verify', '-x509_strict', '-CAfile', crt, leaf)).toContain('OK');
    expect(inspectCertificate(pair.certificate).issuer).toBe(inspectCertificate(authority.certificate).subject);
  });
});
