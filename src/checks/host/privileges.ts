import { failed, type HostCheck, ok, skipped, warning } from './types.ts';

/** Machines are made of mounts, namespaces and cgroups: only root may. */
export const rootCheck: HostCheck = {
  id: 'root',
  title: 'quorate runs as root',
  onlyLocal: true,
  run: async (_ctx, { host }) =>
    host.isRoot ? ok('user id 0') : failed('not user id 0', 'run it with sudo: sudo quorate up'),
};

// Bit numbers from linux/capability.h.
const NEEDED = { CAP_NET_ADMIN: 12, CAP_SYS_CHROOT: 18, CAP_SYS_ADMIN: 21, CAP_MKNOD: 27 } as const;
const CAP_SYS_RESOURCE = 24;

/** Root inside a container often lacks what root on a host has. */
export const capabilitiesCheck: HostCheck = {
  id: 'capabilities',
  title: 'root has the capabilities that machines need',
  onlyLocal: true,
  run: async (_ctx, { host }) => {
    const status = await host.read('/proc/self/status');
    const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
    if (hex === undefined) return skipped('/proc/self/status does not tell');
    const has = (bit: number) => ((BigInt(`0x${hex}`) >> BigInt(bit)) & 1n) === 1n;
    const missing = Object.entries(NEEDED).flatMap(([name, bit]) => (has(bit) ? [] : [name]));
    if (missing.length > 0) {
      return failed(
        `missing: ${missing.join(', ')}`,
        'run quorate on the host itself, or in a container with --privileged',
      );
    }
    if (!has(CAP_SYS_RESOURCE)) {
      return ok(
        'all there but CAP_SYS_RESOURCE; containerd and kubelet will be told that OOM scores cannot be lowered',
      );
    }
    return ok(`all there (CapEff ${hex})`);
  },
};

/** Docker and systemd mark the containers they start. */
export const containerCheck: HostCheck = {
  id: 'container',
  title: 'this is a whole host, or a container that may act like one',
  onlyLocal: true,
  run: async (ctx, { host }) => {
    const kind = (await host.run(ctx, ['systemd-detect-virt', '--container'])).stdout.trim();
    if (kind === '' || kind === 'none') return ok('not in a container');
    const sys = await host.read('/proc/self/mounts');
    const isSysReadOnly = /^\S+ \/sys sysfs ro[,\s]/m.test(sys ?? '');
    if (isSysReadOnly)
      return failed(`in a ${kind} container with a read-only /sys`, 'start the container with --privileged');
    return warning(
      `in a ${kind} container: machines end when it does`,
      'run quorate on the host if they should outlive it',
    );
  },
};
