// Where everything lies on a machine, beyond certificates (pki/names.ts). kubeadm's paths wherever kubeadm has one.

/** Static pods that the kubelet of a control plane runs. */
export const MANIFESTS_DIR = '/etc/kubernetes/manifests';
/** The API server's among them: written last of what it needs. */
export const API_SERVER_MANIFEST = `${MANIFESTS_DIR}/kube-apiserver.yaml`;
/** The static pod of a control plane's member of etcd. */
export const ETCD_MANIFEST = `${MANIFESTS_DIR}/etcd.yaml`;
/** etcd's data. A real disk, always. */
export const ETCD_DATA_DIR = '/var/lib/etcd';
/** Configuration files of the API server that are neither certificates nor manifests. */
export const APISERVER_CONFIG_DIR = '/etc/kubernetes/kube-apiserver';
/** What the API server records and what it leaves out. */
export const AUDIT_POLICY_PATH = `${APISERVER_CONFIG_DIR}/audit-policy.yaml`;
/** Which paths may be read without a credential. */
export const AUTHENTICATION_CONFIG_PATH = `${APISERVER_CONFIG_DIR}/authentication.yaml`;
/** Directory of the audit log. */
export const AUDIT_LOG_DIR = '/var/log/kubernetes/audit';
/** Socket of containerd's CRI service. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
/** HAProxy's administration socket, where requirements 3 looks for it. */
export const HAPROXY_STATS_SOCKET = '/var/lib/haproxy/stats';
/** Scripts that systemd units of quorate's run. */
export const SCRIPTS_DIR = '/usr/local/lib/quorate';
/** Names and addresses of the cluster's machines, one `name address` a line. */
export const MACHINES_PATH = '/etc/quorate/machines';
/** The name of the cluster that the machine is part of, a line. */
export const CLUSTER_PATH = '/etc/quorate/cluster';
/** There once the cluster has been whole: from then on an empty disk of a member is a loss. */
export const FORMED_PATH = '/etc/quorate/formed';
/** Certificates of stand-ins for lost members (ADR 0013), and the sign of a recovery that has not ended. */
export const STAND_IN_DIR = '/etc/quorate/stand-in';
/** What a machine ran before a change that has not proved good yet (phases/change/last-good.ts), and the file that says it is all there. */
export const LAST_GOOD_DIR = '/var/lib/quorate/last-good';
/** Written last, and synced: without it what lies beside it may be half a copy. */
export const LAST_GOOD_MARK = `${LAST_GOOD_DIR}/complete`;
/** The cluster as it is to be, complete, on every control plane: part of every backup. */
export const CLUSTER_FILE_PATH = '/etc/quorate/cluster.yaml';
/** What the script of backups reads. */
export const BACKUP_CONFIG_DIR = '/etc/quorate/backup';
/** age recipients that backups are sealed to, one a line. */
export const RECIPIENTS_PATH = `${BACKUP_CONFIG_DIR}/recipients`;
/** An age identity that is locked with a passphrase, ASCII armour; where the cluster has one, every label carries it. */
export const LOCKED_IDENTITY_PATH = `${BACKUP_CONFIG_DIR}/identity.age`;
/** Credentials of the bucket: a copy of the operator's file. */
export const S3_CREDENTIALS_PATH = `${BACKUP_CONFIG_DIR}/s3-credentials`;
/** What backups and rehearsals leave behind about themselves: state.json and rehearsal.json, as BackupState and RehearsalState. */
export const BACKUP_STATE_DIR = '/var/lib/quorate/backup';
/** Where node_exporter reads metrics from files by default (Debian's package). */
export const TEXTFILE_METRICS_DIR = '/var/lib/prometheus/node-exporter';
/** How the last renewal of certificates by the machine's own timer ended, as JSON. */
export const RENEWAL_STATE_PATH = '/var/lib/quorate/renewal/state.json';
/** systemd units. */
export const UNITS_DIR = '/etc/systemd/system';

/** etcd's ports: clients, peers, metrics (requirements 2). */
export const ETCD_CLIENT_PORT = 2379;
/** Members among themselves (requirements 2). */
export const ETCD_PEER_PORT = 2380;
/** Metrics and /health over plain HTTP, which need no client certificate (requirements 2). */
export const ETCD_METRICS_PORT = 2381;
/** UDP port of VXLAN in Linux, which flannel and requirements 2 use (IANA's 4789 is another). */
export const VXLAN_PORT = 8472;
