import type { Context } from '../../core/context.ts';
import { cidrsOverlap, parseCidr } from '../../spec/cidr.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { type HostNetwork, readAddresses, readRoutes } from './addresses.ts';
import type { Host } from './host.ts';
import { failed, type HostCheck, type HostFinding, isLocal, ok, skipped, warning } from './types.ts';

/** A range of the cluster and the interface that may rightly carry it. */
interface Range {
  readonly name: string;
  readonly cidr: string;
}

function rangesOf(spec: ClusterSpec): readonly Range[] {
  const { podSubnet, serviceSubnet } = spec.networking;
  const own =
    spec.machineNetwork === undefined ? [] : [{ name: "the machines' network", cidr: spec.machineNetwork.subnet }];
  return [...own, { name: 'podSubnet', cidr: podSubnet }, { name: 'serviceSubnet', cidr: serviceSubnet }];
}

/** A range that this host already uses elsewhere makes the one or the other unreachable. */
export const subnetCheck: HostCheck = {
  id: 'subnets',
  title: "the cluster's subnets are free on this host",
  run: async (ctx, { host, spec }) => {
    const routes = await readRoutes(ctx, host);
    if (!routes) return skipped('`ip` is not installed');
    const clashes = rangesOf(spec).flatMap((range) =>
      routes.filter((route) => overlaps(route, range) && !isOwnBridge(route, spec)).map((route) => ({ range, route })),
    );
    if (clashes.length === 0) {
      return ok(
        rangesOf(spec)
          .map(({ name, cidr }) => `${name} ${cidr}`)
          .join(', '),
      );
    }
    const texts = clashes.map(
      ({ range, route }) => `${range.name} ${range.cidr} overlaps ${route.destination} on ${route.device}`,
    );
    return failed(
      texts.join('; '),
      'choose free ranges in cluster.yaml; for local machines: quorate init picks a free one',
    );
  },
};

function overlaps(route: HostNetwork, { cidr }: Range): boolean {
  const text = route.destination.includes('/') ? route.destination : `${route.destination}/32`;
  const [a, b] = [parseCidr(text), parseCidr(cidr)];
  return a !== undefined && b !== undefined && cidrsOverlap(a, b);
}

/** The bridge of this very cluster, when it is running already. */
function isOwnBridge(route: HostNetwork, { machineNetwork }: ClusterSpec): boolean {
  return machineNetwork !== undefined && route.source === machineNetwork.gateway;
}

/**
 * Tools that guess a machine's address from the default route advertise the wrong one on hosts with several networks. Here
 * every address is written down; what is left to go wrong is a host without any way out.
 */
export const defaultRouteCheck: HostCheck = {
  id: 'default-route',
  title: 'machines can reach the outside, and no address is guessed',
  run: async (ctx, { host, spec }) => {
    const routes = await readRoutes(ctx, host);
    if (!routes) return skipped('`ip` is not installed');
    const defaults = routes.filter(({ destination }) => destination === 'default');
    const fixed = `all ${spec.machines.length} machines have a written address`;
    if (defaults.length === 0) {
      return warning(
        `${fixed}; this host has no default route, so pods will reach nothing outside`,
        'ip route add default via ROUTER',
      );
    }
    const devices = [...new Set(defaults.map(({ device }) => device))].join(', ');
    return ok(`${fixed}; default route over ${devices}`);
  },
};

/** An address that two machines answer at works for half of the clients. */
export const vipCheck: HostCheck = {
  id: 'vip',
  title: 'nobody else answers at the virtual IP',
  run: async (ctx, { host, spec }) => {
    const { vip, port } = spec.endpoint;
    if (spec.loadBalancer.type === 'external') return skipped('the load balancer is not ours, and may answer already');
    if (vip === undefined) return skipped(`${spec.endpoint.host} is a name; its owner looks after it`);
    const own = (await readAddresses(ctx, host)) ?? [];
    const holder = own.find(({ address }) => address === vip);
    if (holder) return failed(`${vip} is this host's own address, on ${holder.device}`, CHOOSE);
    if (isLocal(spec)) {
      const isUp = own.some(({ address }) => address === spec.machineNetwork?.gateway);
      return isUp ? ok(`${vip}: the cluster is running and holds it itself`) : vipOfNoNetwork(ctx, host, vip, port);
    }
    const sign = await signOfLife(ctx, host, vip, port);
    if (sign === undefined) return ok(`${vip} does not answer`);
    return warning(`${vip} ${sign}: fine if this cluster is running already`, `if it is not: ${CHOOSE}`);
  },
};

const CHOOSE = 'choose a free address for spec.controlPlaneEndpoint in cluster.yaml';

/** Before its bridge exists, the address of a local cluster can only be somebody's where a route leads to it. */
async function vipOfNoNetwork(ctx: Context, host: Host, vip: string, port: number): Promise<HostFinding> {
  const routes = ((await readRoutes(ctx, host)) ?? []).filter(({ destination }) => destination !== 'default');
  const range = { name: 'vip', cidr: `${vip}/32` };
  if (!routes.some((route) => overlaps(route, range))) return ok(`${vip} is in no network of this host yet`);
  const sign = await signOfLife(ctx, host, vip, port);
  return sign === undefined ? ok(`${vip} does not answer`) : failed(`${vip} ${sign}`, CHOOSE);
}

/** Whether anybody has an address: a connection is tried, which makes the kernel ask for it by ARP. */
async function signOfLife(ctx: Context, host: Host, address: string, port: number): Promise<string | undefined> {
  if (await host.answers(ctx, address, port)) return `answers at port ${port}`;
  const { stdout } = await host.run(ctx, ['ip', '-4', 'neigh', 'show', address]);
  const hardware = /lladdr (\S+)/.exec(stdout)?.[1];
  return hardware === undefined || /FAILED|INCOMPLETE/.test(stdout) ? undefined : `answers ARP from ${hardware}`;
}

/** Whoever listens on the endpoint's port at every address would take it from the load balancer. */
export const portCheck: HostCheck = {
  id: 'ports',
  title: "the endpoint's port is free",
  run: async (ctx, { host, spec }) => {
    if (isLocal(spec)) return ok(`each machine has ports of its own; ${spec.endpoint.port} is used inside them only`);
    if (spec.loadBalancer.type === 'external') return skipped('the load balancer is not ours');
    const { exitCode, stdout } = await host.run(ctx, ['ss', '-Hltn', 'sport', '=', `:${spec.endpoint.port}`]);
    if (exitCode !== 0) return skipped('`ss` is not installed');
    const isMachine = await isOneOfTheMachines(ctx, host, spec);
    const listeners = stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(/\s+/)[3] ?? '');
    if (!isMachine || listeners.length === 0)
      return ok(`nothing of ours listens on this host at port ${spec.endpoint.port}`);
    return warning(
      `port ${spec.endpoint.port} is taken here: ${listeners.join(', ')}`,
      `ss -ltnp 'sport = :${spec.endpoint.port}'`,
    );
  },
};

async function isOneOfTheMachines(ctx: Context, host: Host, spec: ClusterSpec): Promise<boolean> {
  const own = (await readAddresses(ctx, host))?.map(({ address }) => address) ?? [];
  return spec.machines.some(({ address }) => own.includes(address));
}

/** VRRP is IP protocol 112 (RFC 5798); two groups with one router id on one network take each other's address. */
export const vrrpCheck: HostCheck = {
  id: 'vrrp',
  title: "no other VRRP group is on the machines' network",
  run: async (ctx, { host, spec }) => {
    if (spec.endpoint.vip === undefined || spec.loadBalancer.type === 'external')
      return skipped('this cluster runs no VRRP');
    if (isLocal(spec))
      return ok('the machines have a network of their own; every cluster of this host has another one');
    if ((await host.which('tcpdump')) === undefined) {
      return skipped('only tcpdump can tell; on a control plane run: timeout 5 tcpdump -c 3 -ni any ip proto 112');
    }
    const { stdout } = await host.run(
      ctx,
      ['timeout', '3', 'tcpdump', '-c', '3', '-ni', 'any', 'ip', 'proto', '112'],
      6000,
    );
    const groups = [...new Set([...stdout.matchAll(/vrid (\d+)/g)].map(([, id]) => id))];
    if (groups.length === 0) return ok('no VRRP packet in three seconds');
    return warning(
      `VRRP router ids in use here: ${groups.join(', ')}`,
      "compare them with the cluster's own: quorate status",
    );
  },
};
