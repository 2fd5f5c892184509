// The upstream projects as source: which Go module, pinned by its hash in the Go checksum database, and how it is built.
import { kubernetesModuleSum } from './components.ts';
import { TENCENT_STUBS } from './flannel-stubs.ts';

/** A Go module at one version. */
export interface GoModule {
  readonly path: string;
  readonly version: string;
  /** `h1:…`: hash of the module's files, as in go.sum. */
  readonly sum: string;
}

/** A program that a build needs on this host, and the Debian package that has it. */
export interface BuildTool {
  /** argv that succeeds where the tool is there. */
  readonly probe: readonly string[];
  /** As the user knows it: gcc, libseccomp. */
  readonly name: string;
  readonly debianPackage: string;
}

/** A module that cannot be had from the module proxy, replaced by generated files. */
export interface StubModule {
  readonly path: string;
  /** Content by path in the module. */
  readonly files: Readonly<Record<string, string>>;
}

/** One upstream project: all of its binaries are built by one command. */
export interface SourceProject {
  /** Unique name with version; names the build directory: kubernetes-v1.36.3. */
  readonly id: string;
  readonly version: string;
  readonly compiler: 'go' | 'gcc';
  /** The first one is the main module. */
  readonly modules: readonly GoModule[];
  readonly cgo: boolean;
  readonly tags: readonly string[];
  /** Link flags beyond `-s -w`; for gcc, all compiler flags. */
  readonly flags: readonly string[];
  /** `./staging/…` replacements in the main module's go.mod become published modules of this version. */
  readonly stagingVersion?: string;
  readonly stubs?: readonly StubModule[];
  readonly tools: readonly BuildTool[];
  /** Milliseconds on 2 cores with a cold build cache, measured on Debian 12; shown until there is a measurement here. */
  readonly typicalMs: number;
}

const GCC: BuildTool = { probe: ['gcc', '--version'], name: 'gcc', debianPackage: 'gcc libc6-dev' };
const PKG_CONFIG: BuildTool = { probe: ['pkg-config', '--version'], name: 'pkg-config', debianPackage: 'pkg-config' };
const LIBSECCOMP: BuildTool = {
  probe: ['pkg-config', '--exists', 'libseccomp'],
  name: 'libseccomp (headers)',
  debianPackage: 'libseccomp-dev',
};
/** The Kubernetes release that pause and agnhost are built from, whatever version the cluster runs. */
const IMAGE_SOURCES_VERSION = 'v1.36.3';

function goProject(
  name: string,
  modules: readonly GoModule[],
  typicalMs: number,
  extra: Partial<SourceProject> = {},
): SourceProject {
  const version = modules[0]?.version ?? '';
  const base = { version, compiler: 'go', modules, cgo: false, tags: [], flags: [], tools: [], typicalMs } as const;
  return { id: `${name}-${extra.version ?? version}`, ...base, ...extra };
}

function kubernetesModule(version: string): GoModule {
  return { path: 'k8s.io/kubernetes', version, sum: kubernetesModuleSum(version) };
}

/** Version flags as in hack/lib/version.sh of Kubernetes; both packages, the second one makes the User-Agent. */
export function kubernetes(version: string): SourceProject {
  const [major = '', minor = ''] = version.slice(1).split('.');
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((name) =>
    Object.entries(values).map(([key, value]) => `-X ${name}.${key}=${value}`),
  );
  const stagingVersion = version.replace(/^v1\./, 'v0.');
  return goProject('kubernetes', [kubernetesModule(version)], 531_000, { flags, stagingVersion });
}

/** The end-to-end test image's program; part of the Kubernetes module. */
export function agnhost(version: string): SourceProject {
  const stagingVersion = IMAGE_SOURCES_VERSION.replace(/^v1\./, 'v0.');
  return goProject('agnhost', [kubernetesModule(IMAGE_SOURCES_VERSION)], 60_000, { version, stagingVersion });
}

/** One C file in the Kubernetes module. */
export function pause(version: string): SourceProject {
  const flags = ['-Os', '-Wall', '-Werror', '-static', `-DVERSION=${version}`];
  const extra = { version, compiler: 'gcc', flags, tools: [GCC] } as const;
  return goProject('pause', [kubernetesModule(IMAGE_SOURCES_VERSION)], 1_000, extra);
}

/** h1: hashes of every module version that components.ts names, as in the Go checksum database. */
const SUMS: Readonly<Record<string, string>> = {
  'go.etcd.io/etcd/server/v3@v3.6.16': 'h1:sLkpvz3RFtiNd/yPrZBKz5kT+XO1ZJkhmuUJeqc7OmA=',
  'go.etcd.io/etcd/etcdctl/v3@v3.6.16': 'h1:vxr4EySgAbHcd5OiYI/IwRnQmC4y5OmusSPLYxQ84/I=',
  'go.etcd.io/etcd/etcdutl/v3@v3.6.16': 'h1:ghP1wTi/25g43jlrhOmPz0X4D0dXAYBt+nbhYicHcJ0=',
  'go.etcd.io/etcd/server/v3@v3.6.14': 'h1:LfN38zdvhpYnmyHG6shLWkfmMukkoyM19KUEZx1ywpM=',
  'go.etcd.io/etcd/etcdctl/v3@v3.6.14': 'h1:/cININiP3wl9YYCFPrpBJtzfM0YzoPy4E+V3s8YAaLE=',
  'go.etcd.io/etcd/etcdutl/v3@v3.6.14': 'h1:H6FVG+7H1qkc3KspUwThNBow0qJVmq8IfRGzrlg3QT0=',
  'github.com/containerd/containerd/v2@v2.4.2': 'h1:p6Qg+xbEz8lvwdhHDx0U469xENvp4LgGBx+E7djXkGw=',
  'github.com/containerd/containerd/v2@v2.4.1': 'h1:DUx/ZJN7cEu0WuzHClDB+68H/bqMEH5pWoEjf0ae4hc=',
  'github.com/opencontainers/runc@v1.5.2': 'h1:eUUowc2WJCnFYzI87C1WqRcu356Dk/wsoi90y+2wEfE=',
  'github.com/containernetworking/plugins@v1.9.1': 'h1:8oU6WsIsU3bpnNZuvHp74a6cE1MJwbj2P7s4/yTUNlA=',
  'github.com/coredns/coredns@v1.14.2': 'h1:L6ECLwm4Fjg7NJamtGBFDBjk/uqvCJjfgAEhrxh5zJo=',
  'github.com/coredns/coredns@v1.13.1': 'h1:yhYvf/QVwHNjBK65RkC8d9VW91dP9XKem3BOon4eokg=',
  'github.com/flannel-io/flannel@v0.28.4': 'h1:6O4wGCrCTl0Gf5BBpxfOJgOstkxZhEx3ZXzcKRopH8Q=',
  'github.com/versity/versitygw@v1.8.0': 'h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=',
  'sigs.k8s.io/metrics-server@v0.9.0': 'h1:nlqqZ2H0Xfko8eJC/1qaNVVT17hu4rxndkOi22KTZ4w=',
};

function goModule(path: string, version: string): GoModule {
  const sum = SUMS[`${path}@${version}`];
  if (sum !== undefined) return { path, version, sum };
  throw new RangeError(`no checksum is recorded for ${path}@${version}`);
}

/** Server, etcdctl and etcdutl are three modules of one version. */
export function etcd(version: string): SourceProject {
  const modules = [
    goModule('go.etcd.io/etcd/server/v3', version),
    goModule('go.etcd.io/etcd/etcdctl/v3', version),
    goModule('go.etcd.io/etcd/etcdutl/v3', version),
  ];
  return goProject('etcd', modules, 40_000);
}

/** Without the snapshotters that need C libraries or kernel features no machine here has. */
export function containerd(version: string): SourceProject {
  const path = 'github.com/containerd/containerd/v2';
  return goProject('containerd', [goModule(path, version)], 60_000, {
    tags: ['no_btrfs', 'no_devmapper', 'no_zfs'],
    flags: [`-X ${path}/version.Version=${version}`],
  });
}

/** Static, with seccomp: needs libseccomp's headers and archive. */
export function runc(version: string): SourceProject {
  return goProject('runc', [goModule('github.com/opencontainers/runc', version)], 18_000, {
    cgo: true,
    tags: ['seccomp', 'netgo', 'osusergo'],
    flags: ['-extldflags -static', `-X main.version=${version.slice(1)}`],
    tools: [GCC, PKG_CONFIG, LIBSECCOMP],
  });
}

/** bridge, ptp, loopback, host-local, portmap, bandwidth. */
export function cniPlugins(version: string): SourceProject {
  const path = 'github.com/containernetworking/plugins';
  const flags = [`-X ${path}/pkg/utils/buildversion.BuildVersion=${version}`];
  return goProject('cni-plugins', [goModule(path, version)], 6_000, { flags });
}

/** The DNS server with its default plugins. */
export function coredns(version: string): SourceProject {
  return goProject('coredns', [goModule('github.com/coredns/coredns', version)], 196_000);
}

/** metrics-server; the flag is what it prints as its version. */
export function metricsServer(version: string): SourceProject {
  const flags = [`-X k8s.io/client-go/pkg/version.gitVersion=${version}`];
  const module = goModule('sigs.k8s.io/metrics-server', version);
  return goProject('metrics-server', [module], 70_000, { flags });
}

/** An S3 server over a directory, for the tests of backups. */
export function versitygw(version: string): SourceProject {
  return goProject('versitygw', [goModule('github.com/versity/versitygw', version)], 120_000, {
    flags: [`-X main.Version=${version}`],
  });
}

/** Its udp backend is C; its tencent-vpc backend needs two modules that the module proxy does not have. */
export function flannel(version: string): SourceProject {
  const path = 'github.com/flannel-io/flannel';
  return goProject('flannel', [goModule(path, version)], 180_000, {
    cgo: true,
    tags: ['netgo', 'osusergo'],
    flags: ['-extldflags -static', `-X ${path}/pkg/version.Version=${version}`],
    stubs: TENCENT_STUBS,
    tools: [GCC],
  });
}
