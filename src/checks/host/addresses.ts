// The addresses and routes of this host, read off `ip`.
import type { Context } from '../../core/context.ts';
import type { Host } from './host.ts';

/** A network that this host is in or has a route to. */
export interface HostNetwork {
  /** 10.0.0.0/24, or `default`. */
  readonly destination: string;
  readonly device: string;
  /** This host's own address in it, where it has one. */
  readonly source?: string;
}

/** Every IPv4 route of this host; undefined when `ip` is not installed. */
export async function readRoutes(ctx: Context, host: Host): Promise<readonly HostNetwork[] | undefined> {
  const { exitCode, stdout } = await host.run(ctx, ['ip', '-4', '-json', 'route', 'show']);
  if (exitCode !== 0) return undefined;
  const routes = JSON.parse(stdout.trim() || '[]') as { dst?: string; dev?: string; prefsrc?: string }[];
  return routes.map(({ dst = '', dev = '', prefsrc }) => ({
    destination: dst,
    device: dev,
    ...(prefsrc === undefined ? {} : { source: prefsrc }),
  }));
}

/** Every IPv4 address of this host by its interface; undefined when `ip` is not installed. */
export async function readAddresses(
  ctx: Context,
  host: Host,
): Promise<readonly { readonly device: string; readonly address: string }[] | undefined> {
  const { exitCode, stdout } = await host.run(ctx, ['ip', '-4', '-json', 'addr', 'show']);
  if (exitCode !== 0) return undefined;
  const links = JSON.parse(stdout.trim() || '[]') as { ifname?: string; addr_info?: { local?: string }[] }[];
  return links.flatMap(({ ifname = '', addr_info = [] }) =>
    addr_info.flatMap(({ local }) => (local === undefined ? [] : [{ device: ifname, address: local }])),
  );
}
