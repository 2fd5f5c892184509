// kubeadm's own record of the cluster, ConfigMap kube-system/kubeadm-config.
import { imageReference } from '../../artifacts/catalog.ts';
import { certificatePath, keyPath } from '../../pki/names.ts';
import { type ClusterSpec, etcdMachines } from '../../spec/types.ts';
import { clientURL, etcdExtraFlags } from '../etcd.ts';
import { APISERVER_EXTRA_MOUNTS, apiServerExtraFlags } from '../kube-apiserver.ts';
import { controllerManagerExtraFlags, schedulerExtraFlags } from '../leader-elected.ts';
import { ETCD_DATA_DIR } from '../paths.ts';
import type { Flags } from '../static-pod.ts';

/** ClusterConfiguration v1beta4 that says what runs: `kubeadm certs`, `kubeadm config` and people read it. */
export function kubeadmClusterConfiguration(spec: ClusterSpec): object {
  return {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    kubernetesVersion: spec.kubernetesVersion,
    clusterName: spec.name,
    controlPlaneEndpoint: spec.endpoint.authority,
    certificatesDir: '/etc/kubernetes/pki',
    encryptionAlgorithm: 'ECDSA-P256',
    imageRepository: 'registry.k8s.io',
    networking: {
      dnsDomain: spec.networking.dnsDomain,
      podSubnet: spec.networking.podSubnet,
      serviceSubnet: spec.networking.serviceSubnet,
    },
    apiServer: {
      certSANs: spec.certSANs,
      extraArgs: extraArgs(apiServerExtraFlags(spec)),
      extraVolumes: APISERVER_EXTRA_MOUNTS.map(({ name, path, type, readOnly }) => ({
        name,
        hostPath: path,
        mountPath: path,
        pathType: type,
        ...(readOnly ? { readOnly } : {}),
      })),
    },
    controllerManager: { extraArgs: extraArgs(controllerManagerExtraFlags(spec)) },
    scheduler: { extraArgs: extraArgs(schedulerExtraFlags(spec)) },
    etcd: etcdConfiguration(spec),
    dns: {},
    proxy: {},
  };
}

function etcdConfiguration(spec: ClusterSpec): object {
  if (spec.etcd.topology === 'external') {
    return {
      external: {
        endpoints: etcdMachines(spec).map(clientURL),
        caFile: certificatePath('etcd/ca'),
        certFile: certificatePath('apiserver-etcd-client'),
        keyFile: keyPath('apiserver-etcd-client'),
      },
    };
  }
  // With its tag: kubeadm would take its own default for another release, and an older etcd cannot read newer data.
  return { local: { dataDir: ETCD_DATA_DIR, imageTag: etcdTag(spec), extraArgs: extraArgs(etcdExtraFlags(spec)) } };
}

function etcdTag({ kubernetesVersion }: ClusterSpec): string {
  const reference = imageReference('etcd', kubernetesVersion);
  return reference.slice(reference.lastIndexOf(':') + 1);
}

function extraArgs(flags: Flags): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries(flags)
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
