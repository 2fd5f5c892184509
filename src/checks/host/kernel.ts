import type { Context } from '../../core/context.ts';
import { MINIMUM_SYSCTLS } from '../../machines/local/sysctls.ts';
import type { Host } from './host.ts';
import { failed, type HostCheck, type HostFinding, ok, skipped, warning } from './types.ts';

/** A kernel feature and how to try it, in a network namespace of its own that vanishes with the command. */
interface Feature {
  readonly name: string;
  readonly for: string;
  readonly argv: readonly string[];
}

const FEATURES: readonly Feature[] = [
  { name: 'bridge', for: "the machines' network", argv: ['ip', 'link', 'add', 'probe', 'type', 'bridge'] },
  {
    name: 'veth',
    for: "the machines' network",
    argv: ['ip', 'link', 'add', 'probe', 'type', 'veth', 'peer', 'name', 'p2'],
  },
  {
    name: 'vxlan',
    for: 'flannel',
    argv: ['ip', 'link', 'add', 'probe', 'type', 'vxlan', 'id', '1', 'dstport', '8472', 'local', '127.0.0.1'],
  },
  { name: 'nf_tables', for: 'kube-proxy', argv: ['nft', 'add', 'table', 'inet', 'probe'] },
  {
    name: 'nf_nat',
    for: 'Services',
    argv: ['nft', 'add table ip p; add chain ip p c { type nat hook postrouting priority 100; }'],
  },
];

/** Tries what cannot be read off a list: a module may be built in, loadable, or missing. */
export const kernelNetworkCheck: HostCheck = {
  id: 'kernel-network',
  title: 'the kernel has the network features that a cluster uses',
  onlyLocal: true,
  run: async (ctx, { host }) => {
    if (!host.isRoot) return skipped('only root can try them');
    if ((await host.which('unshare')) === undefined) return skipped('unshare is not installed');
    const missing: Feature[] = [];
    for (const feature of FEATURES) {
      const { exitCode } = await host.run(ctx, ['unshare', '--net', ...feature.argv]);
      if (exitCode !== 0) missing.push(feature);
    }
    if (missing.length === 0) return ok(FEATURES.map(({ name }) => name).join(', '));
    const names = missing.map(({ name, for: use }) => `${name} (for ${use})`).join(', ');
    return failed(
      `missing: ${names}`,
      `modprobe -a ${missing.map(({ name }) => name).join(' ')}   # or use another kernel`,
    );
  },
};

/** Containers and machines stack file systems. */
export const overlayCheck: HostCheck = {
  id: 'overlayfs',
  title: 'the kernel has overlayfs',
  onlyLocal: true,
  run: async (ctx, { host }) => {
    if (await hasFilesystem(host, 'overlay')) return ok('listed in /proc/filesystems');
    await host.run(ctx, ['modprobe', 'overlay']);
    if (await hasFilesystem(host, 'overlay')) return ok('loaded as a module');
    return failed('overlay is not in /proc/filesystems', 'modprobe overlay   # or use a kernel with CONFIG_OVERLAY_FS');
  },
};

async function hasFilesystem(host: Host, name: string): Promise<boolean> {
  return ((await host.read('/proc/filesystems')) ?? '')
    .split('\n')
    .some((line) => line.trim().split(/\s+/).at(-1) === name);
}

/** Controllers that the kubelet cannot work without (kubernetes.io, "Configuring a cgroup driver"; runc's own needs). */
const CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'] as const;

/** Pods are cgroups. Both generations work; on the first one the kubelet is told so. */
export const cgroupCheck: HostCheck = {
  id: 'cgroups',
  title: 'the cgroup controllers that pods need are there',
  onlyLocal: true,
  run: async (_ctx, { host }) => {
    const unified = (await host.read('/sys/fs/cgroup/cgroup.controllers'))?.trim();
    if (unified !== undefined) return judge('v2', unified.split(/\s+/));
    const table = (await host.read('/proc/cgroups')) ?? '';
    const rows = table.split('\n').map((line) => line.split(/\s+/));
    return judge(
      'v1',
      rows.flatMap(([name = '', , , enabled]) => (enabled === '1' ? [name] : [])),
    );
  },
};

function judge(version: string, present: readonly string[]): HostFinding {
  const missing = CONTROLLERS.filter((name) => !present.includes(name));
  if (missing.length === 0) return ok(`cgroup ${version} with ${CONTROLLERS.join(', ')}`);
  return failed(
    `cgroup ${version} without ${missing.join(', ')}`,
    `boot the kernel with: cgroup_enable=${missing.join(',')}`,
  );
}

/** Low kernel limits show up as "too many open files" in kubelets, minutes later. */
export const sysctlCheck: HostCheck = {
  id: 'sysctls',
  title: 'kernel limits are high enough, or can be raised',
  onlyLocal: true,
  run: async (_ctx, { host }) => {
    const low: string[] = [];
    for (const [name, need] of Object.entries(MINIMUM_SYSCTLS)) {
      const value = Number((await host.read(`/proc/sys/${name.replaceAll('.', '/')}`)) ?? Number.NaN);
      if (value < need) low.push(`${name}=${need} (is ${value})`);
    }
    if (low.length === 0) return ok('all high enough');
    const isReadOnly = /^\S+ \/proc\/sys \S+ ro[,\s]/m.test((await host.read('/proc/self/mounts')) ?? '');
    const settings = low.map((text) => text.split(' ')[0]).join(' ');
    if (isReadOnly)
      return failed(`too low and /proc/sys is read-only: ${low.join(', ')}`, `on the host: sysctl -w ${settings}`);
    return ok(`quorate up raises ${low.join(', ')}, and quorate down puts them back`);
  },
};

/** HAProxy's maxconn is derived from the hard limit; below this it could not even serve one small cluster. */
const NOFILE_MIN = 4096;
const NOFILE_GOOD = 16_384;

/** A load balancer needs two file descriptors a connection. */
export const nofileCheck: HostCheck = {
  id: 'open-files',
  title: 'enough files may be open at once',
  onlyLocal: true,
  run: (ctx, { host }) => judgeNofile(ctx, host),
};

async function judgeNofile(_ctx: Context, host: Host): Promise<HostFinding> {
  const limits = (await host.read('/proc/self/limits')) ?? '';
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  if (hard === undefined) return skipped('/proc/self/limits does not tell');
  const value = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
  const evidence = `hard limit ${hard}`;
  const fix = 'raise it where quorate is started: ulimit -Hn 524288   # or LimitNOFILE= in its unit';
  if (value < NOFILE_MIN) return failed(evidence, fix);
  if (value < NOFILE_GOOD) return warning(`${evidence}; the load balancers will take fewer connections`, fix);
  return ok(evidence);
}
