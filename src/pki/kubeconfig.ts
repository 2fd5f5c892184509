import { stringify } from 'yaml';
import type { FileContent } from '../core/file.ts';
import { BOOTSTRAP_KUBELET_CONF_PATH, certificatePath, KUBELET_CLIENT_LINK, KUBELET_CONF_PATH } from './names.ts';
import type { KeyPair } from './types.ts';

/** How the user of a kubeconfig proves who they are: embedded certificate, PEM file on the machine, or token. */
export type Credentials = { readonly pair: KeyPair } | { readonly pemFile: string } | { readonly token: string };

/** What a kubeconfig says: one cluster, one user, one context. */
export interface KubeconfigParams {
  readonly cluster: string;
  readonly user: string;
  /** URL of the API server or endpoint. */
  readonly server: string;
  /** PEM of the cluster's authority. */
  readonly authority: string;
  readonly credentials: Credentials;
}

/** A kubeconfig as text, keys in the order in which kubectl writes them. Embedded data stays on one line. */
export function renderKubeconfig(params: KubeconfigParams): string {
  const { cluster, user, server } = params;
  // As kubeadm names it.
  const context = `${user}@${cluster}`;
  const data = {
    apiVersion: 'v1',
    clusters: [{ cluster: { 'certificate-authority-data': base64(params.authority), server }, name: cluster }],
    contexts: [{ context: { cluster, user }, name: context }],
    'current-context': context,
    kind: 'Config',
    users: [{ name: user, user: userData(params.credentials) }],
  };
  return stringify(data, { lineWidth: 0 });
}

function userData(credentials: Credentials): Record<string, string> {
  if ('token' in credentials) return { token: credentials.token };
  if ('pemFile' in credentials) {
    return { 'client-certificate': credentials.pemFile, 'client-key': credentials.pemFile };
  }
  const { certificate, privateKey } = credentials.pair;
  return { 'client-certificate-data': base64(certificate), 'client-key-data': base64(privateKey) };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The name of a cluster's context, cluster and user in a person's kubeconfig: quorate-NAME, as kind does it. */
export function contextName(clusterName: string): string {
  return `quorate-${clusterName}`;
}

/**
 * The kubelet's kubeconfig as kubeadm leaves it (phase kubelet-finalize): it points at the certificate that the kubelet
 * rotates, for an embedded one would still be read, expired, a year later (kubeadm issue 1753).
 */
export function kubeletConf(params: {
  readonly clusterName: string;
  readonly nodeName: string;
  readonly server: string;
  readonly authority: string;
}): FileContent {
  const content = renderKubeconfig({
    cluster: params.clusterName,
    user: `system:node:${params.nodeName}`,
    server: params.server,
    authority: params.authority,
    credentials: { pemFile: KUBELET_CLIENT_LINK.path },
  });
  return { path: KUBELET_CONF_PATH, content, mode: 0o600 };
}

/** What a worker's kubelet needs to ask for its certificate: the cluster's authority and a bootstrap token. */
export function bootstrapFiles(params: {
  readonly clusterName: string;
  readonly server: string;
  readonly authority: string;
  /** id.secret */
  readonly token: string;
}): FileContent[] {
  const content = renderKubeconfig({
    cluster: params.clusterName,
    user: 'tls-bootstrap-token-user',
    server: params.server,
    authority: params.authority,
    credentials: { token: params.token },
  });
  return [
    { path: certificatePath('ca'), content: params.authority, mode: 0o644 },
    { path: BOOTSTRAP_KUBELET_CONF_PATH, content, mode: 0o600 },
  ];
}
