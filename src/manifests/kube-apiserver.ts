// The API server of a control plane as a static pod.
import { dirname } from 'node:path/posix';
import { imageReference } from '../artifacts/catalog.ts';
import type { MachineFacts } from '../machines/facts.ts';
import {
  API_SERVER_PORT,
  certificatePath,
  ENCRYPTION_CONFIG_PATH,
  keyPath,
  PKI_DIR,
  SA_KEY_PATH,
  SA_PUB_PATH,
} from '../pki/names.ts';
import { trustDigest } from '../pki/trust.ts';
import { type ClusterSpec, controlPlanes, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { auditPolicy } from './audit-policy.ts';
import { clientURL } from './etcd.ts';
import { failoverTimings } from './failover.ts';
import { memoryLimit } from './memory-limits.ts';
import { type KubeObject, toYaml } from './object.ts';
import {
  APISERVER_CONFIG_DIR,
  AUDIT_LOG_DIR,
  AUDIT_POLICY_PATH,
  AUTHENTICATION_CONFIG_PATH,
  ETCD_CLIENT_PORT,
} from './paths.ts';
import { type Flags, type HostMount, SYSTEM_CA_MOUNTS, staticPod } from './static-pod.ts';

/**
 * After SIGTERM `/readyz` fails at once and the server goes on serving for this long. HAProxy sees it within 1.5 s (two checks,
 * 500 and 250 ms apart), kube-proxies drop the endpoint within about 2 s more; 5 s covers both and fits a pod's grace period of 30 s.
 */
const SHUTDOWN_DELAY = '5s';
/**
 * Watches are then ended one after another, and clients ask the next API server. Without it they keep the server from ending at all,
 * and the kubelet kills it with every connection after 30 s (measured: 30.6 s until it had stopped, with it about 6 s).
 */
const WATCH_GRACE = '5s';
/** Share of requests after which an HTTP/2 connection is asked to move on: upstream's advice behind a load balancer is up to 0.02. */
const GOAWAY_CHANCE = '0.001';

/** Host paths of the API server beyond those that kubeadm mounts: audit log, configuration, encryption keys. */
export const APISERVER_EXTRA_MOUNTS: readonly HostMount[] = [
  { name: 'audit-log', path: AUDIT_LOG_DIR, type: 'DirectoryOrCreate' },
  { name: 'apiserver-config', path: APISERVER_CONFIG_DIR, type: 'DirectoryOrCreate', readOnly: true },
  // The directory, not the file: a mounted file stays the old one when it is replaced.
  { name: 'encryption-config', path: dirname(ENCRYPTION_CONFIG_PATH), type: 'DirectoryOrCreate', readOnly: true },
];

/** The static pod of the machine's API server. */
export function apiServerPod(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): KubeObject {
  const target = { host: machine.address, scheme: 'HTTPS' } as const;
  return staticPod({
    component: 'kube-apiserver',
    annotations: {
      'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': `${machine.address}:${API_SERVER_PORT}`,
    },
    image: imageReference('kube-apiserver', spec.kubernetesVersion),
    flags: { ...kubeadmFlags(spec), ...addressFlags(machine), ...apiServerExtraFlags(spec) },
    probePort: API_SERVER_PORT,
    startup: { ...target, path: '/livez' },
    liveness: { ...target, path: '/livez' },
    readiness: { ...target, path: '/readyz' },
    requests: { cpu: '250m', memory: '256Mi' },
    memoryLimit: memoryLimit('kube-apiserver', facts.memoryBytes),
    // authentication.yaml it reads again by itself.
    readsAtStart: [toYaml(auditPolicy()), ...keysAtStart(facts)],
    mounts: [
      { name: 'k8s-certs', path: PKI_DIR, type: 'DirectoryOrCreate', readOnly: true },
      ...SYSTEM_CA_MOUNTS,
      ...APISERVER_EXTRA_MOUNTS,
    ],
  });
}

/**
 * --etcd-cafile, --kubelet-certificate-authority and the keys of service accounts are read once; the client and the front-proxy
 * authorities, and every certificate that it presents, again whenever they change.
 */
function keysAtStart({ certificates, files }: MachineFacts): readonly string[] {
  return [
    trustDigest(certificates[certificatePath('etcd/ca')]),
    trustDigest(certificates[certificatePath('ca')]),
    files[SA_KEY_PATH]?.sha256 ?? '',
    files[SA_PUB_PATH]?.sha256 ?? '',
  ];
}

/** The machine's own address only: `VIP:6443` on the same machine belongs to HAProxy. */
function addressFlags(machine: MachineSpec): Flags {
  return { 'advertise-address': machine.address, 'bind-address': machine.address };
}

function kubeadmFlags(spec: ClusterSpec): Flags {
  return {
    'secure-port': String(API_SERVER_PORT),
    'allow-privileged': 'true',
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'enable-bootstrap-token-auth': 'true',
    'client-ca-file': certificatePath('ca'),
    'tls-cert-file': certificatePath('apiserver'),
    'tls-private-key-file': keyPath('apiserver'),
    'etcd-servers': etcdServers(spec),
    'etcd-cafile': certificatePath('etcd/ca'),
    'etcd-certfile': certificatePath('apiserver-etcd-client'),
    'etcd-keyfile': keyPath('apiserver-etcd-client'),
    'kubelet-client-certificate': certificatePath('apiserver-kubelet-client'),
    'kubelet-client-key': keyPath('apiserver-kubelet-client'),
    'kubelet-preferred-address-types': 'InternalIP,ExternalIP,Hostname',
    ...frontProxyFlags,
    'service-account-issuer': `https://kubernetes.default.svc.${spec.networking.dnsDomain}`,
    'service-account-key-file': SA_PUB_PATH,
    'service-account-signing-key-file': SA_KEY_PATH,
    'service-cluster-ip-range': spec.networking.serviceSubnet,
  };
}

/**
 * Stacked: the local member only. It fails with its machine, and the load balancer moves clients on; with all members listed, a dead
 * one is noticed after up to 40 s (kubernetes #58008). External: all of them, for none is nearer than another.
 */
function etcdServers(spec: ClusterSpec): string {
  if (spec.etcd.topology === 'stacked') return `https://127.0.0.1:${ETCD_CLIENT_PORT}`;
  return etcdMachines(spec).map(clientURL).join(',');
}

const frontProxyFlags: Flags = {
  'proxy-client-cert-file': certificatePath('front-proxy-client'),
  'proxy-client-key-file': keyPath('front-proxy-client'),
  'requestheader-allowed-names': 'front-proxy-client',
  'requestheader-client-ca-file': certificatePath('front-proxy-ca'),
  'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
  'requestheader-group-headers': 'X-Remote-Group',
  'requestheader-username-headers': 'X-Remote-User',
};

/** What quorate sets beyond kubeadm, the same on every control plane; kubeadm-config records it as extraArgs. */
export function apiServerExtraFlags(spec: ClusterSpec): Flags {
  const toleration = failoverTimings(spec).evictionTolerationSeconds;
  return {
    'authentication-config': AUTHENTICATION_CONFIG_PATH,
    'audit-policy-file': AUDIT_POLICY_PATH,
    'audit-log-path': `${AUDIT_LOG_DIR}/audit.log`,
    // CIS 1.2.16 to 1.2.19 (RESILIENCE 4.1): days, files, megabytes.
    'audit-log-maxage': '30',
    'audit-log-maxbackup': '10',
    'audit-log-maxsize': '100',
    'encryption-provider-config': ENCRYPTION_CONFIG_PATH,
    // Keys rotate without a restart.
    'encryption-provider-config-automatic-reload': 'true',
    // Serving certificates of kubelets come from the cluster's own CA: logs and exec only speak to approved ones.
    'kubelet-certificate-authority': certificatePath('ca'),
    profiling: 'false',
    'tls-min-version': 'VersionTLS12',
    'shutdown-delay-duration': SHUTDOWN_DELAY,
    'shutdown-watch-termination-grace-period': WATCH_GRACE,
    // With a single API server a client would be sent away with nowhere to go.
    ...(controlPlanes(spec).length > 1 ? { 'goaway-chance': GOAWAY_CHANCE } : {}),
    ...(toleration === undefined
      ? {}
      : {
          'default-not-ready-toleration-seconds': String(toleration),
          'default-unreachable-toleration-seconds': String(toleration),
        }),
  };
}
