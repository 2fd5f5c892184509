// The pinned catalog: every file that machines need, by name and version. How each is obtained: recipes.ts and images.ts.
import { type ComponentVersions, componentVersions } from './components.ts';
import type { Artifact, BinaryArtifact, ImageArtifact } from './types.ts';

export { type ComponentVersions, componentVersions, supportedKubernetesVersions } from './components.ts';

/** Version of the end-to-end test image (test/images/agnhost/VERSION in k8s.io/kubernetes v1.36.3). */
export const AGNHOST_VERSION = '2.63.0';

/** Of the S3 server that tests run. */
export const VERSITYGW_VERSION = 'v1.8.0';

/** Short names of the images; manifests refer to them through imageReference. */
export type ImageName =
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kube-proxy'
  | 'etcd'
  | 'coredns'
  | 'pause'
  | 'flannel'
  | 'metrics-server'
  | 'agnhost';

// Repository and tag of each image. The first seven are named as kubeadm names them (cmd/kubeadm/app/images): the etcd
// tag is the version without v and with the revision -0 of the image, the pause tag has no v.
const IMAGES: Readonly<Record<ImageName, (versions: ComponentVersions) => string>> = {
  'kube-apiserver': (v) => `registry.k8s.io/kube-apiserver:${v.kubernetes}`,
  'kube-controller-manager': (v) => `registry.k8s.io/kube-controller-manager:${v.kubernetes}`,
  'kube-scheduler': (v) => `registry.k8s.io/kube-scheduler:${v.kubernetes}`,
  'kube-proxy': (v) => `registry.k8s.io/kube-proxy:${v.kubernetes}`,
  etcd: (v) => `registry.k8s.io/etcd:${v.etcd.slice(1)}-0`,
  coredns: (v) => `registry.k8s.io/coredns/coredns:${v.coredns}`,
  pause: (v) => `registry.k8s.io/pause:${v.pause}`,
  flannel: (v) => `ghcr.io/flannel-io/flannel:${v.flannel}`,
  'metrics-server': (v) => `registry.k8s.io/metrics-server/metrics-server:${v.metricsServer}`,
  agnhost: () => `registry.k8s.io/e2e-test-images/agnhost:${AGNHOST_VERSION}`,
};

const TEST_IMAGES: readonly ImageName[] = ['agnhost'];

/**
 * The full name of an image, for manifests: `imageReference('etcd', 'v1.36.3')` is `registry.k8s.io/etcd:3.6.16-0`.
 * Throws SPEC_UNSUPPORTED for a Kubernetes version that is not in the catalog.
 */
export function imageReference(name: ImageName, kubernetesVersion: string): string {
  return IMAGES[name](componentVersions(kubernetesVersion));
}

/**
 * Everything the machines of a cluster need: binaries first, then images. Throws SPEC_UNSUPPORTED for a Kubernetes
 * version that is not in the catalog.
 */
export function requiredArtifacts(kubernetesVersion: string): readonly Artifact[] {
  const versions = componentVersions(kubernetesVersion);
  const names = (Object.keys(IMAGES) as ImageName[]).filter((name) => !TEST_IMAGES.includes(name));
  return [...binariesOf(versions), ...names.map((name) => imageOf(name, versions))];
}

/**
 * What only the end-to-end tests need: a workload that answers HTTP, resolves names and can be exec'ed into, and a bucket (the S3 API
 * over a directory), which runs on the host itself.
 */
export function testArtifacts(): readonly Artifact[] {
  const reference = `registry.k8s.io/e2e-test-images/agnhost:${AGNHOST_VERSION}`;
  return [
    { kind: 'image', name: 'agnhost', version: AGNHOST_VERSION, reference },
    ...binaries(['versitygw'], VERSITYGW_VERSION, '/usr/local/bin'),
  ];
}

/**
 * Programs that quorate itself runs on the operator's host to rehearse a restore: etcd and its tools, which are those of the machines, and
 * the API server, which machines have as an image only. Throws SPEC_UNSUPPORTED.
 */
export function rehearsalPrograms(kubernetesVersion: string): readonly BinaryArtifact[] {
  const versions = componentVersions(kubernetesVersion);
  return [
    ...binaries(['etcd', 'etcdctl', 'etcdutl'], versions.etcd, '/usr/local/bin'),
    ...binaries(['kube-apiserver'], versions.kubernetes, '/usr/local/bin'),
  ];
}

function binariesOf(versions: ComponentVersions): readonly BinaryArtifact[] {
  return [
    ...binaries(['kubelet', 'kubectl', 'kubeadm'], versions.kubernetes, '/usr/local/bin'),
    ...binaries(['etcd', 'etcdctl', 'etcdutl'], versions.etcd, '/usr/local/bin'),
    ...binaries(['containerd', 'ctr', 'containerd-shim-runc-v2'], versions.containerd, '/usr/local/bin'),
    ...binaries(['runc'], versions.runc, '/usr/local/sbin'),
    ...binaries(
      ['bridge', 'ptp', 'loopback', 'host-local', 'portmap', 'bandwidth'],
      versions.cniPlugins,
      '/opt/cni/bin',
    ),
  ];
}

function binaries(names: readonly string[], version: string, directory: string): readonly BinaryArtifact[] {
  return names.map((name) => ({ kind: 'binary', name, version, installPath: `${directory}/${name}` }));
}

function imageOf(name: ImageName, versions: ComponentVersions): ImageArtifact {
  const reference = IMAGES[name](versions);
  return { kind: 'image', name, version: reference.slice(reference.lastIndexOf(':') + 1), reference };
}
