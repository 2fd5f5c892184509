// One control group a machine in every hierarchy: its limits, and the list of everything that has to die with it.
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { MachineSpec } from '../../spec/types.ts';
import type { CgroupLayout, HostFacts } from './host-facts.ts';
import { readdirOrEmpty, readTextOrUndefined } from './records.ts';

/** The parent of all groups of ours. */
const PARENT = 'quorate';
/** Accounting period of the CPU limit in microseconds, the kernel's default (sched-bwc). */
const CPU_PERIOD_US = 100_000;

/** Name of the transient unit that carries a machine where systemd is PID 1. */
export function unitName(cluster: string, machine: string): string {
  return `quorate-${cluster}-${machine}.service`;
}

/**
 * The groups that quorate itself makes for a machine, one a hierarchy. Where systemd is PID 1 it owns the `systemd` and the
 * unified tree, and the machine's unit has a delegated group there; those are not ours to make.
 */
export function ownGroups(facts: HostFacts, cluster: string, machine?: string): readonly string[] {
  const below = machine === undefined ? [PARENT, cluster] : [PARENT, cluster, machine];
  const { cgroup, hasSystemd } = facts;
  if (cgroup.version === 'v2') return hasSystemd ? [] : [join(cgroup.root, ...below)];
  return cgroup.hierarchies
    .filter(({ name }) => !(hasSystemd && (name === 'systemd' || name === 'unified')))
    .map(({ path }) => join(path, ...below));
}

/** Every group that may hold the machine's processes: our own and that of its unit. */
export function allGroups(facts: HostFacts, cluster: string, machine: string): readonly string[] {
  const own = ownGroups(facts, cluster, machine);
  if (!facts.hasSystemd) return own;
  const unit = join('machine.slice', unitName(cluster, machine));
  return [...own, ...systemdTrees(facts.cgroup).map((root) => join(root, unit))];
}

function systemdTrees(cgroup: CgroupLayout): readonly string[] {
  if (cgroup.version === 'v2') return [cgroup.root];
  return cgroup.hierarchies.filter(({ name }) => name === 'systemd' || name === 'unified').map(({ path }) => path);
}

/** Makes the machine's groups and sets its limits. Idempotent. */
export async function makeGroups(facts: HostFacts, cluster: string, machine: MachineSpec): Promise<void> {
  for (const group of ownGroups(facts, cluster, machine.name)) {
    await mkdir(group, { recursive: true });
    if (facts.cgroup.version === 'v2') await delegateControllers(facts.cgroup.root, group);
    else await inheritCpuset(group);
    for (const { file, value } of limitFiles(facts.cgroup.version, machine.local ?? {}))
      await writeFile(join(group, file), value).catch(ignoreMissing);
  }
}

/** A control file and what to write into it. Files of controllers that a group does not have are passed over. */
export function limitFiles(
  version: 'v1' | 'v2',
  limits: { readonly memoryBytes?: number; readonly cpus?: number },
): readonly { readonly file: string; readonly value: string }[] {
  const quota = limits.cpus === undefined ? undefined : Math.round(limits.cpus * CPU_PERIOD_US);
  const memory = limits.memoryBytes;
  if (version === 'v2')
    return [
      { file: 'memory.max', value: memory === undefined ? 'max' : String(memory) },
      { file: 'cpu.max', value: `${quota ?? 'max'} ${CPU_PERIOD_US}` },
    ];
  return [
    { file: 'memory.limit_in_bytes', value: String(memory ?? -1) },
    { file: 'cpu.cfs_period_us', value: String(CPU_PERIOD_US) },
    { file: 'cpu.cfs_quota_us', value: String(quota ?? -1) },
  ];
}

/** A cpuset group of v1 is unusable until it has CPUs and memory nodes; parents first (cpuset(7)). */
async function inheritCpuset(group: string): Promise<void> {
  const below = group.slice(group.indexOf(`/${PARENT}/`) + 1).split('/');
  let directory = group.slice(0, group.length - below.join('/').length - 1);
  if ((await readTextOrUndefined(join(directory, 'cpuset.cpus'))) === undefined) return;
  for (const name of below) {
    const parent = directory;
    directory = join(directory, name);
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      if ((await readFile(join(directory, file), 'utf8')).trim() === '')
        await writeFile(join(directory, file), await readFile(join(parent, file), 'utf8'));
  }
}

/** In v2 a group has the controllers that every group above it hands down. */
async function delegateControllers(root: string, group: string): Promise<void> {
  const controllers = (await readFile(join(root, 'cgroup.controllers'), 'utf8')).trim().split(/\s+/);
  const wanted = controllers.filter((name) => name !== '').map((name) => `+${name}`);
  const chain: string[] = [];
  for (let directory = dirname(group); directory.startsWith(root); directory = dirname(directory))
    chain.unshift(directory);
  for (const directory of chain)
    for (const controller of wanted)
      await writeFile(join(directory, 'cgroup.subtree_control'), controller).catch(() => {});
}

/** Process ids in a group and below it, as this host counts them. */
export async function pidsBelow(group: string): Promise<readonly number[]> {
  const own = ((await readTextOrUndefined(join(group, 'cgroup.procs')).catch(() => '')) ?? '').split('\n');
  const pids = own.filter((line) => line !== '').map(Number);
  for (const child of await subgroups(group)) pids.push(...(await pidsBelow(child)));
  // 0 stands for a process that this PID namespace cannot see.
  return pids.filter((pid) => pid > 0);
}

/**
 * Sends SIGKILL to everything in the groups, atomically where the kernel can (`cgroup.kill`, Linux 5.14), by repeated
 * sweeps otherwise. Returns the processes that were still there; call it until it returns none.
 */
export async function killGroups(groups: readonly string[]): Promise<readonly number[]> {
  const alive = new Set<number>();
  for (const group of groups) {
    await writeFile(join(group, 'cgroup.kill'), '1').catch(() => {});
    for (const pid of await pidsBelow(group)) alive.add(pid);
  }
  for (const pid of alive) killQuietly(pid);
  return [...alive];
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Removes the groups with everything below; an occupied one stays. Idempotent. */
export async function removeGroups(groups: readonly string[]): Promise<void> {
  for (const group of groups) {
    await removeGroups(await subgroups(group));
    await rmdir(group).catch(() => {});
  }
}

async function subgroups(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(group, entry.name));
}

/** Removes the cluster's groups and, when no other cluster has any, the parent of all. */
export async function removeClusterGroups(facts: HostFacts, cluster: string): Promise<void> {
  const groups = ownGroups(facts, cluster);
  await removeGroups(groups);
  for (const group of groups)
    if ((await readdirOrEmpty(dirname(group))).length > 0) await rmdir(dirname(group)).catch(() => {});
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT' && error.code !== 'EACCES' && error.code !== 'EPERM') throw error;
}
