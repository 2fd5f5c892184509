import { cidrContains, formatCidr, formatIPv4, parseIPv4 } from '../cidr.ts';
import { FIRST_OFFSET, VIP_OFFSET } from '../defaults.ts';
import { type Finding, invalid } from '../problem.ts';
import { isExternal } from './load-balancers.ts';
import { insideNetwork } from './networks.ts';
import { ENDPOINT, type MachineView, type SpecView } from './view.ts';

/**
 * Ports on which something of a control plane listens on every address (sshd, kubelet, kube-proxy), or which etcd, the
 * controller manager and the scheduler have (kubernetes.io, "Ports and Protocols").
 */
const PORTS_IN_USE: ReadonlySet<number> = new Set([22, 2379, 2380, 2381, 10248, 10249, 10250, 10256, 10257, 10259]);

/** The endpoint is an address that a virtual IP can be, with a port that nothing else has. */
export function* checkEndpoint(view: SpecView): Iterable<Finding> {
  const { endpoint, vip } = view;
  if (endpoint === undefined) return;
  const { host, port } = endpoint;
  if (port < 1 || port > 65535) {
    yield invalid(
      ENDPOINT,
      `port ${port} in spec.controlPlaneEndpoint is not within 1-65535`,
      `write: controlPlaneEndpoint: ${host}:6443`,
    );
  } else if (PORTS_IN_USE.has(port)) {
    const message = `port ${port} in spec.controlPlaneEndpoint is used by another part of a control plane`;
    yield invalid(ENDPOINT, message, `write: controlPlaneEndpoint: ${host}:6443`);
  }
  if (vip !== undefined) {
    yield* checkVip(view, vip);
  } else {
    yield* checkEndpointName(view, host);
  }
}

/** A name is what only a load balancer of the owner's can be reached by. */
function* checkEndpointName(view: SpecView, host: string): Iterable<Finding> {
  const isLocal = view.machines.some(({ driver }) => driver === 'local');
  if (isExternal(view) && !isLocal) return;
  const message = isExternal(view)
    ? `spec.controlPlaneEndpoint "${host}" is a name, but local machines live in the /24 around it, so it must be an IPv4 address`
    : `spec.controlPlaneEndpoint "${host}" is a name, but keepalived needs an IPv4 address to hold as virtual IP`;
  const what = isExternal(view) ? "your load balancer's address" : 'the virtual IP';
  const fix = `write ${what}, for example: controlPlaneEndpoint: 10.87.0.10:6443; add the name to certSANs`;
  yield invalid(ENDPOINT, message, fix);
}

function* checkVip(view: SpecView, vip: string): Iterable<Finding> {
  const inside = insideNetwork(view, vip);
  // With local machines the overlap of whole networks is reported already.
  if (inside !== undefined && view.machineNetwork === undefined) {
    yield invalid(
      ENDPOINT,
      `the virtual IP ${vip} is inside the ${inside}`,
      "write a free address of the machines' own network",
    );
  }
  // This host has the machines' gateway, and is where a load balancer of the owner's may well run.
  if (isExternal(view) && vip === view.gateway) return;
  const special = view.machineNetwork && specialAddress(view, vip);
  if (special === undefined || special === 'the virtual IP') return;
  const free = formatIPv4((view.machineNetwork?.first ?? 0) + VIP_OFFSET);
  yield invalid(
    ENDPOINT,
    `the virtual IP ${vip} is ${special}`,
    `write, for example: controlPlaneEndpoint: ${free}:${view.endpoint?.port}`,
  );
}

/** Each machine has an address: its own, and one that a machine can have. */
export function* checkAddresses(view: SpecView): Iterable<Finding> {
  const owners = new Map<string, MachineView>();
  const suggest = addressSuggester(view);
  for (const machine of view.machines) {
    const { address, path, driver, draft } = machine;
    const place = [...path, 'address'];
    if (address === undefined) {
      if (draft.address === undefined) yield* missingAddress(view, machine);
      continue;
    }
    const owner = owners.get(address);
    if (owner === undefined) owners.set(address, machine);
    else
      yield invalid(
        place,
        clash(machine, owner, address),
        `write a free address, for example: address: ${suggest(address)}`,
      );
    const wrong = addressProblem(view, address, driver === 'ssh');
    if (wrong !== undefined) {
      const message = `address ${address} of ${machine.title} ${wrong}`;
      yield invalid(place, message, `write a free address, for example: address: ${suggest(address)}`);
    }
  }
}

function clash(machine: MachineView, owner: MachineView, address: string): string {
  const how = owner.isAddressWritten || owner.driver === 'ssh' ? '' : ', which got it because it has none of its own';
  return `address ${address} of ${machine.title} is the address of ${owner.title} already${how}`;
}

function* missingAddress(view: SpecView, machine: MachineView): Iterable<Finding> {
  const { driver, path, title, role } = machine;
  if (driver === 'ssh' && typeof machine.draft.ssh?.host === 'string') {
    const message = `${title} has no address, and its ssh.host "${machine.draft.ssh.host}" is a name`;
    yield invalid(
      path,
      message,
      'add the IPv4 address that the other machines reach it by, for example: address: 192.0.2.12',
    );
  } else if (driver !== undefined && driver !== 'ssh' && role !== undefined && view.machineNetwork !== undefined) {
    const message = `no address of ${formatCidr(view.machineNetwork)} is left for ${title}`;
    yield invalid(path, message, 'write fewer machines, or give it an address: below .11 some are free');
  }
}

/** What is wrong with an address, to follow it in a sentence. */
function addressProblem(view: SpecView, address: string, isHost: boolean): string | undefined {
  const value = parseIPv4(address);
  if (value === undefined) return undefined;
  const network = view.machineNetwork;
  const special = specialAddress(view, address);
  if (special !== undefined) return `is ${special}`;
  if (network !== undefined && !isHost && !cidrContains(network, value)) {
    return `is outside the machines' network ${formatCidr(network)}, which is the /24 of the endpoint`;
  }
  const octet = Math.floor(value / 2 ** 24);
  if (octet === 0 || octet === 127 || octet >= 224) return 'is not an address that a machine can be reached at';
  const inside = insideNetwork(view, address);
  // When whole networks overlap, that is reported once, not for every machine.
  const isReported = network !== undefined && cidrContains(network, value);
  return inside === undefined || isReported ? undefined : `is inside the ${inside}`;
}

function specialAddress({ machineNetwork, gateway, vip }: SpecView, address: string): string | undefined {
  if (machineNetwork !== undefined) {
    const network = formatCidr(machineNetwork);
    if (address === formatIPv4(machineNetwork.first)) return `the network address of ${network}`;
    if (address === formatIPv4(machineNetwork.last)) return `the broadcast address of ${network}`;
    if (address === gateway) return `this host's own address in ${network}, the machines' gateway`;
  }
  return address === vip ? 'the virtual IP' : undefined;
}

/** Gives addresses that nobody has, in the network of a wrong one, and each of them only once. */
function addressSuggester(view: SpecView): (near: string) => string {
  const taken = new Set([view.vip, view.gateway, ...view.machines.map((machine) => machine.address)]);
  return (near) => {
    const base = view.machineNetwork?.first ?? Math.floor((parseIPv4(near) ?? 0) / 256) * 256;
    let offset = FIRST_OFFSET['control-plane'] as number;
    while (taken.has(formatIPv4(base + offset)) && offset < 254) offset += 1;
    const address = formatIPv4(base + offset);
    taken.add(address);
    return address;
  };
}
