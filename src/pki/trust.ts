// A file of trusted authorities may hold several certificates; what counts is which ones, not their order.
import { createHash, X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, each a text of its own, in their order. What lies between them is dropped. */
export function certificatesIn(pem: string): readonly string[] {
  return (pem.match(CERTIFICATE) ?? []).map((block) => `${block}\n`);
}

/** Hex SHA-256 of the set of certificates in a PEM text, whatever their order; the same for a text without any. */
export function trustDigest(pem: string | undefined): string {
  const prints = certificatesIn(pem ?? '').map((block) => {
    try {
      return new X509Certificate(block).fingerprint256;
    } catch {
      return block;
    }
  });
  return createHash('sha256')
    .update([...new Set(prints)].sort().join('\n'))
    .digest('hex');
}
