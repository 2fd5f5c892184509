// What this host is: detected, because users' hosts differ (cgroup version, init system, devices).
import { access } from 'node:fs/promises';
import { readTextOrUndefined } from './records.ts';

/** How control groups are mounted (cgroups(7)). */
export type CgroupLayout =
  /** One tree with all controllers. */
  | { readonly version: 'v2'; readonly root: string }
  /** One tree a controller, perhaps a v2 tree without controllers beside them ("hybrid"). */
  | { readonly version: 'v1'; readonly hierarchies: readonly CgroupHierarchy[] };

/** One mounted tree of control groups, and where it is mounted. */
export interface CgroupHierarchy {
  /** cpuset, memory, …; `systemd` for the named one; `unified` for the v2 tree of a hybrid host. */
  readonly name: string;
  readonly path: string;
}

/** What decides how machines are started here. */
export interface HostFacts {
  readonly cgroup: CgroupLayout;
  /** True when PID 1 is systemd: machines then run as its transient units. */
  readonly hasSystemd: boolean;
  /** The kubelet reads the kernel's log; some containers have none. */
  readonly hasKmsg: boolean;
}

/** Reads the facts; cheap enough to do it for every start. */
export async function readHostFacts(): Promise<HostFacts> {
  const [mounts, controllers, comm] = await Promise.all(
    ['/proc/self/mounts', '/proc/cgroups', '/proc/1/comm'].map(readTextOrUndefined),
  );
  return {
    cgroup: parseCgroupLayout(mounts ?? '', controllers ?? ''),
    hasSystemd: comm?.trim() === 'systemd' && (await exists('/run/systemd/system')),
    hasKmsg: await exists('/dev/kmsg'),
  };
}

/**
 * The layout, from /proc/self/mounts and /proc/cgroups. A v2 tree counts as the host's own only when no v1 controller is
 * mounted; a v1 controller counts when the kernel has it enabled.
 */
export function parseCgroupLayout(mounts: string, controllers: string): CgroupLayout {
  const enabled = new Set(
    controllers
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/\s+/))
      .filter((fields) => fields[3] === '1')
      .map(([name = '']) => name),
  );
  const hierarchies: CgroupHierarchy[] = [];
  let unified: string | undefined;
  for (const line of mounts.split('\n')) {
    const [, path = '', type = '', options = ''] = line.split(' ');
    if (type === 'cgroup2') unified ??= path;
    if (type !== 'cgroup') continue;
    const names = options.split(',');
    const name = names.includes('name=systemd') ? 'systemd' : names.find((option) => enabled.has(option));
    if (name !== undefined && !hierarchies.some((h) => h.path === path)) hierarchies.push({ name, path });
  }
  if (hierarchies.every(({ name }) => name === 'systemd')) return { version: 'v2', root: unified ?? '/sys/fs/cgroup' };
  return {
    version: 'v1',
    hierarchies: unified === undefined ? hierarchies : [...hierarchies, { name: 'unified', path: unified }],
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
