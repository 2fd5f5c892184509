// The programs that local machines need on this host.
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

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
