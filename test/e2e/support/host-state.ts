// What a cluster of local machines leaves traces in on this host. Other clusters may live here; only the named one counts.
import { access, readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';

const STATE = process.env.QUORATE_STATE_DIR ?? '/var/lib/quorate';
const SYSCTLS = [
  'net.ipv4.ip_forward',
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
  'kernel.pid_max',
  'net.ipv4.conf.all.rp_filter',
];

/** Links, rules, mounts, control groups, processes and files of a cluster, one a line; empty: nothing is left. */
export async function traces(cluster: string): Promise<readonly string[]> {
  const links = await readdir('/sys/class/net');
  const tables = await execa('nft', ['list', 'tables'], { reject: false });
  const rules = await execa('iptables', ['-S', 'FORWARD'], { reject: false });
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const directory = `${STATE}/clusters/${cluster}`;
  return [
    ...links
      .filter((name) => name === `q-${cluster}` || name.startsWith(`vb-${cluster}-`))
      .map((name) => `link ${name}`),
    ...tables.stdout.split('\n').filter((line) => line.endsWith(`quorate-q-${cluster}`)),
    ...(rules.stdout ?? '').split('\n').filter((line) => line.includes(`q-${cluster} `)),
    ...mounts.split('\n').filter((line) => line.includes(`/clusters/${cluster}/`)),
    ...(await groups('/sys/fs/cgroup', 3)).filter((path) => path.endsWith(`/quorate/${cluster}`)),
    ...(await processes(cluster)),
    ...(await access(directory).then(
      () => [directory],
      () => [],
    )),
  ];
}

/** Names of the clusters on this host. Kernel settings go back with the last one. */
export async function clustersOnHost(): Promise<readonly string[]> {
  return readdir(`${STATE}/clusters`).catch(() => []);
}

/** The kernel settings that quorate raises, as text. */
export async function kernelSettings(): Promise<string> {
  const values = await Promise.all(
    SYSCTLS.map(async (name) => {
      const value = await readFile(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').catch(() => '');
      return `${name}=${value.trim()}`;
    }),
  );
  return values.join('\n');
}

async function groups(directory: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => [
        `${directory}/${name}`,
        ...(depth > 0 ? await groups(`${directory}/${name}`, depth - 1) : []),
      ]),
  );
  return found.flat();
}

/** Everything inside a machine is in its control group; its supervisor has its directory on the command line. */
async function processes(cluster: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [group, line] = await Promise.all(
        ['cgroup', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
      );
      const isOurs = group?.includes(`/quorate/${cluster}/`) || line?.includes(`/clusters/${cluster}/`);
      // One without a command line has ended already; its parent has only not asked for it yet.
      return isOurs && line !== '' ? [`process ${pid}: ${line?.replaceAll('\0', ' ').trim()}`] : [];
    }),
  );
  return found.flat();
}
