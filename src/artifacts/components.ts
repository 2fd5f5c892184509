// Which version of every part goes with which Kubernetes version. Data only: a new Kubernetes patch release is one more line.
import { QuorateError } from '../core/errors.ts';

/** Versions of everything a cluster is made of, spelled as upstream's tags spell them. */
export interface ComponentVersions {
  /** v1.36.3: kubelet, kubectl, kubeadm and the four control-plane and proxy images. */
  readonly kubernetes: string;
  /** v3.6.16. etcd, etcdctl, etcdutl. */
  readonly etcd: string;
  /** v2.4.2 */
  readonly containerd: string;
  /** v1.5.2 */
  readonly runc: string;
  /** v1.9.1 */
  readonly cniPlugins: string;
  /** v1.14.2 */
  readonly coredns: string;
  /** 3.10.2, without the v, as its tag. */
  readonly pause: string;
  /** v0.28.4 */
  readonly flannel: string;
  /** v0.9.0 */
  readonly metricsServer: string;
}

interface Release {
  readonly version: string;
  /** h1: hash of the module k8s.io/kubernetes at that version, as in the Go checksum database. */
  readonly moduleSum: string;
  /** Parts that go with this release in another version than the newest set. */
  readonly parts?: Partial<Omit<ComponentVersions, 'kubernetes'>>;
}

/** What was current with the older releases: an upgrade of Kubernetes then is one of these parts too. */
const EARLIER = { etcd: 'v3.6.14', containerd: 'v2.4.1' } as const;

// Newest first; the first one is the default for new clusters.
const RELEASES: readonly Release[] = [
  { version: 'v1.36.3', moduleSum: 'h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=' },
  { version: 'v1.36.1', moduleSum: 'h1:Mt7NKigaZ2KmOmCLhX81lGlH9JU5wjXnYhXnxAun9XA=', parts: EARLIER },
  {
    version: 'v1.35.4',
    moduleSum: 'h1:o/8dBC/pHVpYoGV4OAIytAlNPZbdYVTXJHoYvXC4qzM=',
    parts: { ...EARLIER, coredns: 'v1.13.1' },
  },
  {
    version: 'v1.34.4',
    moduleSum: 'h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk=',
    parts: { ...EARLIER, coredns: 'v1.13.1' },
  },
];

/**
 * The tested set; a release may differ in parts. coredns and pause are kubeadm v1.36.3's own constants
 * (cmd/kubeadm/app/constants: CoreDNSVersion, PauseVersion); etcd is newer than its 3.6.8, because 3.6.14 is the first
 * that quorate trusts (DESIGN.md), and kubeadm accepts any 3.6.
 */
const COMPONENTS: Omit<ComponentVersions, 'kubernetes'> = {
  etcd: 'v3.6.16',
  containerd: 'v2.4.2',
  runc: 'v1.5.2',
  cniPlugins: 'v1.9.1',
  coredns: 'v1.14.2',
  pause: '3.10.2',
  flannel: 'v0.28.4',
  metricsServer: 'v0.9.0',
};

/** Kubernetes versions that the catalog can provide, newest first; the first one is the default. */
export function supportedKubernetesVersions(): readonly string[] {
  return RELEASES.map((release) => release.version);
}

/** Versions of all parts for one Kubernetes version. Throws SPEC_UNSUPPORTED for a version that is not in the catalog. */
export function componentVersions(kubernetesVersion: string): ComponentVersions {
  const { version, parts } = releaseOf(kubernetesVersion);
  return { kubernetes: version, ...COMPONENTS, ...parts };
}

/** h1: hash of k8s.io/kubernetes at that version. Throws SPEC_UNSUPPORTED for a version that is not in the catalog. */
export function kubernetesModuleSum(kubernetesVersion: string): string {
  return releaseOf(kubernetesVersion).moduleSum;
}

function releaseOf(version: string): Release {
  const release = RELEASES.find((candidate) => candidate.version === version);
  if (release) return release;
  throw new QuorateError('SPEC_UNSUPPORTED', `kubernetes version ${version} is not in the catalog`, {
    hint: `choose one of: ${supportedKubernetesVersions().join(', ')}`,
  });
}
