import { QuorateError } from '../core/errors.ts';
import type { MachineFacts } from '../machines/facts.ts';
import { kubeletFiles, loadBalancerFiles, operatorConvenienceFiles, staticPodFiles } from '../manifests/node-files.ts';
import type { Observed } from '../observe/observed.ts';
import { certificatePath } from '../pki/names.ts';
import { etcdClusterToken } from '../pki/shared.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../spec/types.ts';
import { planningFacts } from './facts.ts';
import { managedFilesStep } from './managed-files.ts';
import type { Phase, Step } from './step.ts';

/** The kubelet sees a changed manifest at once, or at its next look five seconds later, and stops the old pod. */
const MANIFEST_SETTLE_MS = 15_000;

/**
 * Writes the static pods of all control planes and starts their kubelets, all at once: the etcd members find each other by a
 * static initial cluster, so that none is first (principle 5).
 */
export const startControlPlane: Phase = {
  id: 'start-control-plane',
  title: 'Start the control plane',
  needs: ['etcd'],
  plan: (spec, observed) => {
    refuseLostMembers(spec, observed);
    return controlPlanes(spec).flatMap((machine) => {
      const facts = planningFacts(observed, machine);
      return facts ? controlPlaneSteps(spec, observed, machine, facts) : [];
    });
  },
};

/**
 * A member that has served before must never come back empty under its old identity: it has forgotten votes and entries that
 * the others count on (Raft's assumption of durable state). One that has only been configured has no client URLs yet.
 */
function refuseLostMembers(spec: ClusterSpec, observed: Observed): void {
  for (const { name } of controlPlanes(spec)) {
    const member = observed.etcd?.members.find((candidate) => candidate.name === name);
    const seen = observed.machines[name];
    const isEmpty = seen?.state === 'absent' || seen?.facts?.hasEtcdData === false;
    // One that answers has its data: it made it after the machine was looked at, in a run that was continued just then.
    if (!member || member.clientURLs.length === 0 || member.status !== undefined || !isEmpty) continue;
    throw new QuorateError('ETCD_MEMBER_LOST', `${name} is a member of etcd (${member.id}), but its data is gone`, {
      data: { machine: name, member: member.id },
    });
  }
}

function controlPlaneSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec, facts: MachineFacts): Step[] {
  const etcdToken = tokenOf(spec, observed);
  const balancer = loadBalancerFiles(spec, machine, facts);
  return [
    // The cheap ones first: from the kubelet's start on, etcd and the API servers take every core there is.
    ...managedFilesStep(machine, facts, {
      id: 'load-balancer',
      what: 'HAProxy and keepalived configuration',
      files: balancer,
      units: balancer.length === 0 ? [] : ['haproxy.service', 'keepalived.service'],
    }),
    ...managedFilesStep(machine, facts, {
      id: 'operator',
      what: 'shell profile and the approver of serving certificates',
      files: operatorConvenienceFiles(spec, machine),
      units: ['quorate-approve-kubelet-serving.timer'],
    }),
    ...managedFilesStep(machine, facts, {
      id: 'static-pods',
      what: 'the static pods of etcd, API server, controller-manager and scheduler',
      files: staticPodFiles(spec, machine, facts, { etcdToken, initialClusterState: 'new' }),
      units: [],
      disruption: { machine: machine.name, kind: 'restart', settleMs: MANIFEST_SETTLE_MS },
    }),
    ...managedFilesStep(machine, facts, {
      id: 'kubelet',
      what: 'kubelet configuration',
      files: kubeletFiles(spec, machine, facts),
      units: ['kubelet.service'],
    }),
  ];
}

/** The etcd token, from any control plane's etcd authority; a placeholder in the plan of a cluster that has none yet. */
function tokenOf(spec: ClusterSpec, observed: Observed): string {
  const path = certificatePath('etcd/ca');
  const pems = controlPlanes(spec).map(({ name }) => observed.machines[name]?.facts?.certificates[path]);
  const pem = pems.find((candidate) => candidate !== undefined);
  return pem === undefined ? `${spec.name}-new` : etcdClusterToken(pem, spec.name);
}
