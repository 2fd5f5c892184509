// kubeadm's file names and fixed identities (cmd/kubeadm/app/constants/constants.go, v1.36). Everything else follows from them.

/** Kubeconfigs of the components, and below it everything else of kubeadm's. */
export const KUBERNETES_DIR = '/etc/kubernetes';
/** Certificates and keys; etcd's are in etcd/ below it. */
export const PKI_DIR = '/etc/kubernetes/pki';

/** The key pair that service account tokens are signed and verified with. */
export const SA_KEY_PATH = '/etc/kubernetes/pki/sa.key';
/** The public half of it, for API servers that verify tokens. */
export const SA_PUB_PATH = '/etc/kubernetes/pki/sa.pub';

/** In a directory of its own, so that an API server's pod mounts the directory and sees a replaced file. */
export const ENCRYPTION_CONFIG_PATH = '/etc/kubernetes/enc/enc.yaml';

/** Where a node's kubelet first finds the token that it asks for its certificate with. */
export const BOOTSTRAP_KUBELET_CONF_PATH = '/etc/kubernetes/bootstrap-kubelet.conf';
/** A node's own kubeconfig. On a worker the kubelet writes it: where it exists, the node has joined. */
export const KUBELET_CONF_PATH = '/etc/kubernetes/kubelet.conf';

/** The port that every API server listens on, on its own machine's address (kubeadm's BindPort). */
export const API_SERVER_PORT = 6443;

/**
 * The kubelet's client certificate. Whoever writes `target` must make `path` a symbolic link to it: when the kubelet
 * rotates the certificate it refuses a regular file there ("expected … to be a symlink but it is a file",
 * k8s.io/client-go/util/certificate/certificate_store.go).
 */
export const KUBELET_CLIENT_LINK = {
  path: '/var/lib/kubelet/pki/kubelet-client-current.pem',
  target: '/var/lib/kubelet/pki/kubelet-client-initial.pem',
} as const;

/** The same for its serving certificate, which it asks the cluster for and which is only written by others when authorities rotate. */
export const KUBELET_SERVER_LINK = {
  path: '/var/lib/kubelet/pki/kubelet-server-current.pem',
  target: '/var/lib/kubelet/pki/kubelet-server-initial.pem',
} as const;

/** Members may do anything that RBAC's cluster-admin allows; revocable, because RBAC grants it. */
export const CLUSTER_ADMINS = 'kubeadm:cluster-admins';
/** Members bypass RBAC altogether; only super-admin.conf, for when RBAC itself is broken. */
export const SYSTEM_MASTERS = 'system:masters';

/** The three certificate authorities, by their file name below pki/. */
export type AuthorityName = 'ca' | 'etcd/ca' | 'front-proxy-ca';

/** Common name of each authority. */
export const AUTHORITIES: Readonly<Record<AuthorityName, string>> = {
  ca: 'kubernetes',
  'etcd/ca': 'etcd-ca',
  'front-proxy-ca': 'front-proxy-ca',
};

/** All authorities, in the order in which people list them. */
export const AUTHORITY_NAMES = Object.keys(AUTHORITIES) as readonly AuthorityName[];

/** Absolute path of a certificate below pki/. */
export function certificatePath(name: string): string {
  return `${PKI_DIR}/${name}.crt`;
}

/** Absolute path of a private key below pki/. */
export function keyPath(name: string): string {
  return `${PKI_DIR}/${name}.key`;
}

/** Files that machines share copies of: authorities, the service account key, the encryption configuration. */
export const SHARED_PATHS: readonly string[] = [
  ...AUTHORITY_NAMES.flatMap((name) => [certificatePath(name), keyPath(name)]),
  SA_KEY_PATH,
  SA_PUB_PATH,
  ENCRYPTION_CONFIG_PATH,
];
