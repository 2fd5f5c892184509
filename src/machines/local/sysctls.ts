// Kernel settings of this host that several machines on one kernel need; what they were is remembered and put back.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stateDir } from '../../core/paths.ts';
import { readTextOrUndefined, writeAtomic } from './records.ts';

/** Settings that are raised to at least this; a higher value of the host stays. */
export const MINIMUM_SYSCTLS: Readonly<Record<string, number>> = {
  // Machines reach the outside through this host.
  'net.ipv4.ip_forward': 1,
  // Every container runtime, kubelet and systemd watches files; the kernel's 128 a user is too few for five machines.
  'fs.inotify.max_user_instances': 8192,
  'fs.inotify.max_user_watches': 524_288,
  // All machines' processes and threads count on one kernel.
  'kernel.pid_max': 262_144,
};

/**
 * Settings of the whole kernel that the kubelet changes from inside a machine (kubernetes pkg/util/sysctl and
 * pkg/kubelet/cm, setupKernelTunables). quorate leaves them alone and puts them back in the end.
 */
const CHANGED_BY_KUBELET: readonly string[] = [
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxkeys',
  'kernel.keys.root_maxbytes',
];

const sysctlPath = (key: string) => join('/proc/sys', ...key.split('.'));
const memoryFile = () => join(stateDir(), 'host-sysctls.json');

/** A setting's value; undefined where the kernel does not have it. */
export async function readSysctl(key: string): Promise<string | undefined> {
  return (await readTextOrUndefined(sysctlPath(key)))?.trim();
}

/** The settings that are lower than machines need, with both values. */
export async function lowSysctls(): Promise<readonly { key: string; value: number; needed: number }[]> {
  const low = [];
  for (const [key, needed] of Object.entries(MINIMUM_SYSCTLS)) {
    const value = await readSysctl(key);
    if (value !== undefined && Number(value) < needed) low.push({ key, value: Number(value), needed });
  }
  return low;
}

/** Remembers what is there (once, for the first cluster), then raises what is too low. */
export async function raiseSysctls(): Promise<void> {
  if ((await readTextOrUndefined(memoryFile())) === undefined) {
    const earlier: Record<string, string> = {};
    for (const key of [...Object.keys(MINIMUM_SYSCTLS), ...CHANGED_BY_KUBELET]) {
      const value = await readSysctl(key);
      if (value !== undefined) earlier[key] = value;
    }
    await writeAtomic(memoryFile(), `${JSON.stringify(earlier, null, 2)}\n`, 0o600);
  }
  for (const { key, needed } of await lowSysctls()) await writeFile(sysctlPath(key), String(needed));
}

/** Puts back every remembered value that differs now, then forgets them. Returns the keys. Idempotent. */
export async function restoreSysctls(): Promise<readonly string[]> {
  const text = await readTextOrUndefined(memoryFile());
  if (text === undefined) return [];
  const restored: string[] = [];
  for (const [key, value] of Object.entries(JSON.parse(text) as Record<string, string>)) {
    const now = await readSysctl(key);
    if (now === undefined || now === value) continue;
    await writeFile(sysctlPath(key), value);
    restored.push(key);
  }
  await rm(memoryFile(), { force: true });
  return restored;
}
