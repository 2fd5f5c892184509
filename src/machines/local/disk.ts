// A machine's disk: plain directories, an overlay over shared read-only layers.
import { access, chmod, mkdir, rename } from 'node:fs/promises';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { cloneStore } from './images-store.ts';
import { layerDir, type MachineLayout, machineLayout, rootfsDir } from './layout.ts';
import type { NodeImage } from './node-image.ts';
import { type MachineRecord, writeMachineRecord } from './records.ts';

const DELETE_DEADLINE_MS = 10 * 60_000;

/**
 * Makes the disk of a machine and its record, the record last: a disk without one is half-made and is made anew. containerd's
 * store is a clone of the image's.
 */
export async function makeDisk(
  ctx: Context,
  cluster: string,
  machine: string,
  rootfs: string,
  image: NodeImage | undefined,
): Promise<void> {
  const layout = machineLayout(cluster, machine);
  await removeTree(ctx, layout.dir);
  await mkdir(layout.dir, { recursive: true, mode: 0o700 });
  for (const path of [layout.upper, layout.work, layout.root, layout.binds.kubelet]) await mkdir(path, { mode: 0o755 });
  // etcd warns about, and refuses in later versions, a data directory that others may enter (etcd.io, "data-dir").
  await mkdir(layout.binds.etcd, { mode: 0o700 });
  if (image === undefined) await mkdir(layout.binds.containerd, { mode: 0o700 });
  else await cloneStore(ctx, image.storeDir, layout.binds.containerd);
  await chmod(layout.upper, 0o755);
  const record: MachineRecord = {
    cluster,
    name: machine,
    rootfs,
    ...(image === undefined ? {} : { image: image.id }),
    createdMs: Date.now(),
  };
  await writeMachineRecord(record);
}

/** Read-only layers of a machine's root, topmost first. Throws MACHINE_FAILED when one has gone from the cache. */
export async function lowerDirsOf(record: MachineRecord): Promise<readonly string[]> {
  const layers = [...(record.image === undefined ? [] : [layerDir(record.image)]), rootfsDir(record.rootfs)];
  for (const layer of layers)
    await access(layer).catch((cause) => {
      throw new QuorateError('MACHINE_FAILED', `machine ${record.name} needs ${layer}, which is gone from the cache`, {
        hint: `remove the machine and make it again: quorate down, then quorate up`,
        cause,
      });
    });
  return layers;
}

/** Unmounts what an earlier version or a person may have mounted at the machine's root. */
export async function unmountLeftovers(ctx: Context, layout: MachineLayout): Promise<void> {
  for (let count = 0; count < 8; count += 1) {
    const { exitCode } = await runCommand(ctx, ['mountpoint', '-q', layout.root], { allowFailure: true });
    if (exitCode !== 0) return;
    await runCommand(ctx, ['umount', '--lazy', '--recursive', layout.root], { allowFailure: true });
  }
}

/** Removes a directory with all below. Moved aside first, so that a killed removal leaves nothing that looks whole. */
export async function removeTree(ctx: Context, path: string): Promise<void> {
  const aside = `${path}.removed`;
  await rename(path, aside).catch(() => {});
  // Files that are hard links into the cache are many; rm(1) is quicker than Node at that.
  await runCommand(ctx, ['rm', '-rf', '--one-file-system', '--', path, aside], { timeoutMs: DELETE_DEADLINE_MS });
}
