import {
  type Cidr,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  formatIPv4,
  hasHostBits,
  nthAddress,
  parseCidr,
  parseIPv4,
} from '../cidr.ts';
import { DEFAULTS, NODE_CIDR_PREFIX_LENGTH } from '../defaults.ts';
import { type Finding, invalid, type SpecPath } from '../problem.ts';
import { ENDPOINT, type SpecView } from './view.ts';

const POD_SUBNET: SpecPath = ['spec', 'networking', 'podSubnet'];
const SERVICE_SUBNET: SpecPath = ['spec', 'networking', 'serviceSubnet'];

interface Network {
  readonly title: string;
  readonly path: SpecPath;
  readonly cidr: Cidr;
}

/** Networks that mean something else everywhere (RFC 6890, "Special-Purpose IP Address Registries"). */
const RESERVED: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
];

/** Networks are well-formed, apart from each other and from the special ones. */
export function* checkNetworks(view: SpecView): Iterable<Finding> {
  const networks = networksOf(view);
  for (const network of networks) {
    if (network.path !== ENDPOINT && hasHostBits(network.cidr)) {
      const written = `${formatIPv4(network.cidr.address)}/${network.cidr.prefixLength}`;
      const message = `${network.title} ${written} has bits set behind its prefix`;
      yield invalid(network.path, message, `write: ${network.path.at(-1)}: ${formatCidr(network.cidr)}`);
    }
    yield* checkReserved(network);
  }
  for (const [index, network] of networks.entries()) {
    for (const other of networks.slice(0, index)) {
      if (!cidrsOverlap(network.cidr, other.cidr)) continue;
      const message = `${network.title} ${formatCidr(network.cidr)} overlaps the ${other.title} ${formatCidr(other.cidr)}`;
      // A default has no line; then the other one is the one that was chosen.
      yield invalid(network.path, message, overlapFix(networks, network), { fallback: other.path });
    }
  }
}

function networksOf({ spec, machineNetwork }: SpecView): readonly Network[] {
  const { podSubnet = DEFAULTS.podSubnet, serviceSubnet = DEFAULTS.serviceSubnet } = spec.networking ?? {};
  const candidates: readonly (readonly [string, SpecPath, Cidr | undefined])[] = [
    ["machines' network", ENDPOINT, machineNetwork],
    ['pod subnet', POD_SUBNET, parseCidr(podSubnet ?? '')],
    ['service subnet', SERVICE_SUBNET, parseCidr(serviceSubnet ?? '')],
  ];
  return candidates.flatMap(([title, path, cidr]) => (cidr === undefined ? [] : [{ title, path, cidr }]));
}

function overlapFix(networks: readonly Network[], network: Network): string {
  const { prefixLength } = network.cidr;
  for (let second = 42; second < 256 && prefixLength >= 16; second++) {
    const free = parseCidr(`10.${second}.0.0/${prefixLength}`);
    if (free && networks.every((other) => other === network || !cidrsOverlap(free, other.cidr))) {
      return `write, for example: ${network.path.at(-1)}: ${formatCidr(free)}`;
    }
  }
  return 'choose subnets that have no address in common';
}

function* checkReserved({ title, path, cidr }: Network): Iterable<Finding> {
  for (const [text, meaning] of RESERVED) {
    const reserved = parseCidr(text);
    if (reserved === undefined || !cidrsOverlap(cidr, reserved)) continue;
    const message = `${title} ${formatCidr(cidr)} overlaps ${text}, which is ${meaning}`;
    const example =
      path === ENDPOINT ? '10.87.0.10:6443' : path === POD_SUBNET ? DEFAULTS.podSubnet : DEFAULTS.serviceSubnet;
    yield invalid(path, message, `use a private network, for example: ${path.at(-1)}: ${example}`);
    return;
  }
}

/** kubeadm's limits of the service subnet: at most 20 host bits, at least 10 addresses (its tenth is the DNS). */
export function* checkServiceSubnet({ spec }: SpecView): Iterable<Finding> {
  const cidr = parseCidr(spec.networking?.serviceSubnet ?? '');
  if (cidr === undefined) return;
  if (cidr.prefixLength < 12) {
    const message = `service subnet ${formatCidr(cidr)} is too large: the API server takes /12 at most`;
    yield invalid(SERVICE_SUBNET, message, `write, for example: serviceSubnet: ${formatIPv4(cidr.first)}/16`);
  } else if (nthAddress(cidr, 10) === undefined) {
    const message = `service subnet ${formatCidr(cidr)} is too small: its tenth address is the cluster's DNS`;
    yield invalid(SERVICE_SUBNET, message, 'write /28 or larger; /16 is usual');
  }
}

/** kubeadm's limit: the pod subnet may be at most 16 bits larger than a node's part of it. */
const MAX_NODE_BITS = 16;

/** The pod subnet has a /24 for every node. */
export function* checkPodSubnet({ spec, machines }: SpecView): Iterable<Finding> {
  const cidr = parseCidr(spec.networking?.podSubnet ?? '');
  if (cidr === undefined) return;
  const text = formatCidr(cidr);
  const bits = NODE_CIDR_PREFIX_LENGTH - cidr.prefixLength;
  if (bits > MAX_NODE_BITS) {
    const message = `pod subnet ${text} is too large: the controller manager divides /${NODE_CIDR_PREFIX_LENGTH - MAX_NODE_BITS} at most`;
    yield invalid(POD_SUBNET, message, `write, for example: podSubnet: ${formatIPv4(cidr.first)}/16`);
    return;
  }
  const nodes = machines.filter(({ role }) => role === 'control-plane' || role === 'worker').length;
  const room = bits < 0 ? 0 : 2 ** bits;
  if (room < Math.max(1, nodes)) {
    const message = `pod subnet ${text} has room for ${room} nodes (each takes a /${NODE_CIDR_PREFIX_LENGTH}), but there are ${nodes}`;
    yield invalid(POD_SUBNET, message, 'write a larger one; /16 has room for 256 nodes');
  }
}

/** Names the network of the cluster that holds an address; undefined when none does. */
export function insideNetwork(view: SpecView, address: string): string | undefined {
  const value = parseIPv4(address);
  if (value === undefined) return undefined;
  const inside = networksOf(view).find(({ path, cidr }) => path !== ENDPOINT && cidrContains(cidr, value));
  return inside && `${inside.title} ${formatCidr(inside.cidr)}`;
}
