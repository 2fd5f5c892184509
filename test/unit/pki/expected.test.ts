import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { expectedCertificates } from '../../../src/pki/expected.ts';
import { SHARED_PATHS } from '../../../src/pki/names.ts';
import { CP1, SPEC } from './fixtures.ts';

const expectedAt = (path: string, spec = SPEC) =>
  expectedCertificates(spec, CP1).find((expected) => expected.path === path);

describe('the table of certificates', () => {
  it('is the reviewed one', async () => {
    const text = stringify(expectedCertificates(SPEC, CP1), { aliasDuplicateObjects: false });
    await expect(text).toMatchFileSnapshot('../../golden/pki/expected-cp1.yaml');
  });

  it('has kubeadm names for the shared files', () => {
    expect(SHARED_PATHS).toEqual([
      '/etc/kubernetes/pki/ca.crt',
      '/etc/kubernetes/pki/ca.key',
      '/etc/kubernetes/pki/etcd/ca.crt',
      '/etc/kubernetes/pki/etcd/ca.key',
      '/etc/kubernetes/pki/front-proxy-ca.crt',
      '/etc/kubernetes/pki/front-proxy-ca.key',
      '/etc/kubernetes/pki/sa.key',
      '/etc/kubernetes/pki/sa.pub',
      '/etc/kubernetes/enc/enc.yaml',
    ]);
  });

  it('lists a name once even when certSANs repeats it', () => {
    const spec = { ...SPEC, certSANs: ['cp1', 'kubernetes', '10.87.0.10', 'extra'] };
    const sans = expectedAt('/etc/kubernetes/pki/apiserver.crt', spec)?.sans ?? [];
    expect(sans).toContain('extra');
    expect(sans).toHaveLength(new Set(sans).size);
  });

  it('follows another DNS domain and an endpoint that is a DNS name', () => {
    const spec = {
      ...SPEC,
      endpoint: {
        host: 'api.example.com',
        port: 443,
        authority: 'api.example.com:443',
        url: 'https://api.example.com:443',
      },
      networking: { ...SPEC.networking, dnsDomain: 'corp.internal' },
    };
    const sans = expectedAt('/etc/kubernetes/pki/apiserver.crt', spec)?.sans;
    expect(sans).toEqual(expect.arrayContaining(['api.example.com', 'kubernetes.default.svc.corp.internal']));
    expect(expectedAt('/etc/kubernetes/admin.conf', spec)?.server).toBe('https://api.example.com:443');
    expect(expectedAt('/etc/kubernetes/scheduler.conf', spec)?.server).toBe('https://10.87.0.11:6443');
  });
});
