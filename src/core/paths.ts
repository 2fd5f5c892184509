import { homedir } from 'node:os';
import { join } from 'node:path';

const isRoot = process.getuid?.() === 0;

/** What can be made again: artifacts, machine images. FHS for root, the XDG base directories otherwise. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.QUORATE_CACHE_DIR) return env.QUORATE_CACHE_DIR;
  return isRoot ? '/var/cache/quorate' : join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'quorate');
}

/** What cannot: the disks of local machines, run journals. */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.QUORATE_STATE_DIR) return env.QUORATE_STATE_DIR;
  return isRoot ? '/var/lib/quorate' : join(env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'quorate');
}

/** What a reboot ends: locks, process ids. */
export function runtimeDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.QUORATE_RUNTIME_DIR) return env.QUORATE_RUNTIME_DIR;
  return isRoot ? '/run/quorate' : join(env.XDG_RUNTIME_DIR ?? join(homedir(), '.local', 'state'), 'quorate');
}
