// metrics-server (`kubectl top`), upstream's high-availability manifest. It checks kubelets' certificates: they come from the cluster's CA.
import { imageReference } from '../../artifacts/catalog.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { http2KeepaliveEnv } from '../failover.ts';
import type { KubeObject } from '../object.ts';
import { clusterRole, clusterRoleBinding, roleBinding, type Subject, serviceAccount } from './rbac.ts';
import { addonTolerations, copies, disruptionBudget, ONE_AT_A_TIME, spread } from './replicated.ts';

const NAMESPACE = 'kube-system';
const NAME = 'metrics-server';
const LABELS = { 'k8s-app': NAME };
const PORT = 10250;
const SUBJECT: Subject = { kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE };

/** ServiceAccount, rights, Deployment, disruption budget, Service and APIService. */
export function metricsServerObjects(spec: ClusterSpec): readonly KubeObject[] {
  return [
    serviceAccount(NAMESPACE, NAME),
    ...rights(),
    deployment(spec),
    ...disruptionBudget(spec, NAME, LABELS),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
      spec: {
        selector: LABELS,
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 'https', appProtocol: 'https' }],
      },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.metrics.k8s.io', labels: LABELS },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        // As upstream: it serves with a certificate that it makes itself. What it serves is no secret.
        insecureSkipTLSVerify: true,
        service: { name: NAME, namespace: NAMESPACE },
      },
    },
  ];
}

function rights(): readonly KubeObject[] {
  const aggregate = (role: string) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true'];
  return [
    clusterRole(
      'system:aggregated-metrics-reader',
      [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
      { ...LABELS, ...Object.fromEntries(['view', 'edit', 'admin'].map(aggregate)) },
    ),
    clusterRole('system:metrics-server', [
      { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
    ]),
    clusterRoleBinding('system:metrics-server', 'system:metrics-server', SUBJECT),
    clusterRoleBinding('metrics-server:system:auth-delegator', 'system:auth-delegator', SUBJECT),
    roleBinding(NAMESPACE, 'metrics-server-auth-reader', 'extension-apiserver-authentication-reader', [SUBJECT]),
  ];
}

function deployment(spec: ClusterSpec): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      replicas: copies(spec),
      selector: { matchLabels: LABELS },
      strategy: ONE_AT_A_TIME,
      template: {
        metadata: { labels: LABELS },
        spec: {
          ...spread(LABELS),
          containers: [container(spec)],
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          priorityClassName: 'system-cluster-critical',
          serviceAccountName: NAME,
          tolerations: addonTolerations(),
          volumes: [{ name: 'tmp-dir', emptyDir: {} }],
        },
      },
    },
  };
}

function container(spec: ClusterSpec): object {
  const probe = (path: string) => ({ httpGet: { path, port: 'https', scheme: 'HTTPS' }, failureThreshold: 3 });
  return {
    name: NAME,
    image: imageReference('metrics-server', spec.kubernetesVersion),
    imagePullPolicy: 'IfNotPresent',
    args: [
      '--cert-dir=/tmp',
      `--secure-port=${PORT}`,
      '--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname',
      '--kubelet-use-node-status-port',
      '--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
      '--metric-resolution=10s',
      // Has to be below the resolution, or it refuses to start (metrics-server, cmd/metrics-server/app/options).
      '--kubelet-request-timeout=5s',
    ],
    env: http2KeepaliveEnv(),
    ports: [{ name: 'https', containerPort: PORT, protocol: 'TCP' }],
    livenessProbe: { ...probe('/livez'), initialDelaySeconds: 10, periodSeconds: 10 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 5 },
    resources: { requests: { cpu: '50m', memory: '100Mi' }, limits: { memory: '400Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [{ name: 'tmp-dir', mountPath: '/tmp' }],
  };
}
