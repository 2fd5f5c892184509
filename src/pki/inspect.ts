import { createHash, X509Certificate } from 'node:crypto';
import { messageOf, QuorateError } from '../core/errors.ts';
import { perObject } from '../core/per-object.ts';
import { canonicalSan } from './san.ts';

/** What a certificate says. */
export interface CertificateInfo {
  /** `O=system:nodes, CN=system:node:cp1`, in the certificate's own order. */
  readonly subject: string;
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** DNS names and IP addresses, the latter in their shortest form. */
  readonly sans: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The issuer's subject, written like `subject`. Every cluster's authority has the same one: it identifies nothing. */
  readonly issuer: string;
  readonly isCA: boolean;
  /** Upper-case hex. */
  readonly serial: string;
  /** Lower-case hex SHA-256 of the certificate (DER). */
  readonly fingerprint: string;
}

const DAY_MS = 86_400_000;

/** Reads the first certificate of a PEM text. Throws PKI_INVALID when there is none. */
export function inspectCertificate(pem: string): CertificateInfo {
  const certificate = parseCertificate(pem);
  const subject = certificate.toLegacyObject().subject as unknown as Record<string, string | string[] | undefined>;
  return {
    subject: oneLine(certificate.subject),
    commonName: listOf(subject.CN).at(-1) ?? '',
    organizations: listOf(subject.O),
    sans: parseSans(certificate.subjectAltName ?? ''),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    issuer: oneLine(certificate.issuer),
    isCA: certificate.ca,
    serial: certificate.serialNumber,
    fingerprint: createHash('sha256').update(certificate.raw).digest('hex'),
  };
}

/** As node:crypto parses it. Throws PKI_INVALID for anything that is not a certificate. */
export function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new QuorateError('PKI_INVALID', `not a certificate in PEM form: ${messageOf(cause)}`, { cause });
  }
}

/** Whole days until it expires, rounded down; negative when it has expired. */
export function daysLeft(certificate: Pick<CertificateInfo, 'notAfter'>, nowMs: number = Date.now()): number {
  return Math.floor((certificate.notAfter.getTime() - nowMs) / DAY_MS);
}

/** When each certificate of a machine ends, milliseconds since the Unix epoch; undefined for one that cannot be read. */
const endsByPath = perObject((certificates: Readonly<Record<string, string>>) =>
  Object.entries(certificates).map(([path, pem]) => ({ path, endsMs: endOf(pem) })),
);

function endOf(pem: string): number | undefined {
  try {
    return Date.parse(parseCertificate(pem).validTo);
  } catch {
    return undefined;
  }
}

/**
 * The days left of a machine's certificates (PEM by path). An unreadable one has none left. They are parsed once for all who ask:
 * of `status` with hundreds of machines, parsing is most of the work.
 */
export function daysLeftByPath(
  certificates: Readonly<Record<string, string>>,
  nowMs: number,
): readonly { readonly path: string; readonly days: number }[] {
  return endsByPath(certificates).map(({ path, endsMs }) => ({
    path,
    days: endsMs === undefined ? 0 : daysLeft({ notAfter: new Date(endsMs) }, nowMs),
  }));
}

/**
 * The hash that a joining node pins the cluster's authority by (`kubeadm join --discovery-token-ca-cert-hash`):
 * `sha256:` and the hex SHA-256 of its public key (SubjectPublicKeyInfo).
 */
export function caHash(pem: string): string {
  const spki = parseCertificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

/** Node's text: `DNS:kubernetes, IP Address:10.43.0.1`; names with a comma come quoted, and are none of ours. */
function parseSans(text: string): string[] {
  return text.split(', ').flatMap((entry) => {
    const [, value] = /^(?:DNS|IP Address):(.+)$/.exec(entry) ?? [];
    return value === undefined ? [] : [canonicalSan(value)];
  });
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** Node prints one attribute a line. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}
