// What kubeadm's phases bootstrap-token, upload-config and kubelet-finalize leave in the API, name for name
// (cmd/kubeadm/app/phases/bootstraptoken), so that kubeadm and kubelets find what they expect.
import { CLUSTER_ADMINS } from '../../pki/names.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { TOKEN_GROUP } from '../bootstrap-token.ts';
import { clusterKubeletConfiguration } from '../kubelet-config.ts';
import { type KubeObject, toYaml } from '../object.ts';
import { kubeadmClusterConfiguration } from './kubeadm-config.ts';
import { clusterRole, clusterRoleBinding, configMap, role, roleBinding, type Subject } from './rbac.ts';

const TOKENS: Subject = { kind: 'Group', name: TOKEN_GROUP };
const NODES: Subject = { kind: 'Group', name: 'system:nodes' };

/** Rights of administrators, joining nodes and API servers; the configuration that joining nodes read. */
export function bootstrapObjects(spec: ClusterSpec, caCertificate: string): readonly KubeObject[] {
  return [...accessObjects(), ...clusterInfoObjects(spec, caCertificate), ...uploadedConfigObjects(spec)];
}

function accessObjects(): readonly KubeObject[] {
  const signing = 'system:certificates.k8s.io:certificatesigningrequests';
  return [
    clusterRoleBinding('kubeadm:cluster-admins', 'cluster-admin', { kind: 'Group', name: CLUSTER_ADMINS }),
    clusterRoleBinding('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', TOKENS),
    clusterRoleBinding('kubeadm:node-autoapprove-bootstrap', `${signing}:nodeclient`, TOKENS),
    clusterRoleBinding('kubeadm:node-autoapprove-certificate-rotation', `${signing}:selfnodeclient`, NODES),
    clusterRole('kubeadm:get-nodes', [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }]),
    clusterRoleBinding('kubeadm:get-nodes', 'kubeadm:get-nodes', TOKENS),
    clusterRoleBinding('kubeadm:apiserver-kubelet-client', 'system:kubelet-api-admin', {
      kind: 'User',
      name: 'kube-apiserver-kubelet-client',
    }),
  ];
}

/**
 * Public: the endpoint and its authority (PEM), which `kubeadm join` reads first. The bootstrap signer adds signatures by token
 * (`jws-kubeconfig-ID`).
 */
function clusterInfoObjects(spec: ClusterSpec, caCertificate: string): readonly KubeObject[] {
  const name = 'kubeadm:bootstrap-signer-clusterinfo';
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: '',
        cluster: {
          server: spec.endpoint.url,
          'certificate-authority-data': Buffer.from(caCertificate).toString('base64'),
        },
      },
    ],
    contexts: null,
    'current-context': '',
    users: null,
  };
  return [
    configMap('kube-public', 'cluster-info', { kubeconfig: toYaml(kubeconfig) }),
    role('kube-public', name, [readConfigMap('cluster-info')]),
    roleBinding('kube-public', name, name, [{ kind: 'User', name: 'system:anonymous' }]),
  ];
}

function uploadedConfigObjects(spec: ClusterSpec): readonly KubeObject[] {
  return [
    configMap('kube-system', 'kubeadm-config', {
      ClusterConfiguration: toYaml(kubeadmClusterConfiguration(spec)),
    }),
    role('kube-system', 'kubeadm:nodes-kubeadm-config', [readConfigMap('kubeadm-config')]),
    roleBinding('kube-system', 'kubeadm:nodes-kubeadm-config', 'kubeadm:nodes-kubeadm-config', [TOKENS, NODES]),
    configMap('kube-system', 'kubelet-config', { kubelet: toYaml(clusterKubeletConfiguration(spec)) }),
    role('kube-system', 'kubeadm:kubelet-config', [readConfigMap('kubelet-config')]),
    roleBinding('kube-system', 'kubeadm:kubelet-config', 'kubeadm:kubelet-config', [NODES, TOKENS]),
  ];
}

function readConfigMap(name: string) {
  return { apiGroups: [''], resources: ['configmaps'], resourceNames: [name], verbs: ['get'] };
}
