import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { silentContext } from '../../../src/core/context.ts';
import { inspectCertificate } from '../../../src/pki/inspect.ts';
import { SHARED_PATHS } from '../../../src/pki/names.ts';
import { etcdClusterToken, generateSharedMaterial, parseSharedMaterial, sharedFiles } from '../../../src/pki/shared.ts';
import type { SharedMaterial } from '../../../src/pki/types.ts';
import { byPath, DAY_MS, NOW_MS } from './fixtures.ts';

const PKI = '/etc/kubernetes/pki';
const ctx = silentContext();
let material: SharedMaterial;
let other: SharedMaterial;

beforeAll(async () => {
  [material, other] = await Promise.all([generateSharedMaterial(ctx, NOW_MS), generateSharedMaterial(ctx, NOW_MS)]);
});

describe('shared material', () => {
  it('survives being written and read back', () => {
    expect(parseSharedMaterial(byPath(sharedFiles(material)))).toEqual(material);
  });

  it('is read from bytes as well as from text', () => {
    const files = Object.fromEntries(sharedFiles(material).map((file) => [file.path, Buffer.from(file.content)]));
    expect(parseSharedMaterial(files)).toEqual(material);
  });

  it('has exactly the shared paths, secrets readable by root only', () => {
    const files = sharedFiles(material);
    expect(files.map(({ path }) => path).sort()).toEqual([...SHARED_PATHS].sort());
    for (const { path, content, mode } of files) {
      const secret = /PRIVATE KEY|secret:/.test(Buffer.from(content).toString());
      expect([path, mode]).toEqual([path, secret ? 0o600 : 0o644]);
    }
  });

  it('has authorities that live ten years and sign themselves', () => {
    for (const [name, commonName] of [
      ['ca', 'kubernetes'],
      ['etcd/ca', 'etcd-ca'],
      ['front-proxy-ca', 'front-proxy-ca'],
    ] as const) {
      const pem = material.authorities[name].certificate;
      const info = inspectCertificate(pem);
      expect(info).toMatchObject({ commonName, organizations: [], sans: [commonName], isCA: true });
      expect(info.issuer).toBe(info.subject);
      expect(info.notAfter.getTime()).toBe(Math.floor(NOW_MS / 1000) * 1000 + 3650 * DAY_MS);
      expect(NOW_MS - info.notBefore.getTime()).toBe(5 * 60_000 + 345);
      const certificate = new X509Certificate(pem);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
    }
  });

  it('encrypts Secrets with a fresh 32-byte secretbox key and still reads plain ones', () => {
    const config = parse(material.encryptionConfig);
    expect(config).toMatchObject({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration' });
    const [{ resources, providers }] = config.resources;
    expect(resources).toEqual(['secrets']);
    expect(providers.map((provider: object) => Object.keys(provider)[0])).toEqual(['secretbox', 'identity']);
    const secret = providers[0].secretbox.keys[0].secret;
    expect(Buffer.from(secret, 'base64')).toHaveLength(32);
    expect(other.encryptionConfig).not.toContain(secret);
  });

  it('teaches the redactor the encryption key and embedded private keys, when made and when read', () => {
    const fresh = silentContext();
    parseSharedMaterial(byPath(sharedFiles(material)), fresh);
    const embedded = Buffer.from(material.authorities.ca.privateKey).toString('base64');
    const secret = parse(material.encryptionConfig).resources[0].providers[0].secretbox.keys[0].secret;
    for (const { redactor } of [ctx, fresh]) {
      expect(redactor.redact(`a ${embedded} b ${secret} c ${material.authorities.ca.privateKey}`)).not.toMatch(
        /[A-Za-z0-9+/]{20}/,
      );
    }
  });
});

describe('reading shared material', () => {
  it.each(SHARED_PATHS)('says that %s is missing', (path) => {
    const files = { ...byPath(sharedFiles(material)), [path]: undefined };
    expect(() => parseSharedMaterial(files)).toThrow(
      expect.objectContaining({ code: 'PKI_LOST', message: expect.stringContaining(path) }),
    );
    expect(() => parseSharedMaterial({ ...files, [path]: '' })).toThrow(expect.objectContaining({ code: 'PKI_LOST' }));
  });

  it.each(['ca', 'etcd/ca', 'front-proxy-ca'])('refuses the key of another %s', (name) => {
    const path = `${PKI}/${name}.key`;
    const files = { ...byPath(sharedFiles(material)), [path]: byPath(sharedFiles(other))[path] };
    expect(() => parseSharedMaterial(files)).toThrow(`${path} is not the private key of`);
  });

  it('refuses a service account key that is not the one tokens are verified with, but accepts older keys beside it', () => {
    const files = byPath(sharedFiles(material));
    const foreign = other.serviceAccount.publicKey;
    expect(() => parseSharedMaterial({ ...files, [`${PKI}/sa.pub`]: foreign })).toThrow(
      expect.objectContaining({ code: 'PKI_INVALID' }),
    );
    const both = foreign + material.serviceAccount.publicKey;
    expect(parseSharedMaterial({ ...files, [`${PKI}/sa.pub`]: both }).serviceAccount.publicKey).toBe(both);
  });

  it('accepts the RSA service account key that kubeadm makes by default', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const files = { ...byPath(sharedFiles(material)), [`${PKI}/sa.key`]: privateKey, [`${PKI}/sa.pub`]: publicKey };
    expect(parseSharedMaterial(files).serviceAccount).toEqual({ privateKey, publicKey });
  });

  it.each([`${PKI}/ca.crt`, `${PKI}/etcd/ca.key`, `${PKI}/sa.key`])(
    'names %s when it is cut off, and quotes nothing of it',
    (path) => {
      const files = byPath(sharedFiles(material));
      const cut = files[path]?.slice(0, 60) ?? '';
      expect(() => parseSharedMaterial({ ...files, [path]: cut })).toThrow(
        expect.objectContaining({ code: 'PKI_INVALID', message: expect.stringContaining(path) }),
      );
    },
  );
});

describe('the etcd cluster token', () => {
  it('is the same wherever it is computed, and differs between clusters', () => {
    const again = parseSharedMaterial(byPath(sharedFiles(material)));
    expect(etcdClusterToken(material.authorities['etcd/ca'].certificate, 'demo')).toMatch(/^demo-[0-9a-f]{8}$/);
    expect(etcdClusterToken(again.authorities['etcd/ca'].certificate, 'demo')).toBe(
      etcdClusterToken(material.authorities['etcd/ca'].certificate, 'demo'),
    );
    expect(etcdClusterToken(other.authorities['etcd/ca'].certificate, 'demo')).not.toBe(
      etcdClusterToken(material.authorities['etcd/ca'].certificate, 'demo'),
    );
    const { fingerprint } = inspectCertificate(material.authorities['etcd/ca'].certificate);
    expect(etcdClusterToken(material.authorities['etcd/ca'].certificate, 'demo')).toBe(
      `demo-${fingerprint.slice(0, 8)}`,
    );
  });
});
