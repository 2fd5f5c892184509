import { cacheDir, stateDir } from '../../core/paths.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { failed, type HostCheck, ok, skipped, warning } from './types.ts';
import { bytesText } from './units.ts';

const GIB = 1024 ** 3;
/** Measured on an idle five-node cluster: 0.8 to 1.2 GB a control plane, 0.23 GB a worker. */
const CONTROL_PLANE_BYTES = 1.2 * GIB;
const WORKER_BYTES = 0.3 * GIB;
/** For the host itself. */
const HOST_RESERVE_BYTES = 0.5 * GIB;

/** What the cluster takes when nothing runs on it, bytes. */
export function memoryNeed(spec: ClusterSpec): number {
  return spec.machines.reduce(
    (sum, { role }) => sum + (role === 'control-plane' || role === 'etcd' ? CONTROL_PLANE_BYTES : WORKER_BYTES),
    HOST_RESERVE_BYTES,
  );
}

/** Memory for all machines; an etcd that is swapped out or killed takes its member with it. */
export const memoryCheck: HostCheck = {
  id: 'memory',
  title: 'there is memory for every machine',
  onlyLocal: true,
  run: async (_ctx, { host, spec }) => {
    const info = (await host.read('/proc/meminfo')) ?? '';
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(info)?.[1] ?? Number.NaN) * 1024;
    const [total, available, need] = [field('MemTotal'), field('MemAvailable'), memoryNeed(spec)];
    if (Number.isNaN(total)) return skipped('/proc/meminfo does not tell');
    const evidence = `${bytesText(available)} available of ${bytesText(total)}; ${spec.machines.length} machines need ${bytesText(need)}`;
    const fewer = 'ask for fewer machines: quorate init --control-planes 1 --workers 1';
    if (total < need) return failed(evidence, fewer);
    if (available < need) return warning(evidence, `end other programs, or ${fewer}`);
    return ok(evidence);
  },
};

/** Root file systems are shared; what grows is etcd's data, logs and containers. */
const MACHINE_DISK_BYTES = 1 * GIB;
/** Measured: Go's build cache 6 GB, module sources 3.6 GB, finished artifacts 1 GB. */
const SOURCE_BUILD_BYTES = 11 * GIB;
const MACHINE_IMAGE_BYTES = 3 * GIB;

/** Free space for the machines' disks; when it runs out, etcd stops with an alarm. */
export const diskCheck: HostCheck = {
  id: 'disk',
  title: 'there is disk space for every machine',
  onlyLocal: true,
  run: async (_ctx, { host, spec }) => {
    const need = spec.machines.length * MACHINE_DISK_BYTES + MACHINE_IMAGE_BYTES;
    return compareSpace(await host.freeBytes(stateDir()), need, stateDir(), 'QUORATE_STATE_DIR');
  },
};

/** Free space for what clusters are made of; most of it is Go's build cache, and only when parts are built from source. */
export const cacheDiskCheck: HostCheck = {
  id: 'cache-disk',
  title: 'there is disk space to obtain the artifacts',
  run: async (_ctx, { host }) => {
    const free = await host.freeBytes(cacheDir());
    const finding = compareSpace(free, SOURCE_BUILD_BYTES, cacheDir(), 'QUORATE_CACHE_DIR');
    // With everything cached, or downloads reachable, much less will do.
    return finding.state === 'failed' && free > 2 * GIB ? { ...finding, state: 'warning' } : finding;
  },
};

function compareSpace(free: number, need: number, path: string, variable: string) {
  const evidence = `${bytesText(free)} free where ${path} lies, ${bytesText(need)} wanted`;
  if (free >= need) return ok(evidence);
  return failed(evidence, `free some space, or use another disk: export ${variable}=/path/on/a/larger/disk`);
}

/** The scheduler of the host needs room too: three API servers starting at once take every core they get. */
export const cpuCheck: HostCheck = {
  id: 'cpu',
  title: 'there are processor cores to share',
  onlyLocal: true,
  run: async (_ctx, { host, spec }) => {
    const cores = (await host.read('/proc/cpuinfo'))?.match(/^processor\s*:/gm)?.length ?? 0;
    if (cores === 0) return skipped('/proc/cpuinfo does not tell');
    const evidence = `${cores} ${cores === 1 ? 'core' : 'cores'} for ${spec.machines.length} machines`;
    return cores >= 2
      ? ok(evidence)
      : warning(evidence, 'use a host with two cores or more; leases run out on a starved one');
  },
};

/** kubelet refuses to start with swap on unless told otherwise, and etcd's deadlines pass while its pages come back. */
export const swapCheck: HostCheck = {
  id: 'swap',
  title: 'memory is not swapped to disk',
  run: async (_ctx, { host }) => {
    const lines = ((await host.read('/proc/swaps')) ?? '').trim().split('\n').slice(1);
    if (lines.length === 0) return ok('no swap device');
    const devices = lines.map((line) => line.split(/\s+/)[0]).join(', ');
    return warning(`swap is on: ${devices}`, 'swapoff -a   # and remove it from /etc/fstab');
  },
};
