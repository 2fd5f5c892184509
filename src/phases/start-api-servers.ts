import type { Context } from '../core/context.ts';
import { waitFor } from '../core/wait.ts';
import { probeApiServer } from '../kube/probe.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, controlPlanes, loadBalancers, type MachineSpec } from '../spec/types.ts';
import { managedFilesStep } from './files/managed-files.ts';
import { backupGroup, groupInput, kubeletGroup, operatorGroup, staticPodGroup } from './files/node-groups.ts';
import type { Restoration } from './restoration/restoration.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import { balancerSteps } from './steps/load-balancers.ts';
import type { Toolbox } from './toolbox.ts';

/** etcd serves by now: an API server takes a quarter of a minute on two cores, three of them at once twice that. */
const API_DEADLINE_MS = 240_000;

/** Starts everything of the control plane that waits for etcd, on all machines at once. */
export function startApiServers(restoration: Restoration): Phase {
  return {
    id: 'start-api-servers',
    title: 'Start the API servers',
    plan: (spec, observed) => [
      ...loadBalancers(spec)
        .filter(({ role }) => role !== 'control-plane')
        .flatMap((machine) => balancerSteps(spec, observed, machine)),
      ...controlPlanes(spec).flatMap((machine) => planeSteps(spec, observed, machine)),
      {
        id: 'endpoint',
        lane: SERIAL_LANE,
        title: `wait until ${spec.endpoint.url} answers`,
        why: 'clients come back through it',
        run: (ctx, tools) => awaitEndpoint(ctx, tools, restoration),
      },
    ],
  };
}

function planeSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): readonly Step[] {
  const input = groupInput(spec, observed, machine);
  if (input === undefined) return [];
  const groups = [operatorGroup(input), staticPodGroup(input), kubeletGroup(input), backupGroup(input)];
  return [
    ...balancerSteps(spec, observed, machine),
    ...groups.flatMap((group) => managedFilesStep(machine, input.facts, group)),
  ];
}

async function awaitEndpoint(ctx: Context, tools: Toolbox, restoration: Restoration): Promise<void> {
  const { endpoint } = tools.fleet.spec;
  const ca = restoration.material.authorities.ca.certificate;
  const condition = `${endpoint.url} answers`;
  await waitFor(ctx, { condition, deadlineMs: API_DEADLINE_MS, intervalMs: 200 }, async () => {
    const probe = await probeApiServer(ctx, endpoint.host, endpoint.port, ca);
    return probe.ready ? true : (probe.detail ?? 'no answer');
  });
  restoration.apiReadyMs = Date.now();
}
