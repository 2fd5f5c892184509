// Everything on this host that local machines touch, as text: equal before and after means that nothing was left.
import { readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';

const SYSCTLS = [
  'net.ipv4.ip_forward',
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
  'kernel.pid_max',
  'net.ipv4.conf.all.rp_filter',
];

/** Links, mounts, nftables, cgroups, processes and kernel settings of quorate's on this host. */
export async function hostState(): Promise<Record<string, string>> {
  const links = await execa('ip', ['-o', 'link'], { reject: false });
  const rules = await execa('nft', ['list', 'tables'], { reject: false });
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return {
    links: links.stdout.split('\n').map((line) => line.split(': ')[1] ?? '').sort().join('\n'),
    tables: rules.stdout.split('\n').sort().join('\n'),
    mounts: mounts.split('\n').filter((line) => line.includes('quorate')).join('\n'),
    cgroups: (await groups('/sys/fs/cgroup', 3)).join('\n'),
    processes: (await processes()).join('\n'),
    sysctls: (await Promise.all(SYSCTLS.map(setting))).join('\n'),
  };
}

async function setting(name: string): Promise<string> {
  return `${name}=${(await readFile(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').catch(() => '')).trim()}`;
}

async function groups(dir: string, depth: number): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => [
        ...(name.includes('quorate') ? [`${dir}/${name}`] : []),
        ...(depth > 0 ? await groups(`${dir}/${name}`, depth - 1) : []),
      ]),
  );
  return found.flat().sort();
}

async function processes(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return names
    .map((line) => line.replaceAll('\0', ' ').trim())
    .filter((line) => /systemd-nspawn|kube-|etcd |containerd|haproxy|keepalived/.test(line))
    .sort();
}
