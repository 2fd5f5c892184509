// What all control planes hold a copy of. Made once in a cluster's life; afterwards read back from any control plane.
import { createHash, createPrivateKey, createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { stringify } from 'yaml';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { FileContent } from '../core/file.ts';
import { createAuthority } from './certificate.ts';
import { newPrivateKey, publicKeyOf } from './keys.ts';
import {
  AUTHORITIES,
  AUTHORITY_NAMES,
  type AuthorityName,
  certificatePath,
  ENCRYPTION_CONFIG_PATH,
  keyPath,
  SA_KEY_PATH,
  SA_PUB_PATH,
  SHARED_PATHS,
} from './names.ts';
import type { KeyPair, SharedMaterial } from './types.ts';

export type { SharedMaterial };

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----/g;

/**
 * Makes all of it afresh. The service account key is ECDSA P-256 like the rest, as kubeadm does it under
 * `encryptionAlgorithm: ECDSA-P256`: tokens are signed ES256, which costs the API server far less than RS256.
 */
export async function generateSharedMaterial(
  ctx: Pick<Context, 'redactor'>,
  nowMs: number = Date.now(),
): Promise<SharedMaterial> {
  const [ca, etcd, frontProxy, privateKey] = await Promise.all([
    createAuthority(AUTHORITIES.ca, nowMs),
    createAuthority(AUTHORITIES['etcd/ca'], nowMs),
    createAuthority(AUTHORITIES['front-proxy-ca'], nowMs),
    newPrivateKey(),
  ]);
  const material: SharedMaterial = {
    authorities: { ca, 'etcd/ca': etcd, 'front-proxy-ca': frontProxy },
    serviceAccount: { privateKey, publicKey: publicKeyOf(privateKey) },
    encryptionConfig: newEncryptionConfig(),
  };
  registerSecrets(ctx, material);
  return material;
}

/** Secrets are written with secretbox; what was stored before encryption came (identity) stays readable. */
function newEncryptionConfig(): string {
  const keys = [{ name: 'key1', secret: randomBytes(32).toString('base64') }];
  return stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources: ['secrets'], providers: [{ secretbox: { keys } }, { identity: {} }] }],
  });
}

/** The material as files, for every control plane alike. Private keys and the encryption key are 0600. */
export function sharedFiles(material: SharedMaterial): FileContent[] {
  const authorities = AUTHORITY_NAMES.flatMap((name) => pairFiles(name, material.authorities[name]));
  const { privateKey, publicKey } = material.serviceAccount;
  return [
    ...authorities,
    { path: SA_KEY_PATH, content: privateKey, mode: 0o600 },
    { path: SA_PUB_PATH, content: publicKey, mode: 0o644 },
    { path: ENCRYPTION_CONFIG_PATH, content: material.encryptionConfig, mode: 0o600 },
  ];
}

/** The two files of a certificate below pki/. The key comes first: where the certificate is, its key is too. */
export function pairFiles(name: string, pair: KeyPair): FileContent[] {
  return [
    { path: keyPath(name), content: pair.privateKey, mode: 0o600 },
    { path: certificatePath(name), content: pair.certificate, mode: 0o644 },
  ];
}

/**
 * The material from files of a control plane, by absolute path (SHARED_PATHS). Throws PKI_LOST when some are missing, and
 * PKI_INVALID when one is damaged or a key is not that of its certificate; no error contains a key.
 */
export function parseSharedMaterial(
  files: Readonly<Record<string, string | Uint8Array | undefined>>,
  ctx?: Pick<Context, 'redactor'>,
): SharedMaterial {
  const missing = SHARED_PATHS.filter((path) => files[path] === undefined || files[path].length === 0);
  if (missing.length > 0) {
    throw new QuorateError('PKI_LOST', `these shared files are missing or empty: ${missing.join(', ')}`, {
      data: { missing },
    });
  }
  const text = (path: string) => Buffer.from(files[path] ?? '').toString();
  const pairOf = (name: AuthorityName) => checkPair(name, text(certificatePath(name)), text(keyPath(name)));
  const material: SharedMaterial = {
    authorities: { ca: pairOf('ca'), 'etcd/ca': pairOf('etcd/ca'), 'front-proxy-ca': pairOf('front-proxy-ca') },
    serviceAccount: checkServiceAccount(text(SA_KEY_PATH), text(SA_PUB_PATH)),
    encryptionConfig: text(ENCRYPTION_CONFIG_PATH),
  };
  if (ctx) registerSecrets(ctx, material);
  return material;
}

function checkPair(name: AuthorityName, certificate: string, privateKey: string): KeyPair {
  const matches = usable(certificatePath(name), keyPath(name), () =>
    new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey)),
  );
  if (!matches) throw mismatch(keyPath(name), certificatePath(name));
  return { certificate, privateKey };
}

/** sa.pub may hold further keys, of tokens that an earlier key has signed. */
function checkServiceAccount(privateKey: string, publicKey: string): SharedMaterial['serviceAccount'] {
  const matches = usable(SA_PUB_PATH, SA_KEY_PATH, () => {
    const own = createPublicKey(privateKey);
    return (publicKey.match(PUBLIC_KEY) ?? []).some((pem) => createPublicKey(pem).equals(own));
  });
  if (!matches) throw mismatch(SA_KEY_PATH, SA_PUB_PATH);
  return { privateKey, publicKey };
}

function usable(publicPath: string, privatePath: string, check: () => boolean): boolean {
  try {
    return check();
  } catch (cause) {
    throw new QuorateError('PKI_INVALID', `${publicPath} or ${privatePath} is not valid PEM`, { cause });
  }
}

function mismatch(privatePath: string, publicPath: string): QuorateError {
  return new QuorateError('PKI_INVALID', `${privatePath} is not the private key of ${publicPath}`);
}

/** PEM keys are recognised by the redactor anyway; the encryption key and base64 of a key look like anything else. */
function registerSecrets(ctx: Pick<Context, 'redactor'>, material: SharedMaterial): void {
  const keys = [...Object.values(material.authorities), material.serviceAccount].map((pair) => pair.privateKey);
  for (const key of keys) ctx.redactor.add(Buffer.from(key).toString('base64'));
  for (const [, secret] of material.encryptionConfig.matchAll(/^\s*(?:- )?secret:\s*(\S+)/gm)) {
    if (secret !== undefined) ctx.redactor.add(secret);
  }
}

/**
 * The token that keeps members of different clusters apart (etcd --initial-cluster-token): unique to the etcd authority,
 * the same on every control plane, and known without having to be stored. `etcdAuthority` is PEM.
 */
export function etcdClusterToken(etcdAuthority: string, clusterName: string): string {
  const { raw } = new X509Certificate(etcdAuthority);
  return `${clusterName}-${createHash('sha256').update(raw).digest('hex').slice(0, 8)}`;
}
