import type { Context } from '../core/context.ts';
import { initialCluster, peerURL } from '../manifests/etcd.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { startMemberAlone } from './change/start-member.ts';
import { type GroupInput, groupInput } from './files/node-groups.ts';
import {
  bumpFor,
  RESTORE_DEADLINE_MS,
  RESTORED_PATH,
  type Restoration,
  restoredRevision,
  UNPROVED_MARK,
} from './restoration/restoration.ts';
import type { Phase, Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/**
 * Puts the same snapshot on every member, as a new cluster of etcd, and starts the members: nothing else yet, so that what they hold can be
 * compared with the archive before anybody writes.
 */
export function restoreMembers(restoration: Restoration): Phase {
  return {
    id: 'restore-members',
    title: 'Restore the members of etcd',
    plan: (spec, observed) =>
      etcdMachines(spec).flatMap((machine) => memberSteps(spec, observed, machine, restoration)),
  };
}

function memberSteps(
  spec: ClusterSpec,
  observed: Observed,
  machine: MachineSpec,
  restoration: Restoration,
): readonly Step[] {
  const input = groupInput(spec, observed, machine);
  if (input === undefined) return [];
  const about = { lane: machine.name, machine: machine.name };
  return [
    {
      ...about,
      id: `${machine.name}/snapshot`,
      title: `restore the snapshot of ${restoration.meta.takenAt} (revision ${restoration.meta.revision})`,
      why: 'every member begins from the same data, under a new cluster token and above every revision that was seen',
      run: (ctx, tools) => restoreData(ctx, tools, input, restoration),
    },
    {
      ...about,
      id: `${machine.name}/member`,
      title: 'start its member, and nothing else yet',
      why: 'what it holds is compared with the archive before anybody writes',
      run: (ctx, tools) =>
        startMemberAlone(ctx, tools, input, {
          etcdToken: restoration.etcdToken,
          initialClusterState: 'new',
          initialCluster: initialCluster(etcdMachines(spec)),
        }),
    },
  ];
}

/** Where the snapshot lies on the machine while it is restored; with the cluster's Secrets in it. */
const SNAPSHOT_PATH = '/var/lib/quorate/restore/snapshot.db';
/**
 * Arguments: the revision stamp, then flags of etcdutl. The data appears in its place by one rename: a run that is killed leaves a member
 * that has all of it, or none.
 */
const RESTORE_SCRIPT = `set -eu
stamp=$1; shift
[ ! -e /var/lib/etcd/member ] || { echo 'there is data in /var/lib/etcd already' >&2; exit 1; }
rm -rf /var/lib/etcd/restoring
install -d -m 0700 /var/lib/etcd
etcdutl snapshot restore ${SNAPSHOT_PATH} --data-dir /var/lib/etcd/restoring "$@" >&2
printf '%s\\n' "$stamp" > ${RESTORED_PATH}
sync ${RESTORED_PATH}
: > ${UNPROVED_MARK}
sync ${UNPROVED_MARK}
mv /var/lib/etcd/restoring/member /var/lib/etcd/member
rmdir /var/lib/etcd/restoring
rm -rf /var/lib/quorate/restore
`;

async function restoreData(
  ctx: Context,
  tools: Toolbox,
  { spec, machine }: GroupInput,
  restoration: Restoration,
): Promise<void> {
  const { meta, snapshotPath, floor, etcdToken } = restoration;
  const host = tools.fleet.machine(machine.name);
  await host.exec(ctx, ['install', '-d', '-m', '0700', '/var/lib/quorate/restore']);
  await host.upload(ctx, snapshotPath, SNAPSHOT_PATH, 0o600);
  const flags = [
    `--name=${machine.name}`,
    `--initial-cluster=${initialCluster(etcdMachines(spec))}`,
    `--initial-cluster-token=${etcdToken}`,
    `--initial-advertise-peer-urls=${peerURL(machine)}`,
    `--bump-revision=${bumpFor(meta.revision, floor)}`,
    '--mark-compacted',
  ];
  const stamp = JSON.stringify({ revision: restoredRevision(restoration) });
  await host.exec(ctx, ['sh', '-c', RESTORE_SCRIPT, 'restore', stamp, ...flags], { timeoutMs: RESTORE_DEADLINE_MS });
}
