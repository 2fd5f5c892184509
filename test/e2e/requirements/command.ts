// What the tables of the requirements' commands are made of.

/** One printed command. */
export interface RequirementCommand {
  /** 1 or 3: the text that prints it. */
  readonly text: 1 | 3;
  /** As it is printed there. */
  readonly printed: string;
  /** Run in a login shell. Addresses and names of the example are those of the test cluster; absent: as printed. */
  readonly command?: string;
  /** Default: cp1. `leader`: the control plane that holds the lease of the controller-manager. */
  readonly on?: 'cp1' | 'leader';
  /** What standard output and error have to show. */
  readonly expect: readonly RegExp[];
  /** What must not be shown. */
  readonly never?: readonly RegExp[];
  /** Default 0; null: whatever it is. */
  readonly exitCode?: number | null;
  /** What upstream has changed since, and what replaces the command. */
  readonly moved?: {
    readonly why: string;
    readonly command: string;
    readonly expect: readonly RegExp[];
  };
}

export const PKI = '/etc/kubernetes/pki/etcd';
export const CA = `--cacert=${PKI}/ca.crt`;
export const HEALTHCHECK = `${CA} --cert=${PKI}/healthcheck-client.crt --key=${PKI}/healthcheck-client.key`;
export const SERVER = `${CA} --cert=${PKI}/server.crt --key=${PKI}/server.key`;
export const ALL = '--endpoints=https://10.89.0.11:2379,https://10.89.0.12:2379,https://10.89.0.13:2379';
export const PRINTED_ALL = '--endpoints=https://10.0.1.10:2379,https://10.0.1.11:2379,https://10.0.1.12:2379';
export const SNAPSHOT = '/tmp/e2e-snapshot.db';
const FIELD = (name: string) => `<(kubectl config view --raw -o jsonpath='{.users[0].user.${name}}' | base64 -d)`;
/** Administrators, members of kubeadm:cluster-admins, may read metrics. */
export const ADMIN = `--cert ${FIELD('client-certificate-data')} --key ${FIELD('client-key-data')}`;

export const THREE_STARTED = [/started, cp1, /, /started, cp2, /, /started, cp3, /];
export const THREE_HEALTHY = [1, 2, 3].map((n) => new RegExp(`https://10\\.89\\.0\\.1${n}:2379 is healthy`));
export const ENDPOINTS_GONE =
  'leader election left Endpoints objects for Leases (gone since Kubernetes 1.24); such an object no longer exists';
export const STATUS_GONE = 'etcdctl 3.6 has no snapshot status and restore any more; etcdutl has';
export const METRICS_SECURE =
  'the insecure ports are gone (Kubernetes 1.24): the port speaks HTTPS and asks who you are';
export const ETCD_METRICS_HTTP =
  'etcd serves metrics over plain HTTP on 2381, on loopback and on the address of the node; the firewall lets only machines and pods of the cluster in';
export const HOLDER = (component: string) =>
  `kubectl get lease -n kube-system ${component} -o jsonpath='{.spec.holderIdentity}'`;
