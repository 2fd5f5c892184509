// Kubelets ask for serving certificates, and upstream deliberately approves none (kubernetes.io, "Kubelet TLS
// bootstrapping"). A request is approved here when it can only be what it says: from that node, for that node's own names.
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import type { ClusterSpec } from '../spec/types.ts';
import type { KubeClient } from './client.ts';

const SIGNER = 'kubernetes.io/kubelet-serving';
const NODE_PREFIX = 'system:node:';
/** Object identifier of the extension (RFC 5280, 4.2.1.6). */
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
/** What the signer allows (kubernetes.io, "Certificate Signing Requests"). */
const ALLOWED_USAGES = ['key encipherment', 'digital signature', 'server auth'];

/** The parts of a PKCS #10 request that decide. */
export interface RequestSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** DNS names and IP addresses asked for. */
  readonly sans: readonly string[];
  /** Names of other kinds (mail, URI) make a request unacceptable. */
  readonly hasOtherSans: boolean;
}

/** Why a request must not be approved; undefined when it may. Pure. */
export function refusalReason(
  spec: ClusterSpec,
  request: Pick<V1CertificateSigningRequest, 'spec'>,
  subject: RequestSubject,
): string | undefined {
  const { username = '', groups = [], usages = [] } = request.spec;
  const name = username.startsWith(NODE_PREFIX) ? username.slice(NODE_PREFIX.length) : '';
  const machine = spec.machines.find((candidate) => candidate.name === name);
  if (!machine) return `asked for by ${username || 'nobody'}, who is no node of this cluster`;
  if (!groups.includes('system:nodes')) return `${username} is not in the group system:nodes`;
  if (subject.commonName !== username) return `made out to ${subject.commonName}, asked for by ${username}`;
  if (subject.organizations.join() !== 'system:nodes') return 'its organization is not system:nodes alone';
  const usage = usages.find((candidate) => !ALLOWED_USAGES.includes(candidate));
  if (usage !== undefined) return `asks for the usage "${usage}"`;
  // Kubelets run with --node-ip, so a node has exactly these two names, also where the virtual IP is.
  const stranger = subject.sans.find((san) => san !== machine.name && san !== machine.address);
  if (stranger !== undefined) return `asks for the name ${stranger}, which is not ${machine.name}'s`;
  if (subject.hasOtherSans) return 'asks for names that are neither DNS names nor IP addresses';
  return subject.sans.length === 0 ? 'asks for no name at all' : undefined;
}

/** Approves what may be approved. Returns the machines that have an approved request now. */
export async function approveServingRequests(kube: KubeClient, spec: ClusterSpec): Promise<string[]> {
  const api = kube.api(kube.library.CertificatesV1Api);
  const list = await kube.request('list certificate requests', () =>
    api.listCertificateSigningRequest({ fieldSelector: `spec.signerName=${SIGNER}` }),
  );
  const approved: string[] = [];
  for (const request of list.items) {
    const machine = (request.spec.username ?? '').slice(NODE_PREFIX.length);
    if (isDecided(request, 'Denied')) continue;
    if (!isDecided(request, 'Approved')) {
      const subject = await readSubject(Buffer.from(request.spec.request, 'base64').toString());
      if (refusalReason(spec, request, subject) !== undefined) continue;
      await approve(kube, request);
    }
    approved.push(machine);
  }
  return approved;
}

function isDecided(request: V1CertificateSigningRequest, type: 'Approved' | 'Denied'): boolean {
  return request.status?.conditions?.some((condition) => condition.type === type) ?? false;
}

async function approve(kube: KubeClient, request: V1CertificateSigningRequest): Promise<void> {
  const name = request.metadata?.name ?? '';
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'QuorateServingCertificate',
    message: "from the node itself, for the node's own names",
    lastUpdateTime: new Date(),
  };
  const body = { ...request, status: { ...request.status, conditions: [condition] } };
  await kube.request(`approve ${name}`, () =>
    kube.api(kube.library.CertificatesV1Api).replaceCertificateSigningRequestApproval({ name, body }),
  );
}

/** Reads a PEM request. */
export async function readSubject(pem: string): Promise<RequestSubject> {
  const x509 = await import('../pki/x509.ts');
  const request = new x509.Pkcs10CertificateRequest(pem);
  const raw = request.getExtension(SUBJECT_ALTERNATIVE_NAME);
  const names = raw ? new x509.SubjectAlternativeNameExtension(raw.rawData).names.toJSON() : [];
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    sans: names.filter(({ type }) => type === 'dns' || type === 'ip').map(({ value }) => value),
    hasOtherSans: names.some(({ type }) => type !== 'dns' && type !== 'ip'),
  };
}
