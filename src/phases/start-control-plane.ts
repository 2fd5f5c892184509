import type { MachineFacts } from '../machines/facts.ts';
import { kubeletFiles, loadBalancerFiles, operatorConvenienceFiles, staticPodFiles } from '../manifests/node-files.ts';
import type { Observed } from '../observe/observed.ts';
import { certificatePath } from '../pki/names.ts';
import { etcdClusterToken } from '../pki/shared.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../spec/types.ts';
import { planningFacts } from './facts.ts';
import { managedFilesStep } from './managed-files.ts';
import type { Phase, Step } from './step.ts';

/**
 * Writes the static pods of all control planes and starts their kubelets, all at once: the etcd members find each other by a
 * static initial cluster, so that none is first (principle 5).
 */
export const startControlPlane: Phase = {
  id: 'start-control-plane',
  title: 'Start the control plane',
  plan: (spec, observed) =>
    controlPlanes(spec).flatMap((machine) => {
      const facts = planningFacts(observed, machine);
      return facts ? controlPlaneSteps(spec, observed, machine, facts) : [];
    }),
};

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
      disruption: { machine: machine.name, kind: 'restart' },
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
