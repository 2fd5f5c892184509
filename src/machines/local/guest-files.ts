// The few files that make one machine differ from another. Written into its disk while it is down.
import { randomUUID } from 'node:crypto';
import { mkdir, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import { machineNetworkOf } from './network.ts';
import { readTextOrUndefined, writeAtomic } from './records.ts';

/** /etc/hosts of every machine of the cluster: they know each other without a name server. */
export function hostsFile(spec: ClusterSpec): string {
  const lines = spec.machines.map(({ address, name }) => `${address} ${name}`);
  return ['127.0.0.1 localhost', '::1 localhost ip6-localhost', ...lines, ''].join('\n');
}

/** The name servers of a resolv.conf that a machine can reach: none on a loopback address of this host. */
export function reachableResolvers(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(nameserver|search|options)\s/.test(line))
    .filter((line) => !/^nameserver\s+(127\.|::1(\s|$)|0\.0\.0\.0)/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/** systemd-resolved keeps the real servers beside its stub (systemd-resolved.service(8)). */
const RESOLV_FILES: readonly string[] = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** The host's real name servers as a resolv.conf; empty when there are only local ones. */
export async function hostResolvers(): Promise<string> {
  for (const path of RESOLV_FILES) {
    const found = reachableResolvers((await readTextOrUndefined(path)) ?? '');
    if (found.includes('nameserver')) return found;
  }
  return '';
}

/** What /usr/lib/quorate/boot (base-packages.ts) reads. */
export function networkEnv(spec: ClusterSpec, machine: MachineSpec): string {
  const { gateway, prefixLength } = machineNetworkOf(spec);
  return `ADDRESS=${machine.address}\nPREFIX_LENGTH=${prefixLength}\nGATEWAY=${gateway}\n`;
}

/**
 * Writes identity and network of a machine below `upper`, the writable layer of its root. The machine id is made once:
 * journals, VRRP and Kubernetes tell machines apart by it.
 */
export async function writeGuestFiles(spec: ClusterSpec, machine: MachineSpec, upper: string): Promise<void> {
  const write = async (path: string, content: string, mode: number) => {
    const target = join(upper, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeAtomic(target, content, mode);
  };
  const id = await readTextOrUndefined(join(upper, 'etc/machine-id'));
  if (!/^[0-9a-f]{32}\n$/.test(id ?? '')) await write('etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`, 0o444);
  await write('etc/hostname', `${machine.name}\n`, 0o644);
  await write('etc/hosts', hostsFile(spec), 0o644);
  await write('etc/quorate/network.env', networkEnv(spec, machine), 0o644);
  if (!(await isLink(join(upper, 'etc/resolv.conf')))) await write('etc/resolv.conf', await hostResolvers(), 0o644);
}

/** Someone who made it a link inside the machine has a resolver of their own there. */
async function isLink(path: string): Promise<boolean> {
  return readlink(path).then(
    () => true,
    () => false,
  );
}
