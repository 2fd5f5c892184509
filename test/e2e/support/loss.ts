// Machines that are gone for good: without power, and without a disk.
import { rm } from 'node:fs/promises';
import { CLUSTER, CLUSTER_FILE, mustRun } from './cli.ts';

/** Pulls the plug of all of them at once, then removes their disks: what power alone cannot bring back. */
export async function loseForGood(machines: readonly string[], file: string = CLUSTER_FILE): Promise<void> {
  await mustRun(['machine', 'kill', ...machines, '--yes', '-f', file]);
  const state = process.env.QUORATE_STATE_DIR ?? '/var/lib/quorate';
  for (const name of machines)
    await rm(`${state}/clusters/${CLUSTER}/machines/${name}`, { recursive: true, force: true });
}

/** argv of the recovery of the shared cluster's quorum with cp1 as the survivor. */
export const RECOVER_QUORUM: readonly string[] = [
  ...['recover', 'quorum', '--survivor', 'cp1', '--lost', 'cp2,cp3'],
  ...['--confirm', CLUSTER, '-f', CLUSTER_FILE],
];
