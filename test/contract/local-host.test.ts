// What the local driver does to this host: clusters side by side, a crash of the host, and nothing left in the end.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { silentContext } from '../../src/core/context.ts';
import { runtimeDir } from '../../src/core/paths.ts';
import { createLocalDriver } from '../../src/machines/local/driver.ts';
import { bridgeName, clusterDir, linkName, machineLayout } from '../../src/machines/local/layout.ts';
import type { MachineProvider } from '../../src/machines/machine.ts';
import type { ClusterSpec, MachineSpec } from '../../src/spec/types.ts';
import { makeSpec } from '../helpers/spec.ts';
import { whyNoLocalMachines } from './host-skip.ts';

const skip = await whyNoLocalMachines();
const ctx = silentContext();
const driver = createLocalDriver();
const provider = driver.provider as MachineProvider;
const specOf = (name: string, prefix: string, overrides: Partial<ClusterSpec> = {}) =>
  makeSpec({ name, prefix, driver: 'local', controlPlanes: 1, workers: 0, overrides });
const onlyMachine = (spec: ClusterSpec) => spec.machines[0] as MachineSpec;
const used: ClusterSpec[] = [];

async function bringUp(spec: ClusterSpec): Promise<void> {
  used.push(spec);
  await provider.prepareHost(ctx, spec);
  await Promise.all(spec.machines.map((machine) => provider.create(ctx, spec, machine)));
  await Promise.all(spec.machines.map((machine) => provider.start(ctx, spec, machine)));
}

async function bringDown(spec: ClusterSpec): Promise<void> {
  await Promise.all(spec.machines.map((machine) => provider.destroy(ctx, spec, machine)));
  await provider.releaseHost(ctx, spec);
}

const sh = (script: string) => execFileSync('sh', ['-c', script], { encoding: 'utf8' });
const run = async (spec: ClusterSpec, ...argv: string[]) =>
  (await driver.machine(spec, onlyMachine(spec)).exec(ctx, argv)).stdout.trim();

/** Everything on this host that has the cluster's name: processes, links, mounts, rules, control groups, files. */
function traces(spec: ClusterSpec): readonly string[] {
  const found: string[] = [];
  const disk = clusterDir(spec.name);
  if (existsSync(disk)) found.push(disk);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      // A zombie is only an entry in its parent's list.
      if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) continue;
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${disk}/`)) found.push(`process ${pid}`);
      if (readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/quorate/${spec.name}/`)) found.push(`process ${pid}`);
    } catch {
      // It has ended meanwhile.
    }
  }
  const links = readdirSync('/sys/class/net');
  const ours = [bridgeName(spec.name), ...spec.machines.map(({ name }) => linkName(spec.name, name))];
  found.push(...ours.filter((name) => links.includes(name)));
  if (sh('cat /proc/self/mounts').includes(`${disk}/`)) found.push('a mount');
  if (sh('nft list tables').includes(`quorate-${bridgeName(spec.name)}\n`)) found.push('an nft table');
  const groups = sh('find /sys/fs/cgroup -maxdepth 4 -type d').split('\n');
  found.push(...groups.filter((path) => path.endsWith(`/quorate/${spec.name}`)));
  return found;
}

describe.skipIf(skip !== undefined)(
  `local machines on this host${skip === undefined ? '' : ` (skipped: ${skip})`}`,
  () => {
    afterEach(async () => {
      for (const spec of used.splice(0)) await bringDown(spec);
    });

    it('boots an operating system with a network, a name, and an identity of its own', async () => {
      const spec = makeSpec({ name: 'ct-os', prefix: '10.88.12', driver: 'local', controlPlanes: 2, workers: 0 });
      await bringUp(spec);
      const [, second] = spec.machines as [MachineSpec, MachineSpec];
      expect(await run(spec, 'systemctl', 'is-system-running')).toBe('running');
      expect(await run(spec, 'hostname')).toBe('cp1');
      expect(await run(spec, 'ping', '-c', '1', '-W', '2', 'cp2')).toContain('1 received');
      expect(await run(spec, 'ping', '-c', '1', '-W', '2', '10.88.12.1')).toContain('1 received');
      expect(await run(spec, 'ss', '-Hltn')).toBe('');
      const ids = [
        await run(spec, 'cat', '/etc/machine-id'),
        (await driver.machine(spec, second).exec(ctx, ['cat', '/etc/machine-id'])).stdout.trim(),
      ];
      expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
      expect(ids[0]).not.toBe(ids[1]);
    });

    it('keeps the machine id over restarts', async () => {
      const spec = specOf('ct-id', '10.88.13');
      await bringUp(spec);
      const before = await run(spec, 'cat', '/etc/machine-id');
      await provider.stop(ctx, spec, onlyMachine(spec));
      await provider.start(ctx, spec, onlyMachine(spec));
      expect(await run(spec, 'cat', '/etc/machine-id')).toBe(before);
    });

    it('keeps two clusters with equal machine names apart', async () => {
      const [one, two] = [specOf('ct-one', '10.88.14'), specOf('ct-two', '10.88.15')];
      await Promise.all([bringUp(one), bringUp(two)]);
      await driver.machine(one, onlyMachine(one)).writeFiles(ctx, [{ path: '/etc/mark', content: 'one', mode: 0o644 }]);
      expect(await driver.machine(two, onlyMachine(two)).readFile(ctx, '/etc/mark')).toBeUndefined();
      await bringDown(one);
      expect(await run(two, 'hostname')).toBe('cp1');
      expect(traces(one)).toEqual([]);
    });

    it('refuses a subnet that another cluster has, naming it, and leaves nothing', async () => {
      const [holder, late] = [specOf('ct-holder', '10.88.16'), specOf('ct-late', '10.88.16')];
      await bringUp(holder);
      await expect(provider.prepareHost(ctx, late)).rejects.toMatchObject({
        code: 'NETWORK_CLASH',
        message: expect.stringContaining('cluster ct-holder'),
      });
      expect(traces(late)).toEqual([]);
    });

    it('refuses a subnet that an interface of this host has, naming it', async () => {
      sh('ip link add q-ct-foreign type bridge && ip address add 10.88.17.129/25 dev q-ct-foreign');
      try {
        await expect(provider.prepareHost(ctx, specOf('ct-clash', '10.88.17'))).rejects.toMatchObject({
          code: 'NETWORK_CLASH',
          message: expect.stringContaining('interface q-ct-foreign has 10.88.17.129/25'),
        });
      } finally {
        sh('ip link delete q-ct-foreign');
      }
    });

    it('holds a machine to its memory limit', async () => {
      const machine = {
        ...onlyMachine(specOf('ct-limit', '10.88.18')),
        local: { memoryBytes: 256 * 2 ** 20, cpus: 0.5 },
      };
      const spec = specOf('ct-limit', '10.88.18', { machines: [machine] });
      await bringUp(spec);
      const limit = await run(
        spec,
        'sh',
        '-c',
        'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max',
      );
      // In cgroup v2 the machine's own root is below its unit, which has the limit.
      expect(['268435456', 'max']).toContain(limit);
    });

    it('takes the link down before it kills, so that no peer hears a word', async () => {
      const spec = makeSpec({ name: 'ct-silent', prefix: '10.88.19', driver: 'local', controlPlanes: 2, workers: 0 });
      await bringUp(spec);
      const [victim, peer] = spec.machines as [MachineSpec, MachineSpec];
      // A connection that the victim's kernel would reset if it could still speak.
      const listen = 'socat -u TCP-LISTEN:7000,reuseaddr STDOUT > /dev/null';
      void driver
        .machine(spec, victim)
        .exec(ctx, ['sh', '-c', listen])
        .catch(() => {});
      const talk = `
      sleep 1
      socat -u 'SYSTEM:sleep 3; echo late; sleep 3' TCP:${victim.address}:7000
      echo "ended $?"`;
      const talking = driver.machine(spec, peer).exec(ctx, ['timeout', '5', 'sh', '-c', talk], { allowFailure: true });
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await provider.kill(ctx, spec, victim);
      // Silence: it is still waiting when its time is over. A reset would have ended it at once with an error.
      expect((await talking).exitCode).toBe(124);
    });

    it('comes back after the host has crashed and lost processes, bridge, rules and /run', async () => {
      const spec = specOf('ct-crash', '10.88.20');
      await bringUp(spec);
      const machine = onlyMachine(spec);
      await driver
        .machine(spec, machine)
        .writeFiles(ctx, [{ path: '/var/lib/etcd/mark', content: 'kept', mode: 0o600 }]);
      const [status] = await provider.status(ctx, spec);
      sh(`kill -9 ${status?.pid}`);
      sh(`nft delete table ip quorate-${bridgeName(spec.name)}`);
      sh(`ip link delete ${bridgeName(spec.name)}`);
      rmSync(`${runtimeDir()}/host.lock`, { force: true });
      expect((await provider.status(ctx, spec))[0]?.state).toBe('stopped');
      expect(await provider.isHostPrepared(ctx, spec)).toBe(false);
      await provider.start(ctx, spec, machine);
      expect(await provider.isHostPrepared(ctx, spec)).toBe(true);
      expect(await run(spec, 'cat', '/var/lib/etcd/mark')).toBe('kept');
      expect(await run(spec, 'ping', '-c', '1', '-W', '2', '10.88.20.1')).toContain('1 received');
    });

    it('mends a disk that was left half-made, a process id that was reused, and a foreign mount', async () => {
      const spec = specOf('ct-half', '10.88.21');
      const machine = onlyMachine(spec);
      const layout = machineLayout(spec.name, machine.name);
      await bringUp(spec);
      await provider.kill(ctx, spec, machine);
      sh(`rm ${layout.record}; mount -t tmpfs tmpfs ${layout.root}`);
      expect((await provider.status(ctx, spec))[0]?.state).toBe('absent');
      sh(`echo "${process.pid} 1 $(cat /proc/sys/kernel/random/boot_id)" > ${layout.supervisor}`);
      await expect(driver.machine(spec, machine).exec(ctx, ['true'])).rejects.toMatchObject({
        code: 'MACHINE_UNREACHABLE',
      });
      await provider.create(ctx, spec, machine);
      await provider.start(ctx, spec, machine);
      expect(await run(spec, 'hostname')).toBe('cp1');
    });

    it('leaves nothing behind', async () => {
      const spec = makeSpec({ name: 'ct-gone', prefix: '10.88.22', driver: 'local', controlPlanes: 2, workers: 1 });
      await bringUp(spec);
      expect(traces(spec)).not.toEqual([]);
      await provider.kill(ctx, spec, onlyMachine(spec));
      await bringDown(spec);
      expect(traces(spec)).toEqual([]);
      await bringDown(spec);
    });
  },
);
