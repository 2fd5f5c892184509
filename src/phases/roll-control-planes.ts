import { componentVersions } from '../artifacts/catalog.ts';
import type { Context } from '../core/context.ts';
import { findByName } from '../core/per-object.ts';
import { saveSnapshot } from '../etcd/membership.ts';
import { CORDON_MARK, uncordonNode } from '../kube/cordon.ts';
import type { Machine } from '../machines/machine.ts';
import { LAST_GOOD_MARK } from '../manifests/paths.ts';
import type { Observed } from '../observe/observed.ts';
import {
  type ClusterSpec,
  controlPlanes,
  etcdMachines,
  isNode,
  loadBalancers,
  type MachineSpec,
  machinesOf,
} from '../spec/types.ts';
import { machineChange } from './change/machine-change.ts';
import { rollStep } from './change/roll-machine.ts';
import { returnToRotation } from './change/rotation.ts';
import { groupInput } from './files/node-groups.ts';
import { leaderLast, memberStage, planeStage } from './membership.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import { balancerSteps } from './steps/load-balancers.ts';

/**
 * Brings changes to machines that serve: etcd's and the load balancers' own machines, then control planes; one at a time, the
 * leader of etcd last. Each is good again before the next one begins.
 */
export const rollControlPlanes: Phase = {
  id: 'roll-control-planes',
  title: 'Change the control plane, one machine at a time',
  needs: ['etcd', 'kube'],
  isForLiving: true,
  plan: (spec, observed) => {
    const members = inOrder(observed, machinesOf(spec, 'etcd'));
    const planes = inOrder(observed, controlPlanes(spec));
    const changes = [
      ...members.flatMap((machine) => changeSteps(spec, observed, machine)),
      ...planes.flatMap((machine) => changeSteps(spec, observed, machine)),
    ];
    return [
      ...snapshotSteps(spec, observed, changes),
      // A load balancer reloads without dropping a connection; still one after the other, so that a wrong file stops one of them.
      ...spec.machines
        .filter((machine) => isUp(spec, observed, machine))
        .flatMap((machine) => balancerSteps(spec, observed, machine, SERIAL_LANE)),
      ...leftoverSteps(spec, observed, changes),
      ...changes,
    ];
  },
};

/**
 * What a run that was ended has begun comes first, for until then it counts as planned down and nothing else may be; then followers before
 * the leader.
 */
function inOrder(observed: Observed, machines: readonly MachineSpec[]): readonly MachineSpec[] {
  const hasBegun = ({ name }: MachineSpec) =>
    observed.machines[name]?.facts?.files[LAST_GOOD_MARK] !== undefined ||
    findByName(observed.kube?.nodes, name)?.cordonedFor === CORDON_MARK;
  const sorted = leaderLast(observed, machines);
  return [...sorted.filter(hasBegun), ...sorted.filter((machine) => !hasBegun(machine))];
}

/** What is down or new is started as a whole by another phase. */
function isUp(spec: ClusterSpec, observed: Observed, machine: MachineSpec): boolean {
  if (observed.machines[machine.name]?.facts === undefined) return false;
  return machine.role !== 'control-plane' || planeStage(spec, observed, machine) === 'running';
}

function changeSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const input = groupInput(spec, observed, machine);
  const stage = machine.role === 'etcd' ? memberStage(spec, observed, machine) : planeStage(spec, observed, machine);
  if (input === undefined || stage !== 'running') return [];
  const change = machineChange(input);
  return change === undefined ? [] : [rollStep(input, change, SERIAL_LANE)];
}

/** Before versions change: what every guide asks for first, and what brings the data back should all else fail. */
function snapshotSteps(spec: ClusterSpec, observed: Observed, changes: readonly Step[]): Step[] {
  const from = observed.kube?.record?.kubernetesVersion;
  const members = etcdMachines(spec).filter((machine) => memberStage(spec, observed, machine) === 'running');
  const [holder] = leaderLast(observed, members);
  if (changes.length === 0 || holder === undefined || from === undefined || from === spec.kubernetesVersion) return [];
  // One for each upgrade, however often it is continued.
  const since = observed.kube?.record?.upgradingSince ?? new Date(observed.takenAtMs).toISOString();
  const stamp = since.replace(/[-:]|\.\d+/g, '');
  const path = `/var/lib/quorate/snapshots/before-${from}-to-${spec.kubernetesVersion}-${stamp}.db`;
  return [
    {
      id: 'snapshot',
      lane: SERIAL_LANE,
      machine: holder.name,
      title: `save a snapshot of etcd (${path})`,
      why: `before going from ${from} to ${spec.kubernetesVersion}, etcd ${componentVersions(spec.kubernetesVersion).etcd}`,
      run: async (ctx, { fleet }) => {
        const machines = members.map(({ name }) => fleet.machine(name));
        if (!(await someHolds(ctx, machines, path))) await saveSnapshot(ctx, fleet.machine(holder.name), path);
      },
    },
  ];
}

/** A run that was ended may have saved it on another machine; one that is saved now would be of half-way. */
async function someHolds(ctx: Context, machines: readonly Machine[], path: string): Promise<boolean> {
  const found = await Promise.all(
    machines.map(async (machine) => (await machine.exec(ctx, ['test', '-s', path], { allowFailure: true })).exitCode),
  );
  return found.includes(0);
}

/** What a run that was killed has left behind, and what no change of the same machine sees to. */
function leftoverSteps(spec: ClusterSpec, observed: Observed, changes: readonly Step[]): Step[] {
  const isChanged = (name: string) => changes.some(({ machine }) => machine === name);
  const balancers = loadBalancers(spec).map(({ name }) => observed.machines[name]?.facts?.backends ?? {});
  return spec.machines.filter(isNode).flatMap((machine): Step[] => {
    const { name } = machine;
    const about = { lane: SERIAL_LANE, machine: name, why: 'a run that was ended has left it so' };
    const node = observed.kube?.nodes.find((candidate) => candidate.name === name);
    const isCordoned = !isChanged(name) && node?.cordonedFor === CORDON_MARK && machine.role === 'control-plane';
    const isOut = balancers.some((backends) => /DRAIN|MAINT|no check/.test(backends[name] ?? ''));
    return [
      ...(isOut
        ? [
            {
              ...about,
              id: `${name}/rotation`,
              title: 'let the load balancers use its API server again',
              run: (ctx, tools) => returnToRotation(ctx, tools, name),
            } satisfies Step,
          ]
        : []),
      ...(isCordoned
        ? [
            {
              ...about,
              id: `${name}/uncordon`,
              title: 'let pods onto the node again',
              run: async (ctx, tools) => uncordonNode(await tools.kube(ctx), name),
            } satisfies Step,
          ]
        : []),
    ];
  });
}
