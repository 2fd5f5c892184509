// What `doctor` asks of this host, one question a function: data with the evidence it was read from, no judgement.
import { access, constants, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { cacheDir, stateDir } from '../../core/paths.ts';
import { readHostFacts } from './host-facts.ts';
import { readTextOrUndefined } from './records.ts';
import { lowSysctls } from './sysctls.ts';

/** A program that local machines need on this host, and the Debian package that has it. */
export interface HostTool {
  readonly tool: string;
  readonly package: string;
}

/** Every program of this host that the driver runs beyond a minimal Debian system. */
export const HOST_TOOLS: readonly HostTool[] = [
  { tool: 'systemd-nspawn', package: 'systemd-container' },
  { tool: 'mmdebstrap', package: 'mmdebstrap' },
  { tool: 'ip', package: 'iproute2' },
  { tool: 'nft', package: 'nftables' },
  { tool: 'nsenter', package: 'util-linux' },
  { tool: 'journalctl', package: 'systemd' },
];

/** True when this process may make machines. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** Looks through PATH, and the directories that an ordinary user's PATH lacks. */
export async function findProgram(name: string): Promise<string | undefined> {
  const path = (process.env.PATH ?? '').split(':').filter((directory) => directory !== '');
  for (const directory of [...path, '/usr/local/sbin', '/usr/sbin', '/sbin']) {
    const file = join(directory, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  return undefined;
}

/** The tools that are not installed. */
export async function missingTools(): Promise<readonly HostTool[]> {
  const found = await Promise.all(HOST_TOOLS.map(({ tool }) => findProgram(tool)));
  return HOST_TOOLS.filter((_tool, index) => found[index] === undefined);
}

/** A fact and where it was seen. */
export interface Evidence<T> {
  readonly value: T;
  readonly evidence: string;
}

export async function cgroupVersion(): Promise<Evidence<'v1' | 'v2'>> {
  const { cgroup } = await readHostFacts();
  const evidence =
    cgroup.version === 'v2'
      ? `cgroup v2 at ${cgroup.root}`
      : `cgroup v1: ${cgroup.hierarchies.map(({ name }) => name).join(', ')}`;
  return { value: cgroup.version, evidence };
}

export async function systemdIsInit(): Promise<Evidence<boolean>> {
  const comm = ((await readTextOrUndefined('/proc/1/comm')) ?? '').trim();
  return { value: (await readHostFacts()).hasSystemd, evidence: `process 1 is ${comm || 'not readable'}` };
}

/** Bytes of memory that can be had without swapping (proc_meminfo(5), MemAvailable), and all there are. */
export async function memory(): Promise<Evidence<{ readonly availableBytes: number; readonly totalBytes: number }>> {
  const text = (await readTextOrUndefined('/proc/meminfo')) ?? '';
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  const [availableBytes, totalBytes] = [bytes('MemAvailable'), bytes('MemTotal')];
  return { value: { availableBytes, totalBytes }, evidence: `/proc/meminfo: MemAvailable ${availableBytes / 1024} kB` };
}

/** Free bytes where machines' disks and where the cache will lie. */
export async function freeDisk(): Promise<readonly Evidence<{ readonly path: string; readonly freeBytes: number }>[]> {
  return Promise.all(
    [stateDir(), cacheDir()].map(async (path) => {
      const existing = await nearestExisting(path);
      const { bavail, bsize } = await statfs(existing);
      return { value: { path, freeBytes: bavail * bsize }, evidence: `statfs ${existing}` };
    }),
  );
}

async function nearestExisting(path: string): Promise<string> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there || path === dirname(path) ? path : nearestExisting(dirname(path));
}

/** A feature of the kernel and, where that differs, the module that brings it. */
export type KernelFeature = 'overlay' | 'bridge' | 'veth' | 'vxlan' | 'nf_tables';

/**
 * Whether the kernel has a feature: listed as file system, loaded or built in, loadable, or (as root) by making a network
 * interface of that kind for a moment.
 */
export async function kernelFeature(ctx: Context, feature: KernelFeature): Promise<Evidence<boolean>> {
  if (feature === 'overlay' && /\toverlay\n/.test((await readTextOrUndefined('/proc/filesystems')) ?? ''))
    return { value: true, evidence: '/proc/filesystems lists overlay' };
  const module = `/sys/module/${feature}`;
  if (
    await access(module).then(
      () => true,
      () => false,
    )
  )
    return { value: true, evidence: `${module} exists` };
  if (await succeeds(ctx, ['modprobe', '--dry-run', '--quiet', feature]))
    return { value: true, evidence: `modprobe --dry-run ${feature} succeeds` };
  if (!isRoot()) return { value: false, evidence: `no ${module}, and modprobe knows no ${feature}` };
  if (feature === 'nf_tables') return tried(ctx, ['nft', 'list', 'tables']);
  if (feature === 'overlay') return { value: false, evidence: 'not in /proc/filesystems' };
  return triedLink(ctx, feature);
}

async function triedLink(
  ctx: Context,
  kind: Exclude<KernelFeature, 'overlay' | 'nf_tables'>,
): Promise<Evidence<boolean>> {
  const name = `q-probe-${process.pid % 100_000}`;
  const extra = kind === 'vxlan' ? ['id', '1', 'dstport', '0', 'dev', 'lo'] : [];
  const result = await tried(ctx, ['ip', 'link', 'add', name, 'type', kind, ...extra]);
  if (result.value) await runCommand(ctx, ['ip', 'link', 'delete', name], { allowFailure: true });
  return result;
}

async function tried(ctx: Context, argv: readonly string[]): Promise<Evidence<boolean>> {
  const value = await succeeds(ctx, argv);
  return { value, evidence: `${argv.join(' ')} ${value ? 'succeeds' : 'fails'}` };
}

async function succeeds(ctx: Context, argv: readonly string[]): Promise<boolean> {
  return runCommand(ctx, argv, { allowFailure: true, timeoutMs: 5_000 }).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}

/** Kernel settings that prepareHost would raise. */
export async function sysctlsToRaise(): Promise<Evidence<readonly { key: string; value: number; needed: number }[]>> {
  const value = await lowSysctls();
  const evidence = value.map(({ key, value: now, needed }) => `${key} is ${now}, needs ${needed}`).join('; ');
  return { value, evidence: evidence || 'all are high enough' };
}

/** Hard limit of open files that machines inherit where systemd is not process 1. Infinity for "unlimited". */
export async function nofileHardLimit(): Promise<Evidence<number>> {
  const text = (await readTextOrUndefined('/proc/self/limits')) ?? '';
  const word = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1] ?? '0';
  const value = word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word);
  return { value, evidence: `/proc/self/limits: Max open files ${word}` };
}
