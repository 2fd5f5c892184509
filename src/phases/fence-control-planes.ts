import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { Observed } from '../observe/observed.ts';
import { BOOTSTRAP_KUBELET_CONF_PATH, certificatePath, KUBELET_CONF_PATH, KUBERNETES_DIR } from '../pki/names.ts';
import { sharedPathsOf, sharingMachines } from '../pki/placement.ts';
import { ROTATION_DIR } from '../pki/rotation.ts';
import { sharedFiles } from '../pki/shared.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec, machinesOf } from '../spec/types.ts';
import { unseenCarriers } from './membership.ts';
import {
  FORMER_DATA_PREFIX,
  RESTORE_DEADLINE_MS,
  RESTORED_PATH,
  REVISION_BUMP,
  type Restoration,
  UNPROVED_MARK,
} from './restoration/restoration.ts';
import { END_STAND_INS } from './restoration/stand-in.ts';
import type { Phase, Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/**
 * Ends what is left of the control plane on every machine of it, moves etcd's data out of the way, and gives each machine the keys that
 * belong to the archive: nobody may serve or vote on the old data while the new one is put in place.
 */
export function fenceControlPlanes(restoration: Restoration): Phase {
  return {
    id: 'fence-control-planes',
    title: 'Fence what is left of the control plane',
    plan: (spec, observed) => {
      refuseUnfenced(spec, observed);
      return [
        ...sharingMachines(spec).flatMap((machine) => fenceSteps(spec, observed, machine, restoration)),
        ...machinesOf(spec, 'worker').flatMap((machine) => workerSteps(observed, machine, restoration)),
      ];
    },
  };
}

/** One that does not answer may be serving still, or come back tomorrow with the old data. Throws MACHINE_UNREACHABLE. */
function refuseUnfenced(spec: ClusterSpec, observed: Observed): void {
  const carriers = unseenCarriers(spec, observed).map(({ name }) => name);
  const silent = [...new Set([...carriers, ...unseen(spec, observed)])].filter(
    (name) => observed.machines[name]?.state === 'unreachable',
  );
  if (silent.length === 0) return;
  throw new QuorateError(
    'MACHINE_UNREACHABLE',
    `${silent.join(', ')}: no answer, so what runs there cannot be ended, and its data is of the cluster that is to be replaced`,
    { hint: 'bring it back, or, if it is gone for good, put another machine in its place in cluster.yaml' },
  );
}

function unseen(spec: ClusterSpec, observed: Observed): readonly string[] {
  return sharingMachines(spec)
    .map(({ name }) => name)
    .filter((name) => observed.machines[name]?.facts === undefined);
}

function fenceSteps(
  spec: ClusterSpec,
  observed: Observed,
  machine: MachineSpec,
  restoration: Restoration,
): readonly Step[] {
  const facts = observed.machines[machine.name]?.facts;
  const about = { lane: machine.name, machine: machine.name };
  const holds = facts?.hasEtcdData ? ', and move its data aside' : '';
  return [
    {
      ...about,
      id: `${machine.name}/fence`,
      title: `stop what runs of the control plane${holds}`,
      why: 'nobody may serve or vote on the old data',
      run: async (ctx, tools) => {
        restoration.floor = Math.max(
          restoration.floor,
          await fence(ctx, tools, spec, machine, restoration.meta.revision),
        );
      },
    },
    {
      ...about,
      id: `${machine.name}/archived-keys`,
      title: 'write the authorities and keys of the archive',
      why: 'its Secrets and tokens can be read with these only',
      run: async (ctx, tools) => {
        const wanted = sharedPathsOf(spec, machine);
        const files = sharedFiles(restoration.material).filter(({ path }) => wanted.includes(path));
        await tools.fleet.machine(machine.name).writeFiles(ctx, files);
      },
    },
  ];
}

/**
 * Arguments: `yes` when the machine carries etcd. Prints `revision N` of the data that it found (`unreadable` when it cannot be told) and
 * `restored N` of an earlier restore. A restored copy that nobody has written to is removed; anything else is moved aside and stays. What was
 * found out is kept before anything moves, for the run that comes after one that is killed here.
 */
const FENCE_SCRIPT = `set -u
{ ${END_STAND_INS} } >/dev/null 2>&1
systemctl stop kubelet 2>/dev/null
systemctl disable --now etcd 2>/dev/null
for pod in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  rm -f "/etc/kubernetes/manifests/$pod.yaml"
done
programs='kube-apiserver kube-controller kube-scheduler etcd'
for program in $programs; do pkill -TERM -x "$program" 2>/dev/null; done
waited=0
while [ $waited -lt 30 ]; do
  left=
  for program in $programs; do pgrep -x "$program" >/dev/null && left="$left $program"; done
  [ -n "$left" ] || break
  # The API server goes on serving for some seconds after SIGTERM; here there is nobody to serve.
  [ $waited -lt 4 ] || for program in $left; do pkill -KILL -x "$program" 2>/dev/null; done
  sleep 0.5
  waited=$((waited + 1))
done
[ -z "$left" ] || { echo "still running:$left" >&2; exit 1; }
rm -rf ${ROTATION_DIR}
stamp=$(sed -n 's/.*"revision":\\([0-9]*\\).*/\\1/p' ${RESTORED_PATH} 2>/dev/null)
[ -z "$stamp" ] || echo "restored $stamp"
[ "$1" = yes ] && [ -d /var/lib/etcd/member ] || exit 0
found=$(etcdutl snapshot status /var/lib/etcd/member/snap/db -w json 2>/dev/null | sed -n 's/.*"revision":\\([0-9]*\\).*/\\1/p')
# Whoever started this copy in the meantime has made it data that is worth keeping.
if [ -e ${UNPROVED_MARK} ] && [ -n "$found" ] && [ "$found" -le "\${stamp:-0}" ]; then
  rm -rf /var/lib/etcd/member
  exit 0
fi
if [ -n "$found" ]; then
  echo "revision $found"
  if [ "$found" -gt "\${stamp:-0}" ]; then
    install -d -m 0700 /var/lib/quorate
    printf '{"revision":%s}\\n' "$found" > ${RESTORED_PATH}
    sync ${RESTORED_PATH}
  fi
else
  echo unreadable
fi
aside=${FORMER_DATA_PREFIX}$(date +%s)
install -d -m 0700 "$aside"
mv /var/lib/etcd/member "$aside/member"
rm -f ${UNPROVED_MARK}
`;

/** The highest revision that the machine knows of; 0: none. */
async function fence(
  ctx: Context,
  tools: Toolbox,
  spec: ClusterSpec,
  machine: MachineSpec,
  archived: number,
): Promise<number> {
  const carriesEtcd = etcdMachines(spec).some(({ name }) => name === machine.name);
  const { stdout } = await tools.fleet
    .machine(machine.name)
    .exec(ctx, ['sh', '-c', FENCE_SCRIPT, 'fence', carriesEtcd ? 'yes' : 'no'], { timeoutMs: RESTORE_DEADLINE_MS });
  return highestRevision(stdout, archived);
}

/**
 * The greatest of the lines `revision N`, which is what data holds; `restored N`, where an earlier restore began or a fence found data: nobody
 * knows what has been written since, but it is less than a billion (REVISION_BUMP); and `unreadable`: less than a billion above the archive.
 */
export function highestRevision(text: string, archived = 0): number {
  const found = [...text.matchAll(/^(revision|restored) (\d+)$/gm)].map(
    ([, kind, digits]) => Number(digits) + (kind === 'restored' ? REVISION_BUMP - 1 : 0),
  );
  const unknown = /^unreadable$/m.test(text) ? archived + REVISION_BUMP : 0;
  return Math.max(0, unknown, ...found);
}

/** What a worker knows of revisions; and one that belongs to other authorities than the archive's has to join anew. */
function workerSteps(observed: Observed, machine: MachineSpec, restoration: Restoration): readonly Step[] {
  const facts = observed.machines[machine.name]?.facts;
  if (facts === undefined) return [];
  const about = { lane: machine.name, machine: machine.name };
  const authority = facts.certificates[certificatePath('ca')];
  const isForeign =
    authority !== undefined && authority.trim() !== restoration.material.authorities.ca.certificate.trim();
  return [
    {
      ...about,
      id: `${machine.name}/revision`,
      title: 'ask what its watches may have seen',
      why: 'the restored revision has to be above it',
      run: async (ctx, tools) => {
        const content = await tools.fleet.machine(machine.name).readFile(ctx, RESTORED_PATH);
        const [, digits] = /"revision":(\d+)/.exec(Buffer.from(content ?? '').toString()) ?? [];
        if (digits !== undefined)
          restoration.floor = Math.max(restoration.floor, highestRevision(`restored ${digits}`));
      },
    },
    ...(isForeign
      ? [
          {
            ...about,
            id: `${machine.name}/forget`,
            title: 'let it forget its certificates, so that it joins anew',
            why: 'they are of other authorities than those of the archive',
            run: async (ctx, tools) => {
              await tools.fleet.machine(machine.name).exec(ctx, ['sh', '-c', FORGET_SCRIPT]);
            },
          } satisfies Step,
        ]
      : []),
  ];
}

const FORGET_SCRIPT = `systemctl stop kubelet
rm -f ${KUBELET_CONF_PATH} ${BOOTSTRAP_KUBELET_CONF_PATH} ${certificatePath('ca')} /var/lib/kubelet/pki/kubelet-*
test -d ${KUBERNETES_DIR}`;
