// Compares the table of expected certificates with what lies on a machine, so that a phase can decide what to issue again.
import type { X509Certificate } from 'node:crypto';
import { formatDuration } from '../core/wait.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { type ExpectedCertificate, expectedCertificates } from './expected.ts';
import { type CertificateInfo, daysLeft, inspectCertificate, parseCertificate } from './inspect.ts';
import { certificatePath } from './names.ts';
import { canonicalSan } from './san.ts';
import { trustDigest } from './trust.ts';

/**
 * A certificate is renewed when fewer days than this are left. Leaves live 365 days and kubeadm renews them at each
 * upgrade, about every four months; a month leaves several chances to run `up` before anything stops working. The kubelet
 * rotates its own long before that (70 to 90 % of its life), so there it means that rotation is broken.
 */
export const RENEW_BELOW_DAYS = 30;

/** Each of them is a reason to issue again. expiring: less than RENEW_BELOW_DAYS are left. */
export type CertificateProblemKind =
  | 'missing'
  | 'unreadable'
  | 'wrong-issuer'
  | 'wrong-authority'
  | 'wrong-subject'
  | 'san-missing'
  | 'not-yet-valid'
  | 'expired'
  | 'expiring';

/** One thing that is wrong with a certificate. */
export interface CertificateProblem {
  readonly kind: CertificateProblemKind;
  /** For the plan: `expires in 12 days`. */
  readonly detail: string;
}

/**
 * What is wrong with a certificate; an empty list means that it can stay. `actual` and `authority` are PEM as found on the
 * machine. Names beyond the expected ones are no problem. Pure; a text that is no certificate is a problem, not an error.
 */
export function certificateProblems(
  expected: ExpectedCertificate,
  actual: string | undefined,
  authority: string | undefined,
  nowMs: number,
): readonly CertificateProblem[] {
  if (actual === undefined || actual === '') return [problem('missing', 'not there yet')];
  const certificate = tryParse(actual);
  if (!certificate) return [problem('unreadable', 'not a certificate')];
  const info = inspectCertificate(actual);
  return [
    ...issuerProblems(certificate, authority, expected),
    ...subjectProblems(expected, info),
    ...sanProblems(expected, info),
    ...validityProblems(info, nowMs),
  ];
}

/**
 * A control plane's certificates that need to be issued, with the reasons. `certificates` is PEM by absolute path, `authorities` what
 * kubeconfigs trust, likewise: one that trusts others than the cluster's authorities as they are now is made anew.
 */
export function certificatesToIssue(
  spec: ClusterSpec,
  machine: MachineSpec,
  certificates: Readonly<Record<string, string>>,
  nowMs: number,
  authorities: Readonly<Record<string, string>> = {},
): readonly { readonly expected: ExpectedCertificate; readonly problems: readonly CertificateProblem[] }[] {
  return expectedCertificates(spec, machine)
    .map((expected) => {
      const authority = certificates[certificatePath(expected.issuer)];
      const problems = certificateProblems(expected, certificates[expected.path], authority, nowMs);
      return { expected, problems: [...problems, ...trustProblems(expected, authorities[expected.path], authority)] };
    })
    .filter(({ problems }) => problems.length > 0);
}

function trustProblems(
  { kind, issuer }: ExpectedCertificate,
  embedded: string | undefined,
  authority: string | undefined,
): CertificateProblem[] {
  if (kind !== 'kubeconfig' || embedded === undefined || authority === undefined) return [];
  if (trustDigest(embedded) === trustDigest(authority)) return [];
  return [problem('wrong-authority', `trusts others than ${certificatePath(issuer)}`)];
}

/** Only the signature tells: all clusters' authorities have the same name. */
function issuerProblems(
  certificate: X509Certificate,
  authorityPem: string | undefined,
  { issuer }: ExpectedCertificate,
): CertificateProblem[] {
  const authority = authorityPem === undefined ? undefined : tryParse(authorityPem);
  if (!authority) return [problem('wrong-issuer', `${certificatePath(issuer)} is not there to check it against`)];
  const signed = certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  return signed ? [] : [problem('wrong-issuer', `not issued by ${certificatePath(issuer)}`)];
}

function subjectProblems(expected: ExpectedCertificate, info: CertificateInfo): CertificateProblem[] {
  const sameGroups = [...info.organizations].sort().join('\n') === [...expected.organizations].sort().join('\n');
  if (info.commonName === expected.commonName && sameGroups) return [];
  const wanted = [...expected.organizations.map((group) => `O=${group}`), `CN=${expected.commonName}`].join(', ');
  return [problem('wrong-subject', `issued to ${info.subject}, not ${wanted}`)];
}

function sanProblems(expected: ExpectedCertificate, info: CertificateInfo): CertificateProblem[] {
  const missing = expected.sans.filter((san) => !info.sans.includes(canonicalSan(san)));
  return missing.length === 0 ? [] : [problem('san-missing', `not valid for ${missing.join(', ')}`)];
}

function validityProblems(info: CertificateInfo, nowMs: number): CertificateProblem[] {
  const early = info.notBefore.getTime() - nowMs;
  if (early > 0) return [problem('not-yet-valid', `valid only in ${formatDuration(early)}`)];
  if (info.notAfter.getTime() <= nowMs) return [problem('expired', `expired on ${dayOf(info.notAfter)}`)];
  const days = daysLeft(info, nowMs);
  return days < RENEW_BELOW_DAYS ? [problem('expiring', `expires in ${days} days, on ${dayOf(info.notAfter)}`)] : [];
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function problem(kind: CertificateProblemKind, detail: string): CertificateProblem {
  return { kind, detail };
}

function tryParse(pem: string): X509Certificate | undefined {
  try {
    return parseCertificate(pem);
  } catch {
    return undefined;
  }
}
