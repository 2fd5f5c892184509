import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { silentContext } from '../../../src/core/context.ts';
import type { FileContent } from '../../../src/core/file.ts';
import { expectedCertificates } from '../../../src/pki/expected.ts';
import { inspectCertificate } from '../../../src/pki/inspect.ts';
import { issueCertificates, issueClient } from '../../../src/pki/issue.ts';
import { KUBELET_CLIENT_LINK } from '../../../src/pki/names.ts';
import { generateSharedMaterial } from '../../../src/pki/shared.ts';
import type { SharedMaterial } from '../../../src/pki/types.ts';
import { byPath, CP1, certificatesOf, DAY_MS, filesOfCp1, NOW_MS, SPEC } from './fixtures.ts';

const ctx = silentContext();
let material: SharedMaterial;
let files: FileContent[];

beforeAll(async () => {
  material = await generateSharedMaterial(ctx, NOW_MS);
  files = await filesOfCp1(material, { nowMs: NOW_MS, redactor: ctx.redactor });
});

describe('the files of a control plane', () => {
  it('are those of kubeadm', () => {
    expect(files.map(({ path, mode }) => `${mode.toString(8)} ${path}`).sort()).toEqual([
      '600 /etc/kubernetes/admin.conf',
      '600 /etc/kubernetes/controller-manager.conf',
      '600 /etc/kubernetes/kubelet.conf',
      '600 /etc/kubernetes/pki/apiserver-etcd-client.key',
      '600 /etc/kubernetes/pki/apiserver-kubelet-client.key',
      '600 /etc/kubernetes/pki/apiserver.key',
      '600 /etc/kubernetes/pki/etcd/healthcheck-client.key',
      '600 /etc/kubernetes/pki/etcd/peer.key',
      '600 /etc/kubernetes/pki/etcd/server.key',
      '600 /etc/kubernetes/pki/front-proxy-client.key',
      '600 /etc/kubernetes/scheduler.conf',
      '600 /etc/kubernetes/super-admin.conf',
      '600 /var/lib/kubelet/pki/kubelet-client-initial.pem',
      '644 /etc/kubernetes/pki/apiserver-etcd-client.crt',
      '644 /etc/kubernetes/pki/apiserver-kubelet-client.crt',
      '644 /etc/kubernetes/pki/apiserver.crt',
      '644 /etc/kubernetes/pki/etcd/healthcheck-client.crt',
      '644 /etc/kubernetes/pki/etcd/peer.crt',
      '644 /etc/kubernetes/pki/etcd/server.crt',
      '644 /etc/kubernetes/pki/front-proxy-client.crt',
    ]);
  });

  it('hold what the table says, valid for a year from five minutes ago', () => {
    const certificates = certificatesOf(files);
    for (const expected of expectedCertificates(SPEC, CP1)) {
      const info = inspectCertificate(certificates[expected.path] ?? '');
      const { commonName, organizations } = expected;
      expect(info).toMatchObject({ commonName, organizations, isCA: false });
      expect([...info.sans].sort()).toEqual([...expected.sans].sort());
      expect(info.notAfter.getTime()).toBe(Math.floor(NOW_MS / 1000) * 1000 + 365 * DAY_MS);
      expect(NOW_MS - info.notBefore.getTime()).toBe(5 * 60_000 + 345);
    }
  });

  it('put a key beside each certificate, in the form that Go writes', () => {
    const texts = byPath(files);
    const pairs = Object.keys(texts).filter((path) => path.endsWith('.crt'));
    for (const path of pairs) {
      const key = texts[path.replace(/crt$/, 'key')] ?? '';
      expect(key).toMatch(/^-----BEGIN EC PRIVATE KEY-----\n/);
      expect(new X509Certificate(texts[path] ?? '').checkPrivateKey(createPrivateKey(key))).toBe(true);
    }
    expect(new Set(pairs.map((path) => texts[path.replace(/crt$/, 'key')])).size).toBe(pairs.length);
  });

  it('give the kubelet one PEM with certificate and key, and a kubeconfig that points at the link to it', () => {
    const texts = byPath(files);
    const pem = texts[KUBELET_CLIENT_LINK.target] ?? '';
    expect(new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem))).toBe(true);
    const { users, clusters } = parse(texts['/etc/kubernetes/kubelet.conf'] ?? '');
    expect(users[0].user).toEqual({
      'client-certificate': KUBELET_CLIENT_LINK.path,
      'client-key': KUBELET_CLIENT_LINK.path,
    });
    expect(clusters[0].cluster.server).toBe('https://10.87.0.11:6443');
  });

  it('send people to the endpoint and control-plane components to their own machine', () => {
    const serverIn = (name: string) => parse(byPath(files)[`/etc/kubernetes/${name}`] ?? '').clusters[0].cluster.server;
    expect(serverIn('admin.conf')).toBe('https://10.87.0.10:6443');
    expect(serverIn('super-admin.conf')).toBe('https://10.87.0.10:6443');
    expect(serverIn('controller-manager.conf')).toBe('https://10.87.0.11:6443');
    expect(serverIn('scheduler.conf')).toBe('https://10.87.0.11:6443');
  });

  it('keep the embedded certificate on one line, where line-based tools find it', () => {
    expect(byPath(files)['/etc/kubernetes/admin.conf']).toMatch(/^ +client-certificate-data: [A-Za-z0-9+/=]{400,}$/m);
  });

  it('teach the redactor the keys inside kubeconfigs', () => {
    const text = byPath(files)['/etc/kubernetes/super-admin.conf'] ?? '';
    expect(ctx.redactor.redact(text)).toContain('client-key-data: [redacted]');
  });
});

describe('issuing', () => {
  it('makes only what is asked for', async () => {
    const wanted = expectedCertificates(SPEC, CP1).filter(
      ({ name }) => name === 'etcd-peer' || name === 'scheduler.conf',
    );
    const some = await issueCertificates(material, SPEC, wanted);
    expect(some.map(({ path }) => path)).toEqual([
      '/etc/kubernetes/pki/etcd/peer.key',
      '/etc/kubernetes/pki/etcd/peer.crt',
      '/etc/kubernetes/scheduler.conf',
    ]);
  });

  it('never repeats a serial number or a key', async () => {
    const again = await filesOfCp1(material, { nowMs: NOW_MS });
    const all = [...Object.values(certificatesOf(files)), ...Object.values(certificatesOf(again))];
    expect(new Set(all.map((pem) => inspectCertificate(pem).serial)).size).toBe(all.length);
    for (const pem of all) expect(inspectCertificate(pem).serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('makes short-lived clients of the cluster authority', async () => {
    const client = { commonName: 'quorate', organizations: ['kubeadm:cluster-admins', 'ops'], ttlMs: 600_000 };
    const { certificate, privateKey } = await issueClient(material, client, { nowMs: NOW_MS });
    const info = inspectCertificate(certificate);
    expect(info).toMatchObject({ commonName: 'quorate', organizations: ['kubeadm:cluster-admins', 'ops'], sans: [] });
    expect(info.notAfter.getTime()).toBe(Math.floor(NOW_MS / 1000) * 1000 + 600_000);
    expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
    const authority = new X509Certificate(material.authorities.ca.certificate);
    expect(new X509Certificate(certificate).verify(authority.publicKey)).toBe(true);
  });
});
