// kube-proxy, as kubeadm deploys it, in nftables mode.
import { imageReference } from '../../artifacts/catalog.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { http2KeepaliveEnv } from '../failover.ts';
import { type KubeObject, toYaml } from '../object.ts';
import { clusterRoleBinding, configMap, role, roleBinding, serviceAccount } from './rbac.ts';

const NAMESPACE = 'kube-system';
const LABELS = { 'k8s-app': 'kube-proxy' };
const CONFIG_DIR = '/var/lib/kube-proxy';

/** ServiceAccount, rights, configuration and DaemonSet. */
export function kubeProxyObjects(spec: ClusterSpec): readonly KubeObject[] {
  return [
    serviceAccount(NAMESPACE, 'kube-proxy'),
    clusterRoleBinding('kubeadm:node-proxier', 'system:node-proxier', {
      kind: 'ServiceAccount',
      name: 'kube-proxy',
      namespace: NAMESPACE,
    }),
    configMap(
      NAMESPACE,
      'kube-proxy',
      { 'config.conf': toYaml(proxyConfiguration(spec)), 'kubeconfig.conf': toYaml(proxyKubeconfig(spec)) },
      { app: 'kube-proxy' },
    ),
    role(NAMESPACE, 'kube-proxy', [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['kube-proxy'], verbs: ['get'] },
    ]),
    roleBinding(NAMESPACE, 'kube-proxy', 'kube-proxy', [
      { kind: 'Group', name: 'system:bootstrappers:kubeadm:default-node-token' },
    ]),
    daemonSet(spec),
  ];
}

function proxyConfiguration(spec: ClusterSpec): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    bindAddress: '0.0.0.0',
    clusterCIDR: spec.networking.podSubnet,
    // 0 leaves the kernel's conntrack limit as it is: a container on a shared kernel may not change it (MACHINES.md).
    conntrack: { maxPerCore: 0 },
    clientConnection: { kubeconfig: `${CONFIG_DIR}/kubeconfig.conf` },
    // CIS 4.3.1: metrics on the machine itself only.
    metricsBindAddress: '127.0.0.1:10249',
  };
}

/** Through the endpoint and not through the Service: kube-proxy is what makes the Service reachable. */
function proxyKubeconfig(spec: ClusterSpec): object {
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'default', cluster: { 'certificate-authority': `${account}/ca.crt`, server: spec.endpoint.url } },
    ],
    contexts: [{ name: 'default', context: { cluster: 'default', namespace: 'default', user: 'default' } }],
    'current-context': 'default',
    users: [{ name: 'default', user: { tokenFile: `${account}/token` } }],
  };
}

function daemonSet(spec: ClusterSpec): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'kube-proxy', namespace: NAMESPACE, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      updateStrategy: { type: 'RollingUpdate' },
      template: { metadata: { labels: LABELS }, spec: podSpec(spec) },
    },
  };
}

function podSpec(spec: ClusterSpec): object {
  return {
    containers: [
      {
        name: 'kube-proxy',
        image: imageReference('kube-proxy', spec.kubernetesVersion),
        imagePullPolicy: 'IfNotPresent',
        command: [
          '/usr/local/bin/kube-proxy',
          `--config=${CONFIG_DIR}/config.conf`,
          '--hostname-override=$(NODE_NAME)',
        ],
        env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }, ...http2KeepaliveEnv()],
        resources: { requests: { cpu: '50m', memory: '40Mi' } },
        securityContext: { privileged: true },
        volumeMounts: [
          { name: 'kube-proxy', mountPath: CONFIG_DIR },
          { name: 'xtables-lock', mountPath: '/run/xtables.lock' },
          { name: 'lib-modules', mountPath: '/lib/modules', readOnly: true },
        ],
      },
    ],
    hostNetwork: true,
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    priorityClassName: 'system-node-critical',
    serviceAccountName: 'kube-proxy',
    tolerations: [{ operator: 'Exists' }],
    volumes: [
      { name: 'kube-proxy', configMap: { name: 'kube-proxy' } },
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
      { name: 'lib-modules', hostPath: { path: '/lib/modules' } },
    ],
  };
}
