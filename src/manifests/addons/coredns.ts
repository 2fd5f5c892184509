// CoreDNS, as kubeadm deploys it, but never with both copies on one machine.
import { imageReference } from '../../artifacts/catalog.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { http2KeepaliveEnv } from '../failover.ts';
import type { KubeObject } from '../object.ts';
import { clusterRole, clusterRoleBinding, configMap, serviceAccount } from './rbac.ts';
import { addonTolerations, copies, disruptionBudget, ONE_AT_A_TIME, spread } from './replicated.ts';

const NAMESPACE = 'kube-system';
const LABELS = { 'k8s-app': 'kube-dns' };

/** ServiceAccount, rights, Corefile, Deployment, disruption budget and the Service kube-dns. */
export function corednsObjects(spec: ClusterSpec): readonly KubeObject[] {
  return [
    serviceAccount(NAMESPACE, 'coredns'),
    clusterRole('system:coredns', [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    clusterRoleBinding('system:coredns', 'system:coredns', {
      kind: 'ServiceAccount',
      name: 'coredns',
      namespace: NAMESPACE,
    }),
    configMap(NAMESPACE, 'coredns', { Corefile: corefile(spec) }),
    deployment(spec),
    ...disruptionBudget(spec, 'coredns', LABELS),
    service(spec),
  ];
}

function corefile(spec: ClusterSpec): string {
  const domain = spec.networking.dnsDomain;
  return `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ${domain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${domain}
       disable denial ${domain}
    }
    loop
    reload
    loadbalance
}
`;
}

function deployment(spec: ClusterSpec): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns', namespace: NAMESPACE, labels: LABELS },
    spec: {
      replicas: copies(spec),
      selector: { matchLabels: LABELS },
      strategy: ONE_AT_A_TIME,
      template: {
        metadata: { labels: LABELS },
        spec: {
          ...spread(LABELS),
          containers: [container(spec)],
          dnsPolicy: 'Default',
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          priorityClassName: 'system-cluster-critical',
          serviceAccountName: 'coredns',
          tolerations: addonTolerations(),
          volumes: [
            { name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } },
          ],
        },
      },
    },
  };
}

function container(spec: ClusterSpec): object {
  return {
    name: 'coredns',
    image: imageReference('coredns', spec.kubernetesVersion),
    imagePullPolicy: 'IfNotPresent',
    args: ['-conf', '/etc/coredns/Corefile'],
    env: http2KeepaliveEnv(),
    ports: [
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
      { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
      { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
      { name: 'liveness-probe', containerPort: 8080, protocol: 'TCP' },
      { name: 'readiness-probe', containerPort: 8181, protocol: 'TCP' },
    ],
    livenessProbe: {
      httpGet: { path: '/health', port: 'liveness-probe', scheme: 'HTTP' },
      initialDelaySeconds: 60,
      timeoutSeconds: 5,
      failureThreshold: 5,
    },
    readinessProbe: {
      httpGet: { path: '/ready', port: 'readiness-probe', scheme: 'HTTP' },
      // kubeadm: every ten seconds. Names are served as soon as the copy is up, so it is told as soon.
      periodSeconds: 2,
    },
    resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
    volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
  };
}

function service(spec: ClusterSpec): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: NAMESPACE,
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
      labels: { ...LABELS, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    },
    spec: {
      clusterIP: spec.networking.dnsServiceIP,
      selector: LABELS,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
      ],
    },
  };
}
