import { describe, expect, it } from 'vitest';
import { doctor } from '../../../src/actions/doctor.ts';
import { judgeLatency, measureSync, summarise } from '../../../src/checks/host/disk-latency.ts';
import type { Host, Ran } from '../../../src/checks/host/host.ts';
import { HOST_CHECKS, runHostCheck } from '../../../src/checks/host/index.ts';
import { memoryNeed } from '../../../src/checks/host/resources.ts';
import type { HostCheck } from '../../../src/checks/host/types.ts';
import { silentContext } from '../../../src/core/context.ts';
import { demoSpec } from '../../../src/spec/init.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';

const SPEC = demoSpec();
const GIB = 1024 ** 3;

/** What differs from a host on which all is well. */
interface HostSetup {
  readonly isRoot?: boolean;
  readonly files?: Readonly<Record<string, string>>;
  /** Standard output by the beginning of the command line; a command that is not here fails. */
  readonly commands?: Readonly<Record<string, string>>;
  readonly missing?: readonly string[];
  readonly freeBytes?: number;
  /** Addresses that somebody is at. */
  readonly inUse?: readonly string[];
}

const FILES: Readonly<Record<string, string>> = {
  '/proc/self/status': 'CapEff:\t000001ffffffffff\n',
  '/proc/self/mounts': 'sysfs /sys sysfs rw 0 0\n',
  '/proc/self/limits': 'Max open files            1024                 1048576              files\n',
  '/proc/meminfo': 'MemTotal:       16777216 kB\nMemAvailable:   15728640 kB\n',
  '/proc/cpuinfo': 'processor\t: 0\nprocessor\t: 1\n',
  '/proc/swaps': 'Filename Type Size Used Priority\n',
  '/proc/filesystems': 'nodev\tsysfs\nnodev\toverlay\n\text4\n',
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids\n',
  '/proc/sys/fs/inotify/max_user_instances': '128\n',
  '/etc/resolv.conf': 'nameserver 192.0.2.53\n',
};
const ROUTE_TO_VIP = '[{"dst":"10.87.0.10","dev":"eth0"}]';
const COMMANDS: Readonly<Record<string, string>> = {
  'ip -4 -json route show':
    '[{"dst":"default","gateway":"192.0.2.1","dev":"eth0"},{"dst":"192.0.2.0/24","dev":"eth0","prefsrc":"192.0.2.7"}]',
  'ip -4 -json addr show': '[{"ifname":"eth0","addr_info":[{"local":"192.0.2.7"}]}]',
  unshare: '',
  'timedatectl show': 'yes\n',
  'nft list ruleset': '',
};

function fakeHost(setup: HostSetup = {}): Host {
  const files: Record<string, string> = { ...FILES, ...setup.files };
  const commands: Record<string, string> = { ...COMMANDS, ...setup.commands };
  const run = async (_ctx: unknown, argv: readonly string[]): Promise<Ran> => {
    const line = argv.join(' ');
    const known = Object.keys(commands).find((start) => line.startsWith(start));
    if (known === undefined) return { exitCode: 1, stdout: '', stderr: '' };
    return { exitCode: 0, stdout: commands[known] ?? '', stderr: '' };
  };
  return {
    isRoot: setup.isRoot ?? true,
    env: {},
    read: async (path) => files[path] || undefined,
    run,
    which: async (program) => (setup.missing?.includes(program) ? undefined : `/usr/bin/${program}`),
    answers: async (_ctx, address) => setup.inUse?.includes(address) ?? false,
    freeBytes: async () => setup.freeBytes ?? 100 * GIB,
  };
}

function check(id: string): HostCheck {
  const found = HOST_CHECKS.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no check ${id}`);
  return found;
}

const ask = (id: string, setup: HostSetup = {}, spec: ClusterSpec = SPEC) =>
  runHostCheck(silentContext(), check(id), { host: fakeHost(setup), spec });

describe('host checks', () => {
  it.each(HOST_CHECKS.map(({ id }) => id).filter((id) => !['disk-latency', 'hostname', 'sources'].includes(id)))(
    '%s is content with a good host',
    async (id) => {
      expect(['ok', 'skipped']).toContain((await ask(id)).state);
    },
  );

  it('have ids of their own in kebab-case', () => {
    const ids = HOST_CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[a-z]+(-[a-z]+)*$/.test(id))).toBe(true);
  });

  it.each<[string, string, HostSetup, 'warning' | 'failed', RegExp, RegExp]>([
    ['root', 'an ordinary user', { isRoot: false }, 'failed', /user id/, /sudo/],
    [
      'capabilities',
      'a container without CAP_SYS_ADMIN',
      { files: { '/proc/self/status': 'CapEff:\t00000000a80425fb\n' } },
      'failed',
      /CAP_NET_ADMIN, CAP_SYS_ADMIN/,
      /--privileged/,
    ],
    [
      'local-tools',
      'no nspawn',
      { missing: ['systemd-nspawn'] },
      'failed',
      /systemd-nspawn/,
      /apt-get.*systemd-container/,
    ],
    [
      'memory',
      'too little memory',
      { files: { '/proc/meminfo': 'MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n' } },
      'failed',
      /1\.0 GiB available of 2\.0 GiB; 5 machines need 4\.7 GiB/,
      /--control-planes 1/,
    ],
    [
      'memory',
      'memory that others use',
      { files: { '/proc/meminfo': 'MemTotal: 16777216 kB\nMemAvailable: 1048576 kB\n' } },
      'warning',
      /1\.0 GiB available/,
      /end other programs/,
    ],
    ['disk', 'a full disk', { freeBytes: GIB }, 'failed', /1\.0 GiB free/, /QUORATE_STATE_DIR/],
    ['cache-disk', 'a rather full disk', { freeBytes: 4 * GIB }, 'warning', /4\.0 GiB free/, /QUORATE_CACHE_DIR/],
    [
      'swap',
      'swap that is on',
      { files: { '/proc/swaps': 'Filename Type\n/dev/sda2 partition\n' } },
      'warning',
      /\/dev\/sda2/,
      /swapoff/,
    ],
    ['overlayfs', 'no overlayfs', { files: { '/proc/filesystems': '\text4\n' } }, 'failed', /overlay/, /modprobe/],
    [
      'cgroups',
      'no memory controller on v2',
      { files: { '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu pids' } },
      'failed',
      /v2 without memory/,
      /cgroup_enable=memory/,
    ],
    [
      'cgroups',
      'no pids controller on v1',
      {
        files: {
          '/sys/fs/cgroup/cgroup.controllers': '',
          '/proc/cgroups': '#name\thier\tnum\tenabled\ncpu\t1\t1\t1\ncpuset\t1\t1\t1\nmemory\t1\t1\t1\npids\t1\t1\t0\n',
        },
      },
      'failed',
      /v1 without pids/,
      /pids/,
    ],
    [
      'open-files',
      'a low hard limit',
      { files: { '/proc/self/limits': 'Max open files  1024  2048  files\n' } },
      'failed',
      /2048/,
      /ulimit/,
    ],
    [
      'sysctls',
      'limits that cannot be raised',
      { files: { '/proc/self/mounts': 'proc /proc/sys proc ro,nosuid 0 0\n' } },
      'failed',
      /read-only.*max_user_instances/,
      /sysctl -w/,
    ],
    [
      'subnets',
      'a VPN in the same range',
      { commands: { 'ip -4 -json route show': '[{"dst":"10.87.0.0/16","dev":"tun0"}]' } },
      'failed',
      /10\.87\.0\.0\/24 overlaps 10\.87\.0\.0\/16 on tun0/,
      /quorate init/,
    ],
    [
      'vip',
      'a VIP that somebody has',
      { inUse: ['10.87.0.10'], commands: { 'ip -4 -json route show': ROUTE_TO_VIP } },
      'failed',
      /10\.87\.0\.10 answers at port 6443/,
      /controlPlaneEndpoint/,
    ],
    [
      'vip',
      'a VIP that answers ARP alone',
      {
        commands: {
          'ip -4 -json route show': ROUTE_TO_VIP,
          'ip -4 neigh show': '10.87.0.10 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE',
        },
      },
      'failed',
      /ARP from 02:00/,
      /controlPlaneEndpoint/,
    ],
    [
      'default-route',
      'no way out',
      { commands: { 'ip -4 -json route show': '[]' } },
      'warning',
      /no default route/,
      /ip route add default/,
    ],
    [
      'network-services',
      'firewalld',
      { commands: { 'systemctl is-active firewalld': 'active\n' } },
      'warning',
      /firewalld is running/,
      /disable --now firewalld/,
    ],
    [
      'forward-policy',
      "docker's policy",
      {
        commands: {
          'nft list ruleset':
            'table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n',
        },
      },
      'warning',
      /table ip filter/,
      /iifname/,
    ],
    ['clock', 'no time service', { commands: { 'timedatectl show': 'no\n' } }, 'warning', /not synchronised/, /chrony/],
    [
      'resolver',
      'loopback name servers only',
      { files: { '/etc/resolv.conf': 'nameserver 127.0.0.1\n' } },
      'warning',
      /loopback/,
      /resolv\.conf/,
    ],
  ])('%s reports %s', async (id, _name, setup, state, evidence, fix) => {
    const result = await ask(id, setup);
    expect(result.state).toBe(state);
    expect(result.evidence).toMatch(evidence);
    expect(result.fix).toMatch(fix);
  });

  it('accept the running cluster itself: its bridge and its virtual IP are no clash', async () => {
    const own = {
      commands: {
        'ip -4 -json route show': '[{"dst":"10.87.0.0/24","dev":"q-demo","prefsrc":"10.87.0.1"}]',
        'ip -4 -json addr show': '[{"ifname":"q-demo","addr_info":[{"local":"10.87.0.1"}]}]',
      },
      inUse: ['10.87.0.10'],
    };
    expect(await ask('subnets', own)).toMatchObject({ state: 'ok' });
    expect(await ask('vip', own)).toMatchObject({ state: 'ok', evidence: expect.stringContaining('holds it itself') });
  });

  it('warn about one control plane and refuse an even number of voters', async () => {
    const withPlanes = (count: number): ClusterSpec => ({
      ...SPEC,
      machines: SPEC.machines
        .slice(0, 1)
        .flatMap((machine) => Array.from({ length: count }, (_, index) => ({ ...machine, name: `cp${index + 1}` }))),
    });
    expect(await ask('voters', {}, withPlanes(1))).toMatchObject({ state: 'warning' });
    expect(await ask('voters', {}, withPlanes(2))).toMatchObject({
      state: 'failed',
      fix: expect.stringContaining('3'),
    });
    expect(await ask('voters', {}, withPlanes(5))).toMatchObject({
      state: 'ok',
      evidence: '5 voters: quorum 3, 2 may fail',
    });
  });

  it('leave hosts of others alone', async () => {
    const elsewhere: ClusterSpec = {
      ...SPEC,
      machines: SPEC.machines.map((machine) => ({ ...machine, driver: 'ssh' })),
    };
    expect(await ask('memory', { files: { '/proc/meminfo': 'MemTotal: 1 kB\n' } }, elsewhere)).toMatchObject({
      state: 'skipped',
    });
    expect(await ask('vip', { inUse: ['10.87.0.10'] }, elsewhere)).toMatchObject({ state: 'warning' });
    expect(await ask('ssh-tools', { missing: ['ssh'] }, elsewhere)).toMatchObject({ state: 'failed' });
  });

  it('expect an external load balancer to answer, and no VRRP', async () => {
    const external: ClusterSpec = { ...SPEC, loadBalancer: { type: 'external' } };
    for (const id of ['vip', 'vrrp'])
      expect(await ask(id, { inUse: ['10.87.0.10'] }, external)).toMatchObject({ state: 'skipped' });
  });

  it('are skipped with the reason when they break', async () => {
    const broken: HostCheck = { id: 'x', title: 'x', run: async () => Promise.reject(new Error('no such thing')) };
    expect(await runHostCheck(silentContext(), broken, { host: fakeHost(), spec: SPEC })).toMatchObject({
      state: 'skipped',
      evidence: 'could not be told: no such thing',
    });
  });

  it('count the memory of every machine', () => {
    expect(memoryNeed(SPEC) / GIB).toBeCloseTo(0.5 + 3 * 1.2 + 2 * 0.3);
  });
});

describe('the disk measurement', () => {
  it('counts percentiles of single durations', () => {
    const times = Array.from({ length: 200 }, (_, index) => index + 1);
    expect(summarise(times)).toEqual({ writes: 200, p50Ms: 101, p99Ms: 199, maxMs: 200 });
  });

  it('is content below 10 ms at the 99th percentile, and warns above', () => {
    const latency = { writes: 1000, p50Ms: 1, p99Ms: 9.9, maxMs: 50 };
    expect(judgeLatency(latency, '/disk').state).toBe('ok');
    expect(judgeLatency({ ...latency, p99Ms: 10.1 }, '/disk')).toMatchObject({ state: 'warning' });
    expect(judgeLatency({ ...latency, writes: 12 }, '/disk')).toMatchObject({ state: 'warning' });
  });

  it('really writes, and leaves nothing behind', async () => {
    const { mkdtemp, readdir, rm } = await import('node:fs/promises');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const directory = await mkdtemp(join(tmpdir(), 'quorate-sync-'));
    try {
      const latency = await measureSync(silentContext(), directory);
      expect(latency.writes).toBeGreaterThan(10);
      expect(latency.maxMs).toBeGreaterThanOrEqual(latency.p50Ms);
      expect(await readdir(directory)).toEqual([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('doctor', () => {
  const one = (state: 'ok' | 'warning' | 'failed' | 'skipped'): HostCheck => ({
    id: state,
    title: state,
    run: async () => ({ state, evidence: 'seen' }),
  });

  it.each([
    [['ok', 'skipped'], 'ok'],
    [['ok', 'warning'], 'warning'],
    [['warning', 'failed'], 'failed'],
  ] as const)('with %j says %s', async (states, verdict) => {
    const report = await doctor(silentContext(), SPEC, { host: fakeHost(), checks: states.map(one) });
    expect(report.verdict).toBe(verdict);
    expect(report.checks).toHaveLength(2);
  });
});
