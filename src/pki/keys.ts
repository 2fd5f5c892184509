import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { QuorateError } from '../core/errors.ts';

const generate = promisify(generateKeyPair);

/**
 * A fresh ECDSA P-256 key, PEM in Go's own form ("EC PRIVATE KEY", SEC 1), which is what kubeadm writes under
 * `encryptionAlgorithm: ECDSA-P256`. Making one takes under a millisecond, an RSA 2048 key a hundred times that.
 */
export async function newPrivateKey(): Promise<string> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString();
}

/** The public half of a private key, PEM ("PUBLIC KEY"). */
export function publicKeyOf(privateKeyPem: string): string {
  return createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
}

/** The public half of a private key, DER. */
export function publicKeyDer(privateKeyPem: string): Uint8Array {
  return createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' });
}

/**
 * A private key as WebCrypto signs with it. Authorities made by kubeadm have RSA keys by default, so those work too.
 * Throws PKI_INVALID for a key of another kind.
 */
export async function importSigningKey(privateKeyPem: string): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(privateKeyPem);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, signingAlgorithm(key), false, ['sign']);
}

/** OpenSSL's names for the curves that WebCrypto knows. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function signingAlgorithm(key: KeyObject): webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams {
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (curve !== undefined) return { name: 'ECDSA', namedCurve: curve };
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  throw new QuorateError('PKI_INVALID', `an authority's key is of kind ${key.asymmetricKeyType}, not ECDSA or RSA`);
}
