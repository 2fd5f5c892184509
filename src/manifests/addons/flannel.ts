// flannel: one flanneld a node leases the node's podCIDR and keeps the VXLAN to the others (RFC 7348).
import { imageReference } from '../../artifacts/catalog.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { http2KeepaliveEnv } from '../failover.ts';
import type { KubeObject } from '../object.ts';
import { VXLAN_PORT } from '../paths.ts';
import { clusterRole, clusterRoleBinding, configMap, serviceAccount } from './rbac.ts';

const NAMESPACE = 'kube-flannel';
const LABELS = { app: 'flannel', 'k8s-app': 'flannel', tier: 'node' };
const HEALTH_PORT = 8081;

/** Namespace, rights, configuration and DaemonSet, named as upstream's kube-flannel.yml names them. */
export function flannelObjects(spec: ClusterSpec): readonly KubeObject[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: NAMESPACE,
        labels: { 'k8s-app': 'flannel', 'pod-security.kubernetes.io/enforce': 'privileged' },
      },
    },
    clusterRole('flannel', [
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
    ]),
    clusterRoleBinding('flannel', 'flannel', { kind: 'ServiceAccount', name: 'flannel', namespace: NAMESPACE }),
    serviceAccount(NAMESPACE, 'flannel'),
    configMap(NAMESPACE, 'kube-flannel-cfg', { 'net-conf.json': networkConfiguration(spec) }, LABELS),
    daemonSet(spec),
  ];
}

/**
 * EnableNFTables stays false although nothing here uses iptables: with true, flanneld first wants to clear iptables rules of an earlier
 * life and ends if there is no iptables; with false it tries the same with nft and goes on (v0.28.4, pkg/trafficmngr).
 */
function networkConfiguration(spec: ClusterSpec): string {
  const configuration = {
    Network: spec.networking.podSubnet,
    EnableNFTables: false,
    Backend: { Type: 'vxlan', Port: VXLAN_PORT },
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}

function daemonSet(spec: ClusterSpec): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'kube-flannel-ds', namespace: NAMESPACE, labels: LABELS },
    spec: {
      selector: { matchLabels: { app: 'flannel' } },
      template: { metadata: { labels: LABELS }, spec: podSpec(spec) },
    },
  };
}

function podSpec(spec: ClusterSpec): object {
  return {
    containers: [container(spec)],
    hostNetwork: true,
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    priorityClassName: 'system-node-critical',
    serviceAccountName: 'flannel',
    // NoExecute too: control planes carry CriticalAddonsOnly.
    tolerations: [{ operator: 'Exists' }],
    volumes: [
      { name: 'run', hostPath: { path: '/run/flannel', type: 'DirectoryOrCreate' } },
      { name: 'flannel-cfg', configMap: { name: 'kube-flannel-cfg' } },
    ],
  };
}

function container(spec: ClusterSpec): object {
  const health = { host: '127.0.0.1', path: '/healthz', port: HEALTH_PORT };
  return {
    name: 'kube-flannel',
    image: imageReference('flannel', spec.kubernetesVersion),
    imagePullPolicy: 'IfNotPresent',
    command: ['/opt/bin/flanneld'],
    args: [
      '--kube-subnet-mgr',
      // The interface that carries the machine's address, not the one of the default route (kubeadm #2275).
      '--iface=$(HOST_IP)',
      // Masquerading and forwarding are quorate-network.service's: there before the first pod, and flanneld runs no other program.
      '--ip-masq=false',
      '--iptables-forward-rules=false',
      '--healthz-ip=127.0.0.1',
      `--healthz-port=${HEALTH_PORT}`,
    ],
    env: [
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
      // The endpoint itself: pods get addresses before kube-proxy has made the Service reachable.
      { name: 'KUBERNETES_SERVICE_HOST', value: spec.endpoint.host },
      { name: 'KUBERNETES_SERVICE_PORT', value: String(spec.endpoint.port) },
      { name: 'EVENT_QUEUE_DEPTH', value: '5000' },
      ...http2KeepaliveEnv(),
    ],
    livenessProbe: { httpGet: health, initialDelaySeconds: 10, periodSeconds: 30 },
    resources: { requests: { cpu: '50m', memory: '50Mi' } },
    securityContext: { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
    volumeMounts: [
      { name: 'run', mountPath: '/run/flannel' },
      { name: 'flannel-cfg', mountPath: '/etc/kube-flannel/' },
    ],
  };
}
