// `quorate restore`: the cluster as an archive has it, on the machines that cluster.yaml names, whatever they hold now.
import { randomBytes } from 'node:crypto';
import type { OpenArchive } from '../backup/format.ts';
import { archivedMaterial } from '../backup/material.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import { fenceControlPlanes } from '../phases/fence-control-planes.ts';
import { finishChange } from '../phases/finish-change.ts';
import { formCluster } from '../phases/form-cluster.ts';
import { prepareHost } from '../phases/prepare-host.ts';
import { prepareMachines } from '../phases/prepare-machines.ts';
import { proveData } from '../phases/prove-data.ts';
import { proveRestore } from '../phases/prove-restore.ts';
import { bumpFor, type Restoration, restoredRevision } from '../phases/restoration/restoration.ts';
import { restoreMembers } from '../phases/restore-members.ts';
import { resumeNodes } from '../phases/resume-nodes.ts';
import { rollWorkers } from '../phases/roll-workers.ts';
import { startApiServers } from '../phases/start-api-servers.ts';
import { startMachines } from '../phases/start-machines.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { parseVersion } from '../topology/version.ts';
import { type ChangeOptions, type ChangeReport, carryOut, MACHINES_ONLY } from './carry-out.ts';
import { openFleet } from './cluster.ts';

/** What was restored, and what was shown about it. */
export interface RestoreReport extends ChangeReport {
  /** When the snapshot was taken: everything after it is gone. */
  readonly takenAt: string;
  /** From the start of the command to an endpoint that answers, milliseconds. */
  readonly apiReadyMs: number;
  /** Revision of the archive, and the one that the cluster began at again. */
  readonly revision: number;
  readonly restoredRevision: number;
  readonly bump: number;
  readonly keys: number;
  readonly contentHash: string;
}

/** `startedMs`: when the command began, for the time to the API; default now. */
export interface RestoreOptions extends ChangeOptions {
  readonly startedMs?: number;
}

/**
 * Replaces the cluster's state by that of an opened archive. A run that was ended is begun again by the same call. Throws WRONG_CLUSTER,
 * ARCHIVE_VERSION and MACHINE_UNREACHABLE before anything is touched, RESTORE_UNPROVED, and as carryOut.
 */
export async function restoreCluster(
  ctx: Context,
  spec: ClusterSpec,
  archive: OpenArchive,
  options: RestoreOptions,
): Promise<RestoreReport> {
  const startedMs = options.startedMs ?? Date.now();
  const { meta } = archive;
  refuseOther(spec, archive);
  const restoration: Restoration = {
    meta,
    snapshotPath: archive.snapshotPath,
    material: await archivedMaterial(ctx, archive),
    etcdToken: `${spec.name}-${randomBytes(4).toString('hex')}`,
    floor: 0,
  };
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, 'restore', async () => {
      const fleet = openFleet(ctx, spec, options);
      const observed = await observe(ctx, fleet, MACHINES_ONLY);
      const report = await carryOut(ctx, fleet, observed, changeOf(restoration), options);
      return {
        ...report,
        takenAt: meta.takenAt,
        apiReadyMs: (restoration.apiReadyMs ?? Date.now()) - startedMs,
        revision: meta.revision,
        restoredRevision: restoredRevision(restoration),
        bump: bumpFor(meta.revision, restoration.floor),
        keys: meta.keys,
        contentHash: meta.contentHash,
      };
    }),
  );
}

function changeOf(restoration: Restoration) {
  return {
    verb: 'restore',
    first: [
      prepareHost,
      startMachines,
      fenceControlPlanes(restoration),
      prepareMachines,
      restoreMembers(restoration),
      proveData(restoration),
      startApiServers(restoration),
      resumeNodes(restoration),
    ],
    rest: [formCluster, rollWorkers, finishChange, proveRestore(restoration)],
    afterFirst: restored,
    ignoresApi: true,
  };
}

/** As it will be seen then: what the API says now is of the state that goes. */
function restored({ etcd: _etcd, kubeError: _error, ...observed }: Observed): Observed {
  return observed;
}

/** Throws WRONG_CLUSTER, ARCHIVE_VERSION. */
function refuseOther(spec: ClusterSpec, { meta }: OpenArchive): void {
  if (meta.cluster !== spec.name) {
    throw new QuorateError('WRONG_CLUSTER', `the archive is of cluster ${meta.cluster}, cluster.yaml of ${spec.name}`, {
      data: { archive: meta.cluster, spec: spec.name },
    });
  }
  const [was, is] = [parseVersion(meta.kubernetesVersion), parseVersion(spec.kubernetesVersion)];
  if (was === undefined || is === undefined) return;
  const steps = is.minor - was.minor;
  if (was.major === is.major && (steps === 0 || steps === 1)) return;
  const text = `the archive is of Kubernetes ${meta.kubernetesVersion}, cluster.yaml asks for ${spec.kubernetesVersion}`;
  throw new QuorateError('ARCHIVE_VERSION', text, {
    hint: `restore with kubernetesVersion ${meta.kubernetesVersion}, then upgrade`,
  });
}
