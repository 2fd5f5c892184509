import { lookup } from 'node:dns/promises';
import { messageOf } from '../../core/errors.ts';
import { type HostCheck, ok, skipped, warning } from './types.ts';

/** Machines copy this host's name servers; CoreDNS forwards to them, and a loopback address would make it ask itself. */
export const resolverCheck: HostCheck = {
  id: 'resolver',
  title: 'names can be resolved',
  run: async (_ctx, { host }) => {
    const conf = (await host.read('/etc/resolv.conf')) ?? '';
    const servers = [...conf.matchAll(/^nameserver\s+(\S+)/gm)].map(([, address]) => address ?? '');
    if (servers.length === 0) {
      return warning(
        '/etc/resolv.conf names no server: pods will resolve cluster names only',
        'echo "nameserver ADDRESS" >> /etc/resolv.conf',
      );
    }
    if (servers.every((address) => address.startsWith('127.') || address === '::1')) {
      const upstream = (await host.read('/run/systemd/resolve/resolv.conf')) ?? '';
      if (/^nameserver\s+(?!127\.)/m.test(upstream))
        return ok(`${servers.join(', ')}, behind it systemd-resolved's servers`);
      return warning(
        `only loopback servers (${servers.join(', ')}), which pods cannot reach`,
        'name a server that machines can reach in /etc/resolv.conf',
      );
    }
    return ok(servers.join(', '));
  },
};

/** The host name goes into logs and lock files, and sudo looks it up on every call. */
export const hostnameCheck: HostCheck = {
  id: 'hostname',
  title: "this host's own name resolves",
  run: async (_ctx, { host }) => {
    const name = ((await host.read('/proc/sys/kernel/hostname')) ?? '').trim();
    if (name === '') return skipped('/proc/sys/kernel/hostname does not tell');
    try {
      const { address } = await lookup(name);
      return ok(`${name} is ${address}`);
    } catch (error) {
      return warning(`${name}: ${messageOf(error)}`, `echo "127.0.1.1 ${name}" >> /etc/hosts`);
    }
  },
};
