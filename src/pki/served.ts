// What ports present to those who connect, against what lies on disk: a file that was replaced counts once it is served.
import { createHash } from 'node:crypto';
import { type CertificateInfo, inspectCertificate } from './inspect.ts';

/** A port of a machine that presents a certificate. */
export interface ServingPort {
  /** Whose it is: `kube-apiserver`, `etcd client`. */
  readonly name: string;
  /** Address and port, as the machine itself reaches it. */
  readonly target: string;
  /** The file that it is to present; absent for one that is made in memory at the program's start. */
  readonly path?: string;
}

/**
 * same: as on disk. other: not what lies on disk now, most often the one that was there before. in-memory: signed by itself at the
 * program's start, and never on disk. silent: nothing answers there.
 */
export type ServedState = 'same' | 'other' | 'in-memory' | 'silent';

/** What a port presents. */
export interface ServedPort extends ServingPort {
  readonly state: ServedState;
  /** Lower-case hex SHA-256 of what it presents; absent while it is silent. */
  readonly fingerprint?: string;
  /** When that ends, ISO 8601. */
  readonly ends?: string;
}

/** What a port presents (PEM; undefined: no answer) against the certificates on disk (PEM by path). Pure. */
export function servedPort(
  port: ServingPort,
  presented: string | undefined,
  onDisk: Readonly<Record<string, string>>,
): ServedPort {
  const info = readable(presented);
  if (info === undefined) return { ...port, state: 'silent' };
  const { fingerprint, notAfter } = info;
  const seen = { ...port, fingerprint, ends: notAfter.toISOString() };
  if (port.path === undefined) return { ...seen, state: 'in-memory' };
  return { ...seen, state: readable(onDisk[port.path])?.fingerprint === fingerprint ? 'same' : 'other' };
}

/** What a certificate says; undefined for an absent or damaged one. */
export function readable(pem: string | undefined): CertificateInfo | undefined {
  if (pem === undefined || pem === '') return undefined;
  try {
    return inspectCertificate(pem);
  } catch {
    return undefined;
  }
}

/** Every certificate of a PEM text: while an authority is replaced its file holds two. */
export function splitPem(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

/** Hex SHA-256 of what a PEM text says, whatever its line ends; for texts that are to be equal. */
export function pemDigest(text: string): string {
  return createHash('sha256').update(splitPem(text).join('\n').replace(/\r/g, '')).digest('hex');
}
