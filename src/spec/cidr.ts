// IPv4 arithmetic. Addresses are unsigned 32-bit numbers; all sums stay exact in a JavaScript number.

/** An IPv4 network. `address` is what was written before the slash; it differs from `first` when host bits are set. */
export interface Cidr {
  readonly address: number;
  readonly prefixLength: number;
  /** The network address. */
  readonly first: number;
  /** The broadcast address. */
  readonly last: number;
  /** Number of addresses, first and last included. */
  readonly size: number;
}

/** 0.0.0.0 to 255.255.255.255 without leading zeros, as a pattern for JSON Schema (no lookahead). */
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
/** Pattern of an IPv4 address. */
export const IPV4_PATTERN: RegExp = new RegExp(`^(${OCTET}\\.){3}${OCTET}$`);
/** Pattern of an IPv4 network: address, slash, prefix length. */
export const CIDR_PATTERN: RegExp = new RegExp(`^(${OCTET}\\.){3}${OCTET}/(3[0-2]|[12]?[0-9])$`);

/** An address as a number; undefined when the text is not one. */
export function parseIPv4(text: string): number | undefined {
  if (!IPV4_PATTERN.test(text)) return undefined;
  return text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** A number as dotted decimals. Throws RangeError outside 0 … 2^32-1: that would be a defect of the caller. */
export function formatIPv4(address: number): string {
  if (!Number.isInteger(address) || address < 0 || address > 0xffffffff)
    throw new RangeError(`no IPv4 address: ${address}`);
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** A network from `address/prefix length`; undefined when the text is not one. */
export function parseCidr(text: string): Cidr | undefined {
  if (!CIDR_PATTERN.test(text)) return undefined;
  const [ip = '', prefix = ''] = text.split('/');
  const address = parseIPv4(ip);
  return address === undefined ? undefined : cidrOf(address, Number(prefix));
}

/** The network of the given prefix length that holds an address. */
export function cidrOf(address: number, prefixLength: number): Cidr {
  const size = 2 ** (32 - prefixLength);
  const first = address - (address % size);
  return { address, prefixLength, first, last: first + size - 1, size };
}

/** The network as it is properly written: host bits cleared. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIPv4(cidr.first)}/${cidr.prefixLength}`;
}

/** True when bits behind the prefix are set: 10.42.0.5/16. */
export function hasHostBits(cidr: Cidr): boolean {
  return cidr.address !== cidr.first;
}

/** True when the network holds the address. */
export function cidrContains(cidr: Cidr, address: number): boolean {
  return address >= cidr.first && address <= cidr.last;
}

/** True when any address is in both networks. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The n-th address of a network, 0 being the network address itself; undefined behind its end. */
export function nthAddress(cidr: Cidr, n: number): string | undefined {
  return Number.isInteger(n) && n >= 0 && n < cidr.size ? formatIPv4(cidr.first + n) : undefined;
}
