// The kubelet: configuration, flags and systemd unit, laid out as kubeadm's packages lay them out.
import type { MachineFacts } from '../machines/facts.ts';
import { BOOTSTRAP_KUBELET_CONF_PATH, certificatePath, KUBELET_CONF_PATH } from '../pki/names.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { failoverTimings, HTTP2_KEEPALIVE } from './failover.ts';
import { hasCrashLoopBackOffMax } from './kubernetes-version.ts';
import { kubeletLabels, nodeTaints } from './node-labels.ts';
import { CONTAINERD_SOCKET, ETCD_DATA_DIR, MANIFESTS_DIR } from './paths.ts';

const RUNTIME_ENDPOINT = `unix://${CONTAINERD_SOCKET}`;

/**
 * Longest pause before a crashed container starts again on a control plane (upstream: 300 s, doubling from 10 s). etcd and the
 * API servers wait for one another after an outage and should not wait for a long pause as well. Not shorter: with 2 s one add-on
 * that crashed at its start kept two cores busy (measured). Workers keep upstream's.
 */
const CONTROL_PLANE_RESTART_PERIOD = '5s';

/** KubeletConfiguration of one machine. */
export function kubeletConfiguration(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): object {
  const taints = nodeTaints(machine);
  return {
    ...clusterKubeletConfiguration(spec),
    ...cgroupSettings(facts),
    ...resolverSettings(facts),
    ...(facts.hasCapSysResource ? {} : { featureGates: { KubeletInUserNamespace: true } }),
    // A kubelet refuses to start beside swap unless told; containers still get none (NodeSwap, NoSwap).
    ...(facts.swap ? { failSwapOn: false } : {}),
    ...(machine.driver === 'local' ? sharedDiskSettings : {}),
    ...(machine.role === 'control-plane' ? controlPlaneSettings(spec) : {}),
    ...(taints.length > 0 ? { registerWithTaints: taints } : {}),
  };
}

/** What all kubelets share: the ConfigMap kubelet-config, from which `kubeadm join` would start. */
export function clusterKubeletConfiguration(spec: ClusterSpec): Record<string, unknown> {
  const { nodeStatusUpdateFrequency, nodeLeaseDurationSeconds } = failoverTimings(spec);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificatePath('ca') },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'systemd',
    clusterDNS: [spec.networking.dnsServiceIP],
    clusterDomain: spec.networking.dnsDomain,
    containerRuntimeEndpoint: RUNTIME_ENDPOINT,
    containerLogMaxSize: '10Mi',
    containerLogMaxFiles: 5,
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10248,
    readOnlyPort: 0,
    rotateCertificates: true,
    // Asks the cluster for a serving certificate; quorate approves it when names and addresses are the machine's own.
    serverTLSBootstrap: true,
    tlsMinVersion: 'VersionTLS12',
    // Within the 30 s that a machine is given to stop.
    shutdownGracePeriod: '20s',
    shutdownGracePeriodCriticalPods: '10s',
    ...(nodeStatusUpdateFrequency ? { nodeStatusUpdateFrequency } : {}),
    ...(nodeLeaseDurationSeconds ? { nodeLeaseDurationSeconds } : {}),
  };
}

function controlPlaneSettings(spec: ClusterSpec): Record<string, unknown> {
  return {
    staticPodPath: MANIFESTS_DIR,
    // inotify tells at once; this is for when it does not (upstream: 20 s).
    fileCheckFrequency: '5s',
    // Static pods run before there is an API to show them in; the kubelet tries again at its next sync (upstream: 1 min).
    syncFrequency: '10s',
    ...(hasCrashLoopBackOffMax(spec.kubernetesVersion)
      ? { crashLoopBackOff: { maxContainerRestartPeriod: CONTROL_PLANE_RESTART_PERIOD } }
      : {}),
  };
}

/** systemd manages cgroup v2; under v1 the kubelet does it itself and, since v1.35, must be told that v1 is meant (MACHINES.md). */
function cgroupSettings(facts: MachineFacts): Record<string, unknown> {
  return facts.cgroup === 'v2' ? {} : { cgroupDriver: 'cgroupfs', failCgroupV1: false };
}

/** Behind systemd-resolved, /etc/resolv.conf names 127.0.0.53, which no pod can reach; kubeadm makes the same choice. */
function resolverSettings(facts: MachineFacts): Record<string, unknown> {
  const resolved = facts.units['systemd-resolved.service']?.active === true;
  return { resolvConf: resolved ? '/run/systemd/resolve/resolv.conf' : '/etc/resolv.conf' };
}

/**
 * Local machines share this host's disk. Upstream's percentages would make all of them evict pods and delete images on a disk
 * that is merely 90 % full of other things (kind does the same), and an image that is gone cannot be pulled again offline.
 */
const sharedDiskSettings = {
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1Gi',
    'nodefs.inodesFree': '1%',
    'imagefs.available': '1Gi',
  },
  imageGCHighThresholdPercent: 100,
} as const;

/** /var/lib/kubelet/kubeadm-flags.env: what differs from node to node and has no field in the configuration. */
export function kubeletFlagsEnv(machine: MachineSpec): string {
  const labels = Object.entries(kubeletLabels(machine)).map(([key, value]) => `${key}=${value}`);
  const flags = [
    `--hostname-override=${machine.name}`,
    `--node-ip=${machine.address}`,
    ...(labels.length > 0 ? [`--node-labels=${labels.sort().join(',')}`] : []),
  ];
  return `KUBELET_KUBEADM_ARGS="${flags.join(' ')}"\n`;
}

/** /var/lib/kubelet/instance-config.yaml: kubeadm lays it over kubelet-config whenever it rewrites config.yaml. */
export function kubeletInstanceConfig(): string {
  return `containerRuntimeEndpoint: "${RUNTIME_ENDPOINT}"\n`;
}

/**
 * /etc/systemd/system/kubelet.service. A kubelet that ends is started again after a second, for ever. On a control plane etcd's
 * directory is made first: the kubelet would make it readable for all (CIS 1.1.11 wants 0700).
 */
export function kubeletUnit(machine: MachineSpec): string {
  const etcdData = `ExecStartPre=/usr/bin/install -d -m 0700 ${ETCD_DATA_DIR}\n`;
  return `[Unit]
Description=kubelet: the Kubernetes node agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target containerd.service
After=network-online.target containerd.service quorate-network.service
StartLimitIntervalSec=0

[Service]
${machine.role === 'control-plane' ? etcdData : ''}ExecStart=/usr/local/bin/kubelet
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
`;
}

/** kubelet.service.d/10-kubeadm.conf: kubeadm's variables, so that kubeadm and people find what they know. */
export function kubeletDropIn(): string {
  const environment = Object.entries(HTTP2_KEEPALIVE).map(([name, value]) => `Environment="${name}=${value}"`);
  return `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=${BOOTSTRAP_KUBELET_CONF_PATH} --kubeconfig=${KUBELET_CONF_PATH}"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
${environment.join('\n')}
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;
}
