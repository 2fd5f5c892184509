// The question whether a subnet is free on this host.
import { type Cidr, cidrsOverlap, parseCidr } from '../../spec/cidr.ts';

/** What the host already uses: a subnet, and what has it (an interface, another cluster). */
export interface SubnetInUse {
  readonly subnet: string;
  readonly owner: string;
}

/** The first use that overlaps the wanted subnet. Default routes do not count: they lead everywhere. */
export function findClash(wanted: string, uses: readonly SubnetInUse[]): SubnetInUse | undefined {
  const subnet = parseSubnet(wanted);
  if (subnet === undefined) return undefined;
  return uses.find((use) => {
    const other = parseSubnet(use.subnet);
    return other !== undefined && other.prefixLength > 0 && cidrsOverlap(subnet, other);
  });
}

/** `ip` prints a single address without its /32, and `default` for everything; the latter is no subnet here. */
function parseSubnet(text: string): Cidr | undefined {
  return parseCidr(text.includes('/') ? text : `${text}/32`);
}

/** Subnets of `ip -json -4 route show table all` and `ip -json -4 address`, with the interface that has each. */
export function subnetsInUse(routes: string, addresses: string): readonly SubnetInUse[] {
  const fromRoutes = (parseList(routes) as { dst?: string; dev?: string; type?: string }[])
    .filter(({ dst, type }) => dst !== undefined && (type ?? 'unicast') === 'unicast')
    .map(({ dst = '', dev }) => ({ subnet: dst, owner: dev ?? 'a route' }));
  const fromAddresses = (
    parseList(addresses) as { ifname: string; addr_info?: { local?: string; prefixlen?: number }[] }[]
  ).flatMap(({ ifname, addr_info = [] }) =>
    addr_info.map(({ local, prefixlen }) => ({ subnet: `${local}/${prefixlen}`, owner: ifname })),
  );
  return [...fromAddresses, ...fromRoutes];
}

/** `ip -json` prints nothing at all where there is nothing to list. */
function parseList(text: string): unknown[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as unknown[]);
}
