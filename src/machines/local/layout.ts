// Where local machines lie on this host. State is what a reboot must keep; the cache can be made again.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheDir, stateDir } from '../../core/paths.ts';

/** Where the directories of all clusters lie. */
export function clustersDir(): string {
  return join(stateDir(), 'clusters');
}

/** Everything this host keeps of one cluster. */
export function clusterDir(cluster: string): string {
  return join(clustersDir(), cluster);
}

/** The parts of one machine's disk and what is known of it. */
export interface MachineLayout {
  readonly dir: string;
  /** Writable layer of the root file system, and overlayfs' scratch directory beside it. */
  readonly upper: string;
  readonly work: string;
  /** Mount point of the assembled root; mounted only in the machine's own mount namespace. */
  readonly root: string;
  /** Plain directories bound into the machine: containerd's snapshots cannot lie on an overlay. */
  readonly binds: Readonly<Record<'containerd' | 'kubelet' | 'etcd', string>>;
  /** MachineRecord; there exactly when the disk is complete. */
  readonly record: string;
  /** `pid starttime boot-id` of the supervisor, written by the process itself before it becomes systemd-nspawn. */
  readonly supervisor: string;
  readonly console: string;
}

/** Paths of one machine. */
export function machineLayout(cluster: string, machine: string): MachineLayout {
  const dir = join(clusterDir(cluster), 'machines', machine);
  const at = (name: string) => join(dir, name);
  return {
    dir,
    upper: at('upper'),
    work: at('work'),
    root: at('root'),
    binds: { containerd: at('containerd'), kubelet: at('kubelet'), etcd: at('etcd') },
    record: at('machine.json'),
    supervisor: at('supervisor'),
    console: at('console.log'),
  };
}

/** An operating system image in the cache. */
export function rootfsDir(id: string): string {
  return join(cacheDir(), 'rootfs', id);
}

/** The overlay layer of a node image: binaries under /usr/local. */
export function layerDir(id: string): string {
  return join(cacheDir(), 'layers', id);
}

/** The containerd tree of a node image: every container image imported once. */
export function imagesStoreDir(id: string): string {
  return join(cacheDir(), 'images-store', id);
}

/** Linux' IFNAMSIZ is 16, with the terminating NUL (linux/if.h). */
const MAX_INTERFACE_NAME = 15;
const NSPAWN_VETH_PREFIX = 'vb-';

/**
 * The machine's name on this host, unique over clusters and short enough for systemd-nspawn to call the host's end of its
 * network `vb-<name>` (a longer one would be cut).
 */
export function hostMachineName(cluster: string, machine: string): string {
  const max = MAX_INTERFACE_NAME - NSPAWN_VETH_PREFIX.length;
  const full = `${cluster}-${machine}`;
  return full.length <= max ? full : `${machine.slice(0, 5).replace(/-+$/, '')}-${digest(`${cluster}/${machine}`, 6)}`;
}

/** The host's end of a machine's network. */
export function linkName(cluster: string, machine: string): string {
  return NSPAWN_VETH_PREFIX + hostMachineName(cluster, machine);
}

/** The cluster's bridge: `q-<cluster>`, or a shortened form with a digest when that is too long or already taken. */
export function bridgeName(cluster: string, taken: ReadonlySet<string> = new Set()): string {
  const plain = `q-${cluster}`;
  if (plain.length <= MAX_INTERFACE_NAME && !taken.has(plain)) return plain;
  for (let salt = 0; ; salt += 1) {
    const name = `q-${cluster.slice(0, 6).replace(/-+$/, '')}-${digest(`${salt}/${cluster}`, 6)}`;
    if (!taken.has(name)) return name;
  }
}

/** The first `length` hex digits of a text's SHA-256. */
export function digest(text: string, length = 16): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
