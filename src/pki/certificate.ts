// Issues certificates as kubeadm does (cmd/kubeadm/app/util/pkiutil/pki_helpers.go: NewSelfSignedCACert, NewSignedCert).
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Extension, Name, X509CertificateCreateWithKeyParams } from '@peculiar/x509';
import { importSigningKey, newPrivateKey, publicKeyDer } from './keys.ts';
import { canonicalSan } from './san.ts';
import type { KeyPair } from './types.ts';

/** Loaded when first used. */
type X509Library = typeof import('./x509.ts');

const DAY_MS = 86_400_000;
/** Ten years, kubeadm's CACertificateValidityPeriod. */
export const AUTHORITY_TTL_MS = 3650 * DAY_MS;
/** One year, kubeadm's CertificateValidityPeriod. */
export const LEAF_TTL_MS = 365 * DAY_MS;
/** Certificates are valid from five minutes ago, so that a clock a little behind accepts them (CertificateBackdate). */
export const BACKDATE_MS = 5 * 60_000;

/** What the holder of a certificate may do with it. */
export type Usage = 'server' | 'client';

/** What a leaf certificate says. */
export interface LeafRequest {
  readonly commonName: string;
  /** Groups, to Kubernetes. */
  readonly organizations: readonly string[];
  /** Host names and IP addresses. */
  readonly sans: readonly string[];
  readonly usages: readonly Usage[];
  /** Milliseconds from now; default one year. */
  readonly ttlMs?: number;
}

/** An authority, ready to sign: its key and name are parsed once for many certificates. */
export type Issuer = (request: LeafRequest, nowMs: number) => Promise<KeyPair>;

/** A fresh self-signed authority. Like kubeadm's, it carries its common name as DNS name too. */
export async function createAuthority(commonName: string, nowMs: number): Promise<KeyPair> {
  const x509 = await import('./x509.ts');
  const privateKey = await newPrivateKey();
  const publicKey = publicKeyDer(privateKey);
  const name = nameOf(x509, commonName, []);
  const certificate = await sign(x509, {
    ...validity(nowMs, AUTHORITY_TTL_MS),
    subject: name,
    issuer: name,
    publicKey,
    signingKey: await importSigningKey(privateKey),
    extensions: [
      keyUsage(x509, true),
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
      alternativeNames(x509, [commonName]),
    ],
  });
  return { certificate, privateKey };
}

/** Parses an authority. Throws PKI_INVALID for a key that cannot sign. */
export async function openAuthority(authority: KeyPair): Promise<Issuer> {
  const x509 = await import('./x509.ts');
  const certificate = new x509.X509Certificate(authority.certificate);
  const signingKey = await importSigningKey(authority.privateKey);
  const subjectKey = certificate.getExtension(x509.SubjectKeyIdentifierExtension);
  return async (request, nowMs) => {
    const privateKey = await newPrivateKey();
    const leaf = await sign(x509, {
      ...validity(nowMs, request.ttlMs ?? LEAF_TTL_MS),
      subject: nameOf(x509, request.commonName, request.organizations),
      issuer: certificate.subjectName,
      publicKey: publicKeyDer(privateKey),
      signingKey,
      extensions: [
        keyUsage(x509, false),
        extendedKeyUsage(x509, request.usages),
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...(subjectKey ? [new x509.AuthorityKeyIdentifierExtension(subjectKey.keyId)] : []),
        ...(request.sans.length > 0 ? [alternativeNames(x509, request.sans)] : []),
      ],
    });
    return { certificate: leaf, privateKey };
  };
}

async function sign(x509: X509Library, params: Omit<X509CertificateCreateWithKeyParams, 'serialNumber'>) {
  const serialNumber = newSerialNumber();
  const certificate = await x509.X509CertificateGenerator.create({ ...params, serialNumber }, webcrypto);
  return `${certificate.toString('pem')}\n`;
}

/** 126 random bits; the leading 01 keeps the number positive and its length fixed (RFC 5280: at most 20 octets). */
function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function validity(nowMs: number, ttlMs: number): { notBefore: Date; notAfter: Date } {
  const now = Math.floor(nowMs / 1000) * 1000;
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + ttlMs) };
}

function nameOf(x509: X509Library, commonName: string, organizations: readonly string[]): Name {
  const groups = organizations.map((organization) => ({ O: [attribute(organization)] }));
  return new x509.Name([...groups, { CN: [attribute(commonName)] }]);
}

/** Typed as Go would; a bare string would be read as an RFC 4514 expression, escapes and all. */
function attribute(value: string): { printableString: string } | { utf8String: string } {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? { printableString: value } : { utf8String: value };
}

/** Key encipherment has no meaning for ECDSA; kubeadm sets it whatever the algorithm, and checkers compare. */
function keyUsage(x509: X509Library, isAuthority: boolean): Extension {
  const { digitalSignature, keyEncipherment, keyCertSign } = x509.KeyUsageFlags;
  return new x509.KeyUsagesExtension(digitalSignature | keyEncipherment | (isAuthority ? keyCertSign : 0), true);
}

function extendedKeyUsage(x509: X509Library, usages: readonly Usage[]): Extension {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  return new x509.ExtendedKeyUsageExtension(usages.map((usage) => (usage === 'server' ? serverAuth : clientAuth)));
}

/** Names sorted, then addresses: kubeadm's order, so that certificates can be compared as text. */
function alternativeNames(x509: X509Library, sans: readonly string[]): Extension {
  const names = sans.filter((san) => isIP(san) === 0).sort();
  const addresses = sans.filter((san) => isIP(san) !== 0).map(canonicalSan);
  return new x509.SubjectAlternativeNameExtension([
    ...names.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ]);
}
