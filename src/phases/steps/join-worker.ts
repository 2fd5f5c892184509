import type { Context } from '../../core/context.ts';
import { findByName } from '../../core/per-object.ts';
import { waitFor } from '../../core/wait.ts';
import { readLeases } from '../../kube/read.ts';
import type { MachineFacts } from '../../machines/facts.ts';
import type { Observed } from '../../observe/observed.ts';
import { formatBootstrapToken } from '../../pki/bootstrap-token.ts';
import { bootstrapFiles } from '../../pki/kubeconfig.ts';
import { KUBELET_CONF_PATH } from '../../pki/names.ts';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import { managedFilesStep } from '../files/managed-files.ts';
import { type GroupInput, kubeletGroup } from '../files/node-groups.ts';
import type { Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';
import { binarySteps, runsAlready } from './software.ts';

/** It takes the lease within seconds of its start; a busy host makes that a minute. */
const SIGNER_DEADLINE_MS = 180_000;

/**
 * Starts a worker's kubelet; it asks for its certificate with a bootstrap token that is minted for this run. A worker that has joined
 * is changed by roll-workers, which takes its pods off first and knows the way back.
 */
export function joinSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const facts = planningFacts(observed, machine);
  if (machine.role !== 'worker' || !facts) return [];
  const input = { spec, observed, machine, facts };
  return [...tokenSteps(spec, machine, facts), ...(hasJoined(observed, machine) ? [] : startSteps(input))];
}

function startSteps(input: GroupInput): readonly Step[] {
  const { spec, machine, facts } = input;
  return [
    // A kubelet that crashes has kept its programs until now: no kubelet may be newer than an API server.
    ...(runsAlready(facts) ? binarySteps(spec, machine, facts) : []),
    ...managedFilesStep(machine, facts, kubeletGroup(input)),
  ];
}

/** True for a machine whose kubelet runs and is known as a node. */
export function hasJoined(observed: Observed, { name }: Pick<MachineSpec, 'name'>): boolean {
  const isRunning = observed.machines[name]?.facts?.units['kubelet.service']?.active === true;
  return isRunning && findByName(observed.kube?.nodes, name) !== undefined;
}

/** The kubelet writes kubelet.conf once it has its certificate; until then it needs a token that is still valid. */
function tokenSteps(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): Step[] {
  if (facts.files[KUBELET_CONF_PATH] !== undefined) return [];
  return [
    {
      id: `${machine.name}/bootstrap-token`,
      lane: machine.name,
      machine: machine.name,
      title: 'write a bootstrap kubeconfig with a fresh token',
      why: 'it has not joined yet',
      run: (ctx, tools) => writeToken(ctx, tools, spec, machine),
    },
  ];
}

async function writeToken(ctx: Context, tools: Toolbox, spec: ClusterSpec, machine: MachineSpec): Promise<void> {
  const token = await tools.bootstrapToken(ctx);
  await waitForSigner(ctx, tools);
  const material = await tools.shared(ctx);
  const files = bootstrapFiles({
    clusterName: spec.name,
    server: spec.endpoint.url,
    authority: material.authorities.ca.certificate,
    token: formatBootstrapToken(token),
  });
  await tools.fleet.machine(machine.name).writeFiles(ctx, files);
}

/**
 * The controller-manager signs kubelets' certificates. A kubelet that starts before it tries to register without one, and
 * doubles its pause each time up to 7 s (k8s.io/kubernetes pkg/kubelet/kubelet_node_status.go, registerWithAPIServer).
 */
async function waitForSigner(ctx: Context, tools: Toolbox): Promise<void> {
  const condition = 'the controller-manager has a leader';
  await waitFor(ctx, { condition, deadlineMs: SIGNER_DEADLINE_MS, intervalMs: 300 }, async () => {
    const leases = await readLeases(await tools.kube(ctx));
    return leases['kube-controller-manager']?.holder ? true : 'nobody holds its lease yet';
  });
}
