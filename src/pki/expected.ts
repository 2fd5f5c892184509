// The one table of certificates: issuing, checking and listing all read it. Identities and alternative names are kubeadm's
// (cmd/kubeadm/app/phases/certs/certlist.go, phases/kubeconfig/kubeconfig.go, util/pkiutil/pki_helpers.go).
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import type { Usage } from './certificate.ts';
import {
  API_SERVER_PORT,
  type AuthorityName,
  CLUSTER_ADMINS,
  certificatePath,
  KUBELET_CLIENT_LINK,
  KUBERNETES_DIR,
  SYSTEM_MASTERS,
} from './names.ts';

/** pair: .crt and .key below pki/. kubeconfig: both embedded in a .conf. kubelet: both in one .pem, which the kubelet rotates. */
export type CertificateKind = 'pair' | 'kubeconfig' | 'kubelet';

/** A certificate that a machine must have. */
export interface ExpectedCertificate {
  /** As in `kubeadm certs check-expiration`: apiserver, etcd-server, admin.conf. */
  readonly name: string;
  /** Where the certificate is read from. */
  readonly path: string;
  readonly kind: CertificateKind;
  readonly issuer: AuthorityName;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly sans: readonly string[];
  readonly usages: readonly Usage[];
  /** kubeconfig: the API server's URL in it. */
  readonly server?: string;
}

/** The API server on a control plane's own machine. */
export function localServer(machine: MachineSpec): string {
  return `https://${machine.address}:${API_SERVER_PORT}`;
}

/**
 * Every leaf certificate of a machine. Scheduler and controller-manager talk to their own machine's API server, people to the
 * endpoint. With external etcd its members' certificates are on its own machines.
 */
export function expectedCertificates(spec: ClusterSpec, machine: MachineSpec): readonly ExpectedCertificate[] {
  if (machine.role === 'etcd') return memberCertificates(machine);
  if (machine.role !== 'control-plane') return [];
  const local = localServer(machine);
  return [
    pair('apiserver', 'ca', 'kube-apiserver', ['server'], apiServerSans(spec, machine)),
    // No group: RBAC binds this user to system:kubelet-api-admin (kubeadm:apiserver-kubelet-client), as in kubeadm 1.36.
    pair('apiserver-kubelet-client', 'ca', 'kube-apiserver-kubelet-client', ['client']),
    pair('front-proxy-client', 'front-proxy-ca', 'front-proxy-client', ['client']),
    pair('apiserver-etcd-client', 'etcd/ca', 'kube-apiserver-etcd-client', ['client']),
    ...(spec.etcd.topology === 'stacked' ? memberCertificates(machine) : []),
    kubeconfig('admin.conf', spec.endpoint.url, 'kubernetes-admin', CLUSTER_ADMINS),
    kubeconfig('super-admin.conf', spec.endpoint.url, 'kubernetes-super-admin', SYSTEM_MASTERS),
    kubeconfig('controller-manager.conf', local, 'system:kube-controller-manager'),
    kubeconfig('scheduler.conf', local, 'system:kube-scheduler'),
    kubeletClient(machine),
  ];
}

/** The certificates of an etcd member. */
function memberCertificates(machine: MachineSpec): readonly ExpectedCertificate[] {
  const sans = unique([machine.name, 'localhost', machine.address, '127.0.0.1', '::1']);
  return [
    // etcd's own health check of its listener presents the server certificate as client (etcd issue 9785).
    pair('etcd/server', 'etcd/ca', machine.name, ['server', 'client'], sans),
    pair('etcd/peer', 'etcd/ca', machine.name, ['server', 'client'], sans),
    pair('etcd/healthcheck-client', 'etcd/ca', 'kube-etcd-healthcheck-client', ['client']),
  ];
}

function apiServerSans(spec: ClusterSpec, machine: MachineSpec): readonly string[] {
  return unique([
    machine.name,
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${spec.networking.dnsDomain}`,
    spec.networking.apiServiceIP,
    machine.address,
    spec.endpoint.host,
    ...spec.certSANs,
  ]);
}

function pair(
  file: string,
  issuer: AuthorityName,
  commonName: string,
  usages: readonly Usage[],
  sans: readonly string[] = [],
): ExpectedCertificate {
  const path = certificatePath(file);
  return { name: file.replace('/', '-'), path, kind: 'pair', issuer, commonName, organizations: [], sans, usages };
}

function kubeconfig(name: string, server: string, commonName: string, organization?: string): ExpectedCertificate {
  return {
    name,
    path: `${KUBERNETES_DIR}/${name}`,
    kind: 'kubeconfig',
    issuer: 'ca',
    commonName,
    organizations: organization === undefined ? [] : [organization],
    sans: [],
    usages: ['client'],
    server,
  };
}

/** The identity that the node authorizer knows the kubelet by, on every node. */
export function kubeletClient(machine: MachineSpec): ExpectedCertificate {
  return {
    name: 'kubelet-client',
    path: KUBELET_CLIENT_LINK.path,
    kind: 'kubelet',
    issuer: 'ca',
    commonName: `system:node:${machine.name}`,
    organizations: ['system:nodes'],
    sans: [],
    usages: ['client'],
  };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
