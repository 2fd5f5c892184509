// Every command that the requirements print for checking a cluster, as data: 03-requirements.test.ts runs them, and
// docs/requirements-commands.md is this table in words.

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

const PKI = '/etc/kubernetes/pki/etcd';
const CA = `--cacert=${PKI}/ca.crt`;
const HEALTHCHECK = `${CA} --cert=${PKI}/healthcheck-client.crt --key=${PKI}/healthcheck-client.key`;
const SERVER = `${CA} --cert=${PKI}/server.crt --key=${PKI}/server.key`;
const ALL = '--endpoints=https://10.89.0.11:2379,https://10.89.0.12:2379,https://10.89.0.13:2379';
const PRINTED_ALL = '--endpoints=https://10.0.1.10:2379,https://10.0.1.11:2379,https://10.0.1.12:2379';
const SNAPSHOT = '/tmp/e2e-snapshot.db';
/** Members of kubeadm:cluster-admins may read metrics. */
const ADMIN =
  '--cert /etc/kubernetes/pki/apiserver-kubelet-client.crt --key /etc/kubernetes/pki/apiserver-kubelet-client.key';

const THREE_STARTED = [/started, cp1, /, /started, cp2, /, /started, cp3, /];
const THREE_HEALTHY = [1, 2, 3].map((n) => new RegExp(`https://10\\.89\\.0\\.1${n}:2379 is healthy`));
const ENDPOINTS_GONE =
  'leader election left Endpoints objects for Leases (gone since Kubernetes 1.24); such an object no longer exists';
const STATUS_GONE = 'etcdctl 3.6 has no snapshot status and restore any more; etcdutl has';
const METRICS_SECURE = 'the insecure ports are gone (Kubernetes 1.24): the port speaks HTTPS and asks who you are';
const ETCD_METRICS_HTTP =
  '--listen-metrics-urls is http://0.0.0.0:2381, as the same text configures it: metrics and health without certificates, closed to the outside';
const HOLDER = (component: string) =>
  `kubectl get lease -n kube-system ${component} -o jsonpath='{.spec.holderIdentity}'`;

export const REQUIREMENT_COMMANDS: readonly RequirementCommand[] = [
  {
    text: 1,
    printed: 'kubectl get nodes -o wide',
    expect: [/cp1 +Ready/, /cp3 +Ready/, /w2 +Ready/],
    never: [/NotReady/],
  },
  {
    text: 1,
    printed: 'kubectl get pods -n kube-system -o wide',
    expect: [
      /kube-apiserver-cp1 +1\/1/,
      /kube-controller-manager-cp2 +1\/1/,
      /kube-scheduler-cp3 +1\/1/,
      /etcd-cp3 +1\/1/,
    ],
  },
  {
    text: 1,
    printed: 'kubectl get endpoints -n kube-system',
    expect: [/kube-dns +10\.42\./],
    moved: {
      why: 'Endpoints still answer but are deprecated since Kubernetes 1.33 in favour of EndpointSlices',
      command: 'kubectl get endpointslices -n kube-system',
      expect: [/kube-dns-\w+ +IPv4/],
    },
  },
  {
    text: 1,
    printed: 'kubectl get leases -n kube-system',
    expect: [/kube-controller-manager +cp[123]_/, /kube-scheduler +cp[123]_/],
  },
  {
    text: 1,
    printed: 'kubectl describe lease kube-controller-manager -n kube-system',
    expect: [/Holder Identity: +cp[123]_/, /Lease Duration Seconds: +15/],
  },
  {
    text: 1,
    printed: 'kubectl describe lease kube-scheduler -n kube-system',
    expect: [/Holder Identity: +cp[123]_/, /Lease Duration Seconds: +15/],
  },
  {
    text: 1,
    printed: 'cat /etc/kubernetes/manifests/kube-apiserver.yaml',
    expect: [/kind: Pod/, /--etcd-servers=https:\/\//, /--etcd-cafile=\/etc\/kubernetes\/pki\/etcd\/ca\.crt/],
  },
  { text: 1, printed: 'ETCDCTL_API=3 etcdctl member list', expect: THREE_STARTED },
  { text: 1, printed: 'ETCDCTL_API=3 etcdctl endpoint health --cluster', expect: THREE_HEALTHY },
  {
    text: 1,
    printed: `ETCDCTL_API=3 etcdctl snapshot save snapshot.db --endpoints=https://127.0.0.1:2379 ${SERVER}`,
    command: `cd /tmp && ETCDCTL_API=3 etcdctl snapshot save ${SNAPSHOT} --endpoints=https://127.0.0.1:2379 ${SERVER}`,
    expect: [/Snapshot saved at/],
  },
  {
    text: 1,
    printed: 'ETCDCTL_API=3 etcdctl snapshot status snapshot.db',
    command: `ETCDCTL_API=3 etcdctl snapshot status ${SNAPSHOT}`,
    exitCode: null,
    expect: [/etcdctl snapshot <subcommand>/],
    moved: {
      why: STATUS_GONE,
      command: `etcdutl snapshot status ${SNAPSHOT} --write-out=table`,
      expect: [/HASH.*REVISION.*TOTAL KEYS/],
    },
  },
  {
    text: 3,
    printed: `ETCDCTL_API=3 etcdctl endpoint health ${PRINTED_ALL} ${HEALTHCHECK}`,
    command: `ETCDCTL_API=3 etcdctl endpoint health ${ALL} ${HEALTHCHECK}`,
    expect: THREE_HEALTHY,
  },
  {
    text: 3,
    printed: `ETCDCTL_API=3 etcdctl member list --endpoints=https://10.0.1.10:2379 ${HEALTHCHECK}`,
    command: `ETCDCTL_API=3 etcdctl member list --endpoints=https://10.89.0.11:2379 ${HEALTHCHECK}`,
    expect: THREE_STARTED,
  },
  {
    text: 3,
    printed: 'curl -L https://10.0.1.10:2381/metrics | grep etcd_disk_wal_fsync_duration',
    command: 'curl -L https://10.89.0.11:2381/metrics | grep etcd_disk_wal_fsync_duration',
    exitCode: null,
    expect: [/curl: \(35\)|wrong version number/],
    moved: {
      why: ETCD_METRICS_HTTP,
      command: 'curl -sL http://10.89.0.11:2381/metrics | grep etcd_disk_wal_fsync_duration',
      expect: [/etcd_disk_wal_fsync_duration_seconds_count \d/],
    },
  },
  {
    text: 3,
    printed: `ETCDCTL_API=3 etcdctl endpoint status --endpoints=https://10.0.1.10:2379 ${HEALTHCHECK} --write-out=table`,
    command: `ETCDCTL_API=3 etcdctl endpoint status --endpoints=https://10.89.0.11:2379 ${HEALTHCHECK} --write-out=table`,
    expect: [/DB SIZE/, /https:\/\/10\.89\.0\.11:2379 /],
  },
  { text: 3, printed: 'systemctl enable --now haproxy', expect: [] },
  {
    text: 3,
    printed: 'curl -k https://loadbalancer:6443/healthz',
    command: 'curl -k https://10.89.0.10:6443/healthz',
    expect: [/ok/],
  },
  {
    text: 3,
    printed: 'curl -k https://api-server:6443/livez',
    command: 'curl -k https://10.89.0.12:6443/livez',
    expect: [/ok/],
  },
  {
    text: 3,
    printed: 'curl -k https://api-server:6443/readyz',
    command: 'curl -k https://10.89.0.13:6443/readyz',
    expect: [/ok/],
  },
  {
    text: 3,
    printed: 'kubectl get nodes -l node-role.kubernetes.io/control-plane',
    expect: [/cp1 +Ready/, /cp2 +Ready/, /cp3 +Ready/],
    never: [/w1/],
  },
  {
    text: 3,
    printed: `kubectl -n kube-system exec etcd-master1 -- etcdctl --endpoints=https://127.0.0.1:2379 ${SERVER} member list`,
    command: `kubectl -n kube-system exec etcd-cp1 -- etcdctl --endpoints=https://127.0.0.1:2379 ${SERVER} member list`,
    expect: THREE_STARTED,
  },
  { text: 3, printed: 'kubectl get nodes', expect: [/cp1 +Ready/, /w1 +Ready/] },
  { text: 3, printed: 'kubectl get lease -n kube-system', expect: [/kube-controller-manager +cp[123]_/] },
  {
    text: 3,
    printed: 'kubectl logs -n kube-system kube-controller-manager-master1 | grep leader',
    command: 'kubectl logs -n kube-system kube-controller-manager-cp1 | grep leader',
    expect: [/leaderelection/],
  },
  {
    text: 3,
    printed: 'kubectl logs -n kube-system kube-scheduler-master1 | grep leader',
    command: 'kubectl logs -n kube-system kube-scheduler-cp1 | grep leader',
    expect: [/leaderelection/],
  },
  {
    text: 3,
    printed: 'curl -L https://10.0.1.20:2381/metrics | grep etcd_server_is_leader',
    command: 'curl -L https://10.89.0.11:2381/metrics | grep etcd_server_is_leader',
    exitCode: null,
    expect: [/curl: \(35\)|wrong version number/],
    moved: {
      why: ETCD_METRICS_HTTP,
      command:
        'for n in 1 2 3; do curl -sL http://10.89.0.1$n:2381/metrics | grep "^etcd_server_is_leader"; done | sort',
      expect: [/^etcd_server_is_leader 0\netcd_server_is_leader 0\netcd_server_is_leader 1$/],
    },
  },
  {
    text: 3,
    printed: 'curl -k https://10.0.1.10:6443/livez',
    command: 'curl -k https://10.89.0.11:6443/livez',
    expect: [/ok/],
  },
  {
    text: 3,
    printed: 'curl -k https://10.0.1.10:6443/readyz',
    command: 'curl -k https://10.89.0.11:6443/readyz',
    expect: [/ok/],
  },
  {
    text: 3,
    printed: 'curl -k https://10.0.1.10:6443/metrics | grep apiserver_request_duration',
    command: 'curl -k https://10.89.0.11:6443/metrics | grep apiserver_request_duration',
    exitCode: 1,
    expect: [],
    never: [/apiserver_request_duration_seconds_count/],
    moved: {
      why: 'metrics are for clients that say who they are (RBAC: nonResourceURLs /metrics)',
      command: 'kubectl get --raw /metrics | grep apiserver_request_duration',
      expect: [/apiserver_request_duration_seconds_count/],
    },
  },
  ...['kube-controller-manager', 'kube-scheduler'].map(
    (component): RequirementCommand => ({
      text: 3,
      printed: `kubectl get endpoints -n kube-system ${component} -o yaml`,
      exitCode: 1,
      expect: [/NotFound/],
      moved: { why: ENDPOINTS_GONE, command: HOLDER(component), expect: [/^cp[123]_/] },
    }),
  ),
  {
    text: 3,
    printed: 'curl http://10.0.1.10:10257/metrics',
    command: 'curl http://10.89.0.11:10257/metrics',
    exitCode: null,
    expect: [/HTTP request to an HTTPS server/],
    moved: {
      why: METRICS_SECURE,
      command: `curl -sk ${ADMIN} https://10.89.0.11:10257/metrics | grep -m1 '^leader_election_master_status'`,
      expect: [/leader_election_master_status\{name="kube-controller-manager"\} [01]/],
    },
  },
  {
    text: 3,
    printed: 'curl http://10.0.1.10:10259/metrics',
    command: 'curl http://10.89.0.11:10259/metrics',
    exitCode: null,
    expect: [/HTTP request to an HTTPS server/],
    moved: {
      why: METRICS_SECURE,
      command: `curl -sk ${ADMIN} https://10.89.0.11:10259/metrics | grep -m1 '^leader_election_master_status'`,
      expect: [/leader_election_master_status\{name="kube-scheduler"\} [01]/],
    },
  },
  {
    text: 3,
    printed: `ETCDCTL_API=3 etcdctl endpoint status ${PRINTED_ALL.replaceAll('.1.1', '.1.2')} ${HEALTHCHECK} --write-out=table`,
    command: `ETCDCTL_API=3 etcdctl endpoint status ${ALL} ${HEALTHCHECK} --write-out=table`,
    expect: [/IS LEADER/, /(?:\| +(?:true|false) \| +false \|[^\n]*\n?){3}/],
  },
  { text: 3, printed: 'iostat -x 1 5', command: 'iostat -x 1 2', expect: [/%util/] },
  {
    text: 3,
    printed: 'curl -L https://10.0.1.20:2381/metrics | grep -E "(fsync_duration|backend_commit_duration)"',
    command: 'curl -L https://10.89.0.11:2381/metrics | grep -E "(fsync_duration|backend_commit_duration)"',
    exitCode: null,
    expect: [/curl: \(35\)|wrong version number/],
    moved: {
      why: ETCD_METRICS_HTTP,
      command: 'curl -sL http://10.89.0.11:2381/metrics | grep -E "(fsync_duration|backend_commit_duration)"',
      expect: [/etcd_disk_backend_commit_duration_seconds_count \d/],
    },
  },
  {
    text: 3,
    printed: 'journalctl -u etcd -f | grep -E "(slow|timeout|failed)"',
    command: 'journalctl -u etcd | grep -E "(slow|timeout|failed)"',
    exitCode: 1,
    expect: [],
    moved: {
      why: 'a stacked etcd is a static pod, as the same text sets it up, so its log is a pod log; the command above is for an etcd with a unit of its own',
      command: 'kubectl logs -n kube-system etcd-cp1 | grep -cE "(slow|timeout|failed|ready to serve)"',
      expect: [/^[1-9]/],
    },
  },
  {
    text: 3,
    printed: 'echo "show stat" | socat stdio /var/lib/haproxy/stats',
    expect: [/kube-apiserver,cp1,[^\n]*,UP,/, /kube-apiserver,cp2,[^\n]*,UP,/, /kube-apiserver,cp3,[^\n]*,UP,/],
  },
  ...[1, 2, 3].map(
    (n): RequirementCommand => ({
      text: 3,
      printed: `curl -k https://10.0.1.1${n - 1}:6443/healthz`,
      command: `curl -k https://10.89.0.1${n}:6443/healthz`,
      expect: [/ok/],
    }),
  ),
  {
    text: 3,
    printed: 'curl -k https://10.0.1.100:6443/healthz',
    command: 'curl -k https://10.89.0.10:6443/healthz',
    expect: [/ok/],
  },
  {
    text: 3,
    printed: 'openssl x509 -in /etc/kubernetes/pki/apiserver.crt -text -noout | grep -A2 "Not After"',
    expect: [/Not After : .* GMT/],
  },
  {
    text: 3,
    printed: 'openssl s_client -connect 10.0.1.10:6443 -servername kubernetes',
    command:
      'openssl s_client -connect 10.89.0.11:6443 -servername kubernetes -CAfile /etc/kubernetes/pki/ca.crt </dev/null',
    expect: [/subject=CN = kube-apiserver/, /Verify return code: 0 \(ok\)/],
  },
  {
    text: 3,
    printed: 'kubectl logs -n kube-system kube-controller-manager-master1 | grep "became leader"',
    command: `kubectl logs -n kube-system kube-controller-manager-$(hostname) | grep "became leader"`,
    on: 'leader',
    expect: [/became leader/],
  },
  {
    text: 3,
    printed: 'kubectl logs -n kube-system kube-controller-manager-master1 | grep "lost leader"',
    command: `kubectl logs -n kube-system kube-controller-manager-$(hostname) | grep "lost leader"`,
    on: 'leader',
    exitCode: 1,
    expect: [],
  },
  { text: 3, printed: 'ping 10.0.1.11', command: 'ping -c 1 10.89.0.12', expect: [/1 received, 0% packet loss/] },
  {
    text: 3,
    printed: 'kubectl logs -n kube-system kube-controller-manager-master1 | grep "queue depth"',
    command: 'kubectl logs -n kube-system kube-controller-manager-cp1 | grep "queue depth"',
    exitCode: 1,
    expect: [],
    moved: {
      why: 'the depth of work queues is a metric, not a line of the log',
      command: `curl -sk ${ADMIN} https://$(hostname -i):10257/metrics | grep -m1 '^workqueue_depth'`,
      expect: [/workqueue_depth\{/],
    },
  },
  {
    text: 3,
    printed: 'kubectl top pods -n kube-system | grep -E "(controller-manager|scheduler)"',
    expect: [/kube-controller-manager-cp1 +\d+m/, /kube-scheduler-cp3 +\d+m/],
  },
  {
    text: 3,
    printed: `ETCDCTL_API=3 etcdctl snapshot save \${BACKUP_DIR}/etcd-backup-\${DATE}.db --endpoints=https://10.0.1.20:2379 ${HEALTHCHECK}`,
    command: `ETCDCTL_API=3 etcdctl snapshot save ${SNAPSHOT} --endpoints=https://10.89.0.11:2379 ${HEALTHCHECK}`,
    expect: [/Snapshot saved at/],
  },
  {
    text: 3,
    printed: `ETCDCTL_API=3 etcdctl snapshot status \${BACKUP_DIR}/etcd-backup-\${DATE}.db`,
    command: `ETCDCTL_API=3 etcdctl snapshot status ${SNAPSHOT}`,
    exitCode: null,
    expect: [/etcdctl snapshot <subcommand>/],
    moved: { why: STATUS_GONE, command: `etcdutl snapshot status ${SNAPSHOT}`, expect: [/^[0-9a-f]+, \d+, \d+, /] },
  },
  {
    text: 3,
    printed: 'ETCDCTL_API=3 etcdctl snapshot restore etcd-backup.db --data-dir=/var/lib/etcd-restored',
    command: `ETCDCTL_API=3 etcdctl snapshot restore ${SNAPSHOT} --data-dir=/tmp/e2e-restored`,
    exitCode: null,
    expect: [/unknown flag: --data-dir|etcdctl snapshot <subcommand>/],
    moved: {
      why: STATUS_GONE,
      command: `etcdutl snapshot restore ${SNAPSHOT} --data-dir=/tmp/e2e-restored 2>&1 && ls /tmp/e2e-restored/member; rm -rf /tmp/e2e-restored ${SNAPSHOT}`,
      expect: [/restored snapshot/, /snap\nwal/],
    },
  },
  {
    text: 3,
    printed:
      'tar -czf control-plane-backup-$(date +%Y%m%d).tar.gz /etc/kubernetes/pki/ /etc/kubernetes/*.conf /etc/kubernetes/manifests/',
    command: 'tar -cz /etc/kubernetes/pki/ /etc/kubernetes/*.conf /etc/kubernetes/manifests/ 2>/dev/null | tar -tz',
    expect: [/pki\/ca\.key/, /admin\.conf/, /manifests\/etcd\.yaml/],
  },
  {
    text: 3,
    printed: `ETCDCTL_API=3 etcdctl defrag --endpoints=https://10.0.1.20:2379,https://10.0.1.21:2379,https://10.0.1.22:2379 ${CA}`,
    command: `ETCDCTL_API=3 etcdctl defrag ${ALL} ${CA}`,
    expect: [/Finished defragmenting etcd member\[https:\/\/10\.89\.0\.11:2379\]/, /10\.89\.0\.13:2379\]/],
  },
  {
    text: 3,
    printed: 'kubeadm certs check-expiration',
    expect: [/apiserver +\w+ \d+, \d{4}/, /etcd-ca +/, /front-proxy-client/],
    never: [/MISSING/, /<invalid>/],
  },
  {
    text: 3,
    printed: 'kubectl get pods -n kube-system -l component=etcd',
    expect: [/etcd-cp1 +1\/1/, /etcd-cp2 +1\/1/, /etcd-cp3 +1\/1/],
  },
  {
    text: 3,
    printed: 'kubectl cluster-info',
    expect: [/control plane is running at https:\/\/10\.89\.0\.10:6443/, /CoreDNS is running/],
  },
  { text: 3, printed: 'journalctl -u kubelet -f', command: 'journalctl -u kubelet -n 5', expect: [/kubelet\[\d+\]/] },
  {
    text: 3,
    printed: 'ETCDCTL_API=3 etcdctl member list --write-out=table',
    expect: [/IS LEARNER/, /\| started \| +cp1 \|/, /\| started \| +cp3 \|/],
  },
];
