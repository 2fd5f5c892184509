// Every certificate of a machine as a row: who it is, who signed it, when it ends, what is wrong with it, and where it is served.
import { X509Certificate } from 'node:crypto';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { type ExpectedCertificate, expectedCertificates, kubeletClient } from './expected.ts';
import { type CertificateInfo, daysLeft } from './inspect.ts';
import { AUTHORITY_NAMES, certificatePath, PKI_DIR } from './names.ts';
import { type CertificateProblem, certificateProblems } from './problems.ts';
import { readable, type ServedPort, splitPem } from './served.ts';

/** A certificate on a machine, as `quorate certs list` shows it. */
export interface CertificateRow {
  readonly machine: string;
  /** As kubeadm names it: apiserver, etcd-server, admin.conf, ca. */
  readonly name: string;
  readonly path: string;
  /** authority: signs others. leaf: issued by quorate or kubeadm. kubelet: the kubelet asks for it and rotates it itself. other: nobody's. */
  readonly kind: 'authority' | 'leaf' | 'kubelet' | 'other';
  readonly subject: string;
  /** The authority that signed it, by the signature: `ca`, `etcd-ca`; `self`; else what it says of itself. */
  readonly authority: string;
  /** ISO 8601. */
  readonly begins: string;
  readonly ends: string;
  /** Whole days, negative when it has ended. */
  readonly daysLeft: number;
  readonly sans: readonly string[];
  readonly serial: string;
  /** Lower-case hex SHA-256. */
  readonly fingerprint: string;
  /** Against what the cluster file asks for; empty for those that it says nothing about. */
  readonly problems: readonly CertificateProblem[];
  /** The ports that are to present it. */
  readonly served: readonly ServedPort[];
}

/** A certificate that cannot be read, or is not there although it has to be. */
export interface MissingCertificate {
  readonly machine: string;
  readonly name: string;
  readonly path: string;
  readonly problems: readonly CertificateProblem[];
}

/** What is known of one machine's certificates. */
export interface InventoryInput {
  readonly machine: MachineSpec;
  /** PEM by absolute path. */
  readonly certificates: Readonly<Record<string, string>>;
  readonly served: readonly ServedPort[];
}

/** All certificates of a machine. Those that ought to be there and cannot be read are listed apart. Pure. */
export function inventory(
  spec: ClusterSpec,
  { machine, certificates, served }: InventoryInput,
  nowMs: number,
): { readonly rows: readonly CertificateRow[]; readonly missing: readonly MissingCertificate[] } {
  const expected = new Map(leavesOf(spec, machine).map((leaf) => [leaf.path, leaf]));
  const problemsOf = (path: string): readonly CertificateProblem[] => {
    const leaf = expected.get(path);
    return leaf ? certificateProblems(leaf, certificates[path], certificates[certificatePath(leaf.issuer)], nowMs) : [];
  };
  const nameOf = (path: string) => expected.get(path)?.name ?? nameByPath(path);
  const paths = [...new Set([...Object.keys(certificates), ...expected.keys()])];
  const rows: CertificateRow[] = [];
  const missing: MissingCertificate[] = [];
  for (const path of paths) {
    const info = readable(certificates[path]);
    const about = { machine: machine.name, name: nameOf(path), path, problems: problemsOf(path) };
    if (info === undefined) {
      missing.push({ ...about, problems: about.problems.length > 0 ? about.problems : UNREADABLE });
      continue;
    }
    rows.push({
      ...about,
      kind: kindOf(path, expected.get(path)),
      ...factsOf(info, nowMs),
      authority: authorityOf(certificates, path, info),
      served: served.filter((port) => port.path === path),
    });
  }
  return { rows: rows.sort(byKindAndName), missing };
}

const UNREADABLE: readonly CertificateProblem[] = [{ kind: 'unreadable', detail: 'not a certificate' }];

/** The certificates that a machine must have. A worker's kubelet asks for its own, and keeps it where a control plane's does. */
export function leavesOf(spec: ClusterSpec, machine: MachineSpec): readonly ExpectedCertificate[] {
  return machine.role === 'worker' ? [kubeletClient(machine)] : expectedCertificates(spec, machine);
}

function factsOf(info: CertificateInfo, nowMs: number) {
  const { subject, sans, serial, fingerprint, notBefore, notAfter } = info;
  return {
    subject,
    begins: notBefore.toISOString(),
    ends: notAfter.toISOString(),
    daysLeft: daysLeft(info, nowMs),
    sans,
    serial,
    fingerprint,
  };
}

const AUTHORITY_PATHS = AUTHORITY_NAMES.map(certificatePath);
const KUBELET_PKI = '/var/lib/kubelet/pki/';

function kindOf(path: string, expected: ExpectedCertificate | undefined): CertificateRow['kind'] {
  if (AUTHORITY_PATHS.includes(path)) return 'authority';
  if (path.startsWith(KUBELET_PKI)) return 'kubelet';
  return expected === undefined ? 'other' : 'leaf';
}

/** `etcd/ca.crt` below pki/ is etcd-ca, as in `kubeadm certs check-expiration`; the kubelet's serving certificate is kubelet-server. */
function nameByPath(path: string): string {
  if (path.startsWith(KUBELET_PKI)) return path.slice(KUBELET_PKI.length).replace(/(-current)?\.pem$/, '');
  if (path.startsWith(`${PKI_DIR}/`)) return path.slice(PKI_DIR.length + 1, -'.crt'.length).replaceAll('/', '-');
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Only the signature tells: all clusters' authorities have the same names. */
function authorityOf(certificates: Readonly<Record<string, string>>, path: string, info: CertificateInfo): string {
  const certificate = new X509Certificate(certificates[path] ?? '');
  const signedBy = (pem: string) => {
    const authority = new X509Certificate(pem);
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  };
  if (info.subject === info.issuer && signedBy(certificates[path] ?? '')) return 'self';
  const found = AUTHORITY_NAMES.find((name) =>
    splitPem(certificates[certificatePath(name)] ?? '').some((pem) => tryOr(false, () => signedBy(pem))),
  );
  return found?.replace('/', '-') ?? `unknown (${info.issuer})`;
}

function tryOr<T>(otherwise: T, work: () => T): T {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

const ORDER: readonly CertificateRow['kind'][] = ['authority', 'leaf', 'kubelet', 'other'];

function byKindAndName(a: CertificateRow, b: CertificateRow): number {
  return ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.path.localeCompare(b.path);
}
