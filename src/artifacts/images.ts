// What is inside each image: the same paths, entry point and user as upstream's image of that name.

/** One binary inside an image. */
export interface ImageFile {
  /** Name of the binary in recipes.ts. */
  readonly binary: string;
  /** Absolute path inside the image. */
  readonly path: string;
}

/** How an image is packed. */
export interface ImageRecipe {
  /** Short name: kube-apiserver, etcd, … */
  readonly name: string;
  readonly files: readonly ImageFile[];
  readonly entrypoint: readonly string[];
  readonly cmd?: readonly string[];
  /** uid[:gid]; absent means root. */
  readonly user?: string;
  /** Empty directories beyond those every image has. */
  readonly directories?: readonly string[];
  /** Programs of this host that upstream's image has too, with the shared libraries they need. */
  readonly hostTools?: readonly string[];
  /** Small files of upstream's base image that its programs read: content by absolute path. */
  readonly texts?: Readonly<Record<string, string>>;
}

const LOCAL_BIN = '/usr/local/bin';

function oneBinary(name: string, path: string, extra: Partial<ImageRecipe> = {}): ImageRecipe {
  return { name, files: [{ binary: name, path }], entrypoint: [path], ...extra };
}

/**
 * Names of protocols (IANA). Without them `nft --json` prints `6` for tcp, kube-proxy does not know its own rules again when it
 * starts anew, and removes the rules of every Service.
 */
const PROTOCOLS = ['ip 0 IP', 'icmp 1 ICMP', 'tcp 6 TCP', 'udp 17 UDP', 'ipv6-icmp 58 IPv6-ICMP', 'sctp 132 SCTP', '']
  .map((line) => line.replaceAll(' ', '\t'))
  .join('\n');

const RECIPES: readonly ImageRecipe[] = [
  oneBinary('kube-apiserver', `${LOCAL_BIN}/kube-apiserver`),
  oneBinary('kube-controller-manager', `${LOCAL_BIN}/kube-controller-manager`),
  oneBinary('kube-scheduler', `${LOCAL_BIN}/kube-scheduler`),
  // In nftables mode kube-proxy runs `nft`; upstream's base image carries it (registry.k8s.io/build-image/distroless-iptables).
  oneBinary('kube-proxy', `${LOCAL_BIN}/kube-proxy`, { hostTools: ['nft'], texts: { '/etc/protocols': PROTOCOLS } }),
  {
    name: 'etcd',
    files: ['etcd', 'etcdctl', 'etcdutl'].map((binary) => ({ binary, path: `${LOCAL_BIN}/${binary}` })),
    entrypoint: [`${LOCAL_BIN}/etcd`],
  },
  // Upstream runs it as nonroot with a file capability for port 53. Layers made here carry no file capabilities, so it is
  // root with whatever capabilities its pod grants (kubeadm's manifest: NET_BIND_SERVICE only).
  oneBinary('coredns', '/coredns'),
  oneBinary('pause', '/pause', { user: '65535:65535' }),
  // Without iptables, which upstream's image has: flanneld must run with --iptables-forward-rules=false and without --ip-masq.
  {
    name: 'flannel',
    files: [{ binary: 'flanneld', path: '/opt/bin/flanneld' }],
    entrypoint: ['/opt/bin/flanneld'],
  },
  oneBinary('metrics-server', '/metrics-server', { user: '65534' }),
  oneBinary('agnhost', '/agnhost', { cmd: ['pause'], directories: ['/uploads'] }),
];

/** The recipe of an image by its short name; undefined for a name that is not in the catalog. */
export function imageRecipe(name: string): ImageRecipe | undefined {
  return RECIPES.find((recipe) => recipe.name === name);
}
