// Writes a commented cluster.yaml. What it writes is read back before anyone sees it.
import { stringify } from 'yaml';
import { QuorateError } from '../core/errors.ts';
import { cidrOf, cidrsOverlap, formatCidr, nthAddress, parseCidr } from './cidr.ts';
import { DEFAULTS, DEMO, FIRST_OFFSET, LOCAL_PREFIX_LENGTH, VIP_OFFSET } from './defaults.ts';
import { parseSpec } from './load.ts';
import type { Problem } from './problem.ts';
import type { ClusterSpec } from './types.ts';
import { DEFAULT_KUBERNETES_VERSION } from './versions.ts';

/** What `quorate init` is asked for; the rest of the file it writes has the defaults. */
export interface InitOptions {
  readonly name?: string;
  /** Default 3. Odd, at most 7. */
  readonly controlPlanes?: number;
  /** Default 2. */
  readonly workers?: number;
  /** Machines of role loadbalancer; default 0: the control planes balance. */
  readonly loadBalancers?: number;
  /** Default haproxy. */
  readonly loadBalancer?: ClusterSpec['loadBalancer']['type'];
  /** Default local. ssh writes example hosts of 192.0.2.0/24 (TEST-NET-1) to be replaced. */
  readonly driver?: 'local' | 'ssh';
  /** The machines' /24; default 10.87.0.0/24. The virtual IP is its .10. */
  readonly subnet?: string;
  readonly kubernetesVersion?: string;
  /** Where editors find the JSON Schema: a path or an address. */
  readonly schema?: string;
}

const ZONES = ['a', 'b', 'c'];
const EXAMPLE_SUBNET = '192.0.2.0/24';

/**
 * A commented cluster.yaml. Addresses are written out, so that removing a machine never moves another. Throws USAGE when the
 * options cannot make a valid cluster (an even number of control planes, a bad name, a subnet that is no /24, machines for a load
 * balancer that is external).
 */
export function renderClusterYaml(options: InitOptions = {}): string {
  const text = render(options);
  try {
    parseSpec(text, 'cluster.yaml', { unsupported: 'allow' });
  } catch (cause) {
    const problems = cause instanceof QuorateError ? ((cause.data.problems as Problem[] | undefined) ?? []) : [];
    const wrong = problems.filter(({ kind }) => kind !== 'warning');
    if (wrong.length === 0) throw cause;
    throw new QuorateError('USAGE', wrong.map(({ message }) => message).join('\n'), {
      hint: wrong.map(({ fix }) => fix).join('; '),
      data: { problems: wrong },
      cause,
    });
  }
  return text;
}

/** The demo cluster, which `quorate up` builds without a file. Another name or subnet lets several stand side by side. */
export function demoSpec(options: InitOptions = {}): ClusterSpec {
  return parseSpec(renderClusterYaml(options), 'the demo cluster').spec;
}

/**
 * The first 10.87.N.0/24 that overlaps none of the given networks (`address/prefix length`; what is no IPv4 network is
 * skipped). Throws NETWORK_CLASH when all 256 are in use.
 */
export function freeSubnet(usedCidrs: readonly string[]): string {
  // 0.0.0.0/0 is the default route, not a network in use.
  const used = usedCidrs.flatMap((text) => parseCidr(text) ?? []).filter(({ prefixLength }) => prefixLength > 0);
  for (let third = 0; third < 256; third++) {
    const candidate = parseCidr(`10.87.${third}.0/24`);
    if (candidate && !used.some((other) => cidrsOverlap(candidate, other))) return formatCidr(candidate);
  }
  throw new QuorateError('NETWORK_CLASH', 'no network of 10.87.0.0/16 is free on this host', {
    hint: 'choose a private /24 yourself: quorate init --subnet 10.99.0.0/24',
  });
}

function subnetOf({ driver, subnet }: InitOptions) {
  const text = subnet ?? (driver === 'ssh' ? EXAMPLE_SUBNET : DEMO.subnet);
  const cidr = parseCidr(text);
  if (cidr === undefined || cidr.prefixLength !== LOCAL_PREFIX_LENGTH) {
    throw new QuorateError(
      'USAGE',
      `subnet "${text}" is not an IPv4 network with prefix length ${LOCAL_PREFIX_LENGTH}`,
      {
        hint: `write a private network, for example ${DEMO.subnet}`,
      },
    );
  }
  return cidrOf(cidr.first, LOCAL_PREFIX_LENGTH);
}

function render(options: InitOptions): string {
  const network = subnetOf(options);
  const vip = nthAddress(network, VIP_OFFSET) ?? '';
  const isLocal = options.driver !== 'ssh';
  const controlPlanes = options.controlPlanes ?? DEMO.controlPlanes;
  const sans = DEFAULTS.certSANs.join(', ');
  return `# yaml-language-server: $schema=${options.schema ?? './schema/cluster.schema.json'}
# A cluster of quorate. See what would be done: quorate plan. Build it, or bring it in line with this file: quorate up
apiVersion: quorate/v1alpha1
kind: Cluster
metadata:
  name: ${scalar(options.name ?? DEMO.name)}
spec:
  # The same on all machines; one minor version at a time when it is raised.
  kubernetesVersion: ${scalar(options.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION)}
  # ${endpointComment(options)}
${isLocal ? `  # The machines live in the /24 around it, on a bridge of this host, which has the .1.\n` : ''}  controlPlaneEndpoint: ${vip}:${DEFAULTS.port}
  # More names and addresses for the API servers' certificates.
  certSANs: [${sans}]
  # None of these may overlap a network that the machines reach.
  networking:
    podSubnet: ${DEFAULTS.podSubnet}
    serviceSubnet: ${DEFAULTS.serviceSubnet}
    dnsDomain: ${DEFAULTS.dnsDomain}
    cni: flannel
  # ${balancerComment(options)}
  loadBalancer:
    type: ${options.loadBalancer ?? 'haproxy'}
  # An etcd member on each control plane.
  etcd:
    topology: stacked
    # Backups of the whole cluster, sealed; each control plane makes them by itself. Without a bucket they die with the machines.
    snapshots:
      schedule: "0 */6 * * *"
      retention: 7d
      # s3: { endpoint: "https://s3.example.com", bucket: backups, credentialsFile: ~/.aws/credentials }
  # Leader leases of 15s/10s/2s, as upstream has them.
  failover: default
  # ${countComment(controlPlanes)}
  machines:
${machineLines(options, network).join('\n')}
`;
}

function endpointComment({ loadBalancer, loadBalancers = 0 }: InitOptions): string {
  if (loadBalancer === 'external')
    return 'Your load balancer, which every client uses: an address, or with machines of your own a name.';
  const holder = loadBalancers > 0 ? 'load balancer' : 'control plane';
  return `The virtual IP that every client uses. It moves to a living ${holder} when its holder dies.`;
}

function balancerComment({ loadBalancer, loadBalancers = 0 }: InitOptions): string {
  if (loadBalancer === 'external') {
    return 'Yours: TCP to port 6443 of every control plane whose https://ADDRESS:6443/readyz answers 200; no limit on idle connections.';
  }
  const where = loadBalancers > 0 ? 'on machines of their own' : 'on the control planes';
  if (loadBalancer !== 'nginx') return `HAProxy and keepalived ${where}.`;
  return `NGINX and keepalived ${where}. NGINX learns of a dead API server from connections that fail; haproxy asks beforehand.`;
}

function countComment(controlPlanes: number): string {
  if (controlPlanes === 1) return 'One control plane is not highly available: use 3 to survive the loss of any one.';
  return 'An odd number of control planes, in as many zones as there are: 3 survive the loss of any one, 5 of any two.';
}

function machineLines(options: InitOptions, network: ReturnType<typeof cidrOf>): readonly string[] {
  const { controlPlanes = DEMO.controlPlanes, workers = DEMO.workers, loadBalancers = 0, driver = 'local' } = options;
  const line = (name: string, role: keyof typeof FIRST_OFFSET, index: number) => {
    const address = nthAddress(network, FIRST_OFFSET[role] + index) ?? '';
    const where = driver === 'local' ? 'local: {}' : `ssh: { host: ${address}, user: ops, keyPath: ~/.ssh/id_ed25519 }`;
    return `    - { name: ${name}, role: ${role}, zone: ${ZONES[index % ZONES.length]}, address: ${address}, ${where} }`;
  };
  return [
    ...Array.from({ length: controlPlanes }, (_, index) => line(`cp${index + 1}`, 'control-plane', index)),
    ...Array.from({ length: workers }, (_, index) => line(`worker${index + 1}`, 'worker', index)),
    ...Array.from({ length: loadBalancers }, (_, index) => line(`lb${index + 1}`, 'loadbalancer', index)),
  ];
}

/** A text as YAML, quoted only where it would be read as something else. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0 }).trim();
}
