// How every binary of the catalog is obtained: its official release file, and the source it is built from.
import { AGNHOST_VERSION, type ComponentVersions, componentVersions, VERSITYGW_VERSION } from './catalog.ts';
import { goArch } from './host.ts';
import type { SourceProject } from './projects.ts';
import * as projects from './projects.ts';

/** A file that upstream publishes, with the address of its published sha256. Without `entry` the file is the binary. */
export interface ReleaseFile {
  readonly url: string;
  /** A text that holds the sha256 of the file: bare, or in the format of sha256sum. */
  readonly checksumUrl: string;
  /** Path inside the archive (tar.gz). */
  readonly entry?: string;
}

/** A binary and where it comes from. */
export interface BinaryRecipe {
  readonly name: string;
  readonly version: string;
  readonly project: SourceProject;
  /** Go import path, or the C file in the module. */
  readonly source: string;
  /** Absent: upstream publishes no such binary with a checksum. */
  readonly release?: ReleaseFile;
}

const KUBERNETES_BINARIES = [
  'kubelet',
  'kubectl',
  'kubeadm',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
] as const;

const CNI_PACKAGES: Readonly<Record<string, string>> = {
  bridge: 'main/bridge',
  ptp: 'main/ptp',
  loopback: 'main/loopback',
  'host-local': 'ipam/host-local',
  portmap: 'meta/portmap',
  bandwidth: 'meta/bandwidth',
};

/** All binaries for one Kubernetes version, those inside images and of tests included. Throws SPEC_UNSUPPORTED. */
export function binaryRecipes(kubernetesVersion: string): readonly BinaryRecipe[] {
  const versions = componentVersions(kubernetesVersion);
  return [
    ...KUBERNETES_BINARIES.map((name) => kubernetesBinary(name, versions.kubernetes)),
    ...etcdBinaries(versions),
    ...['containerd', 'ctr', 'containerd-shim-runc-v2'].map((name) => containerdBinary(name, versions.containerd)),
    runc(versions.runc),
    ...Object.entries(CNI_PACKAGES).map(([name, path]) => cniPlugin(name, path, versions.cniPlugins)),
    coredns(versions.coredns),
    goBinary('flanneld', projects.flannel(versions.flannel), 'github.com/flannel-io/flannel'),
    goBinary(
      'metrics-server',
      projects.metricsServer(versions.metricsServer),
      'sigs.k8s.io/metrics-server/cmd/metrics-server',
    ),
    goBinary('pause', projects.pause(versions.pause), 'build/pause/linux/pause.c'),
    goBinary('agnhost', projects.agnhost(AGNHOST_VERSION), 'k8s.io/kubernetes/test/images/agnhost'),
    goBinary('versitygw', projects.versitygw(VERSITYGW_VERSION), 'github.com/versity/versitygw/cmd/versitygw'),
  ];
}

function goBinary(name: string, project: SourceProject, source: string, release?: ReleaseFile): BinaryRecipe {
  return { name, version: project.version, project, source, ...(release === undefined ? {} : { release }) };
}

/** https://kubernetes.io/releases/download/ */
function kubernetesBinary(name: string, version: string): BinaryRecipe {
  const url = `https://dl.k8s.io/release/${version}/bin/linux/${goArch()}/${name}`;
  const release = { url, checksumUrl: `${url}.sha256` };
  return goBinary(name, projects.kubernetes(version), `k8s.io/kubernetes/cmd/${name}`, release);
}

function etcdBinaries(versions: ComponentVersions): readonly BinaryRecipe[] {
  const base = `etcd-${versions.etcd}-linux-${goArch()}`;
  const url = github('etcd-io/etcd', versions.etcd, `${base}.tar.gz`);
  const checksumUrl = github('etcd-io/etcd', versions.etcd, 'SHA256SUMS');
  const modules = { etcd: 'server', etcdctl: 'etcdctl', etcdutl: 'etcdutl' };
  return Object.entries(modules).map(([name, module]) =>
    goBinary(name, projects.etcd(versions.etcd), `go.etcd.io/etcd/${module}/v3`, {
      url,
      checksumUrl,
      entry: `${base}/${name}`,
    }),
  );
}

/** The statically linked archive: it runs whatever C library the machine has. */
function containerdBinary(name: string, version: string): BinaryRecipe {
  const file = `containerd-static-${version.slice(1)}-linux-${goArch()}.tar.gz`;
  const url = github('containerd/containerd', version, file);
  const source = `github.com/containerd/containerd/v2/cmd/${name}`;
  const release = { url, checksumUrl: `${url}.sha256sum`, entry: `bin/${name}` };
  return goBinary(name, projects.containerd(version), source, release);
}

function runc(version: string): BinaryRecipe {
  return goBinary('runc', projects.runc(version), 'github.com/opencontainers/runc', {
    url: github('opencontainers/runc', version, `runc.${goArch()}`),
    checksumUrl: github('opencontainers/runc', version, 'runc.sha256sum'),
  });
}

function cniPlugin(name: string, path: string, version: string): BinaryRecipe {
  const url = github('containernetworking/plugins', version, `cni-plugins-linux-${goArch()}-${version}.tgz`);
  const release = { url, checksumUrl: `${url}.sha256`, entry: `./${name}` };
  return goBinary(
    name,
    projects.cniPlugins(version),
    `github.com/containernetworking/plugins/plugins/${path}`,
    release,
  );
}

function coredns(version: string): BinaryRecipe {
  const url = github('coredns/coredns', version, `coredns_${version.slice(1)}_linux_${goArch()}.tgz`);
  const release = { url, checksumUrl: `${url}.sha256`, entry: 'coredns' };
  return goBinary('coredns', projects.coredns(version), 'github.com/coredns/coredns', release);
}

function github(repository: string, version: string, file: string): string {
  return `https://github.com/${repository}/releases/download/${version}/${file}`;
}
