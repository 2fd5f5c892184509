// Which address each machine has. Pure and stable: an entry depends on the entries before it only, so a machine that is
// added at the end never moves another.
import { type Cidr, cidrOf, formatIPv4, nthAddress, parseIPv4 } from './cidr.ts';
import { FIRST_OFFSET, GATEWAY_OFFSET, LOCAL_PREFIX_LENGTH } from './defaults.ts';
import type { DriverKind, Role } from './types.ts';

/** What the choice depends on. Incomplete machines are allowed: checks run on unfinished files too. */
export interface Addressee {
  readonly role: Role | undefined;
  readonly driver: DriverKind | undefined;
  /** As written; null when what was written is no address. */
  readonly address: string | null | undefined;
  /** ssh.host: the default address of hosts reached over SSH. */
  readonly sshHost: string | undefined;
}

/** The network of local machines: the /24 that holds the virtual IP. */
export function machineNetworkOf(vip: string): Cidr | undefined {
  const address = parseIPv4(vip);
  return address === undefined ? undefined : cidrOf(address, LOCAL_PREFIX_LENGTH);
}

/** This host's address in the machines' network. */
export function gatewayOf(network: Cidr): string {
  return formatIPv4(network.first + GATEWAY_OFFSET);
}

/**
 * The address of each machine, in order; undefined where none can be told. A chosen address is the first one of its role's
 * range that no earlier machine, the gateway or the virtual IP has.
 */
export function assignAddresses(
  machines: readonly Addressee[],
  network: Cidr | undefined,
  vip: string | undefined,
): readonly (string | undefined)[] {
  const taken = new Set<string>();
  if (vip !== undefined) taken.add(vip);
  return machines.map((machine) => {
    const address = addressOf(machine, network, taken);
    if (address !== undefined) taken.add(address);
    return address;
  });
}

function addressOf(machine: Addressee, network: Cidr | undefined, taken: ReadonlySet<string>): string | undefined {
  if (machine.address === null) return undefined;
  if (machine.address !== undefined) return machine.address;
  const { driver, role, sshHost } = machine;
  if (driver === 'ssh') return sshHost !== undefined && parseIPv4(sshHost) !== undefined ? sshHost : undefined;
  if (driver === undefined || role === undefined || network === undefined) return undefined;
  // The last address is the broadcast address.
  for (let offset: number = FIRST_OFFSET[role]; offset < network.size - 1; offset++) {
    const candidate = nthAddress(network, offset);
    if (candidate !== undefined && !taken.has(candidate)) return candidate;
  }
  return undefined;
}
