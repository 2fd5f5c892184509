// Controller-manager and scheduler of a control plane as static pods: one of each leads, the others stand by.
import { imageReference } from '../artifacts/catalog.ts';
import type { MachineFacts } from '../machines/facts.ts';
import { certificatePath, keyPath, PKI_DIR, SA_KEY_PATH } from '../pki/names.ts';
import { SIGNING_CERTIFICATE_PATH } from '../pki/rotation.ts';
import { certificatesIn, trustDigest } from '../pki/trust.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { failoverTimings, http2KeepaliveEnv } from './failover.ts';
import { memoryLimit } from './memory-limits.ts';
import type { KubeObject } from './object.ts';
import { type Flags, type HostMount, SYSTEM_CA_MOUNTS, staticPod } from './static-pod.ts';

/** Size of a node's pod network: 254 addresses, more than twice the kubelet's 110 pods. */
export const NODE_CIDR_MASK_SIZE = 24;

const CONTROLLER_MANAGER_CONF = '/etc/kubernetes/controller-manager.conf';
const SCHEDULER_CONF = '/etc/kubernetes/scheduler.conf';
const CONTROLLER_MANAGER_PORT = 10257;
const SCHEDULER_PORT = 10259;

/** The static pod of kube-controller-manager; it speaks to the API server of its own machine. */
export function controllerManagerPod(spec: ClusterSpec, facts: MachineFacts): KubeObject {
  const target = { host: '127.0.0.1', path: '/healthz', scheme: 'HTTPS' } as const;
  return staticPod({
    component: 'kube-controller-manager',
    image: imageReference('kube-controller-manager', spec.kubernetesVersion),
    flags: { ...controllerManagerFlags(spec, facts), ...controllerManagerExtraFlags(spec) },
    env: http2KeepaliveEnv(),
    probePort: CONTROLLER_MANAGER_PORT,
    startup: target,
    liveness: target,
    requests: { cpu: '200m', memory: '64Mi' },
    memoryLimit: memoryLimit('kube-controller-manager', facts.memoryBytes),
    // What it gives to every namespace, and the key of tokens; what it signs certificates with it reads again.
    readsAtStart: [trustDigest(facts.certificates[certificatePath('ca')]), facts.files[SA_KEY_PATH]?.sha256 ?? ''],
    mounts: [
      { name: 'k8s-certs', path: PKI_DIR, type: 'DirectoryOrCreate', readOnly: true },
      ...SYSTEM_CA_MOUNTS,
      kubeconfigMount(CONTROLLER_MANAGER_CONF),
    ],
  });
}

/** The static pod of kube-scheduler; it speaks to the API server of its own machine. */
export function schedulerPod(spec: ClusterSpec, facts: MachineFacts): KubeObject {
  const target = { host: '127.0.0.1', scheme: 'HTTPS' } as const;
  return staticPod({
    component: 'kube-scheduler',
    image: imageReference('kube-scheduler', spec.kubernetesVersion),
    flags: { ...kubeconfigFlags(SCHEDULER_CONF), ...schedulerExtraFlags(spec) },
    env: http2KeepaliveEnv(),
    probePort: SCHEDULER_PORT,
    startup: { ...target, path: '/livez' },
    liveness: { ...target, path: '/livez' },
    readiness: { ...target, path: '/readyz' },
    requests: { cpu: '100m', memory: '64Mi' },
    memoryLimit: memoryLimit('kube-scheduler', facts.memoryBytes),
    mounts: [kubeconfigMount(SCHEDULER_CONF)],
  });
}

/** What quorate sets beyond kubeadm; kubeadm-config records it as extraArgs. */
export function controllerManagerExtraFlags(spec: ClusterSpec): Flags {
  const grace = failoverTimings(spec).nodeMonitorGracePeriod;
  return {
    ...leaderElectionFlags(spec),
    'node-cidr-mask-size': String(NODE_CIDR_MASK_SIZE),
    ...(grace === undefined ? {} : { 'node-monitor-grace-period': grace }),
  };
}

/** What quorate sets beyond kubeadm; kubeadm-config records it as extraArgs. */
export function schedulerExtraFlags(spec: ClusterSpec): Flags {
  return leaderElectionFlags(spec);
}

function leaderElectionFlags(spec: ClusterSpec): Flags {
  const timings = failoverTimings(spec);
  return {
    // Requirements 3 reads metrics from other machines. TLS and authorization guard them, and the firewall.
    'bind-address': '0.0.0.0',
    'leader-elect': 'true',
    'leader-elect-lease-duration': timings.leaseDuration,
    'leader-elect-renew-deadline': timings.renewDeadline,
    'leader-elect-retry-period': timings.retryPeriod,
    profiling: 'false',
  };
}

function kubeconfigFlags(path: string): Flags {
  return { kubeconfig: path, 'authentication-kubeconfig': path, 'authorization-kubeconfig': path };
}

function kubeconfigMount(path: string): HostMount {
  return { name: 'kubeconfig', path, type: 'FileOrCreate', readOnly: true };
}

function controllerManagerFlags(spec: ClusterSpec, facts: MachineFacts): Flags {
  return {
    ...kubeconfigFlags(CONTROLLER_MANAGER_CONF),
    'allocate-node-cidrs': 'true',
    'cluster-cidr': spec.networking.podSubnet,
    'cluster-name': spec.name,
    'service-cluster-ip-range': spec.networking.serviceSubnet,
    'client-ca-file': certificatePath('ca'),
    'requestheader-client-ca-file': certificatePath('front-proxy-ca'),
    'cluster-signing-cert-file': signingCertificate(facts),
    'cluster-signing-key-file': keyPath('ca'),
    'root-ca-file': certificatePath('ca'),
    'service-account-private-key-file': SA_KEY_PATH,
    'use-service-account-credentials': 'true',
    // The last two sign cluster-info for `kubeadm join` and remove expired tokens.
    controllers: '*,bootstrapsigner,tokencleaner',
  };
}

/** It signs with a file of one certificate only; while two authorities are trusted, that one lies beside them. */
function signingCertificate({ certificates }: MachineFacts): string {
  const path = certificatePath('ca');
  return certificatesIn(certificates[path] ?? '').length > 1 ? SIGNING_CERTIFICATE_PATH : path;
}
