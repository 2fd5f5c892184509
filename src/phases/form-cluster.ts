import { textFile } from '../manifests/file.ts';
import { FORMED_PATH } from '../manifests/paths.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, etcdMachines, isNode, type MachineSpec } from '../spec/types.ts';
import { planningFacts } from './facts.ts';
import { managedFilesStep } from './files/managed-files.ts';
import { hasFormed } from './membership.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import { credentialSteps } from './steps/bucket-credentials.ts';
import { objectSteps } from './steps/cluster-objects.ts';
import { joinSteps } from './steps/join-worker.ts';
import { recordSteps } from './steps/record.ts';
import { sealingKeySteps } from './steps/sealing-key.ts';
import { servingSteps, settleSteps } from './steps/settle-node.ts';

/**
 * Makes a cluster of API servers that run: its objects are applied while workers join and nodes are labelled, each in its own
 * lane. Every step waits for what it needs, so none waits for what it does not.
 */
export const formCluster: Phase = {
  id: 'form-cluster',
  title: 'Form the cluster',
  needs: ['kube'],
  plan: (spec, observed) => {
    const objects = objectSteps(spec, observed);
    return [
      ...objects.first,
      ...spec.machines
        .filter(isNode)
        .flatMap((machine) => [...joinSteps(spec, observed, machine), ...settleSteps(observed, machine)]),
      ...servingSteps(spec, observed),
      ...objects.afterCertificates,
      ...(lacksRecord(spec, observed) ? recordSteps(spec, observed, undefined) : []),
      ...etcdMachines(spec).flatMap((machine) => formedSteps(observed, machine)),
      ...sealingKeySteps(spec, observed),
      ...credentialSteps(spec, observed),
    ];
  },
};

/** An API that does not answer just now is no proof that there is none: of a cluster that has been whole, only its own word counts. */
function lacksRecord(spec: ClusterSpec, observed: Observed): boolean {
  return observed.kube === undefined ? !hasFormed(spec, observed) : observed.kube.record === undefined;
}

/**
 * Marks a member's machine as one that has been part of the whole: an empty disk there is a loss from now on. Behind the record, which
 * can only be written once etcd serves.
 */
function formedSteps(observed: Observed, machine: MachineSpec): Step[] {
  const facts = planningFacts(observed, machine);
  if (facts === undefined) return [];
  return managedFilesStep(machine, facts, {
    id: 'formed',
    what: 'the mark that the cluster has formed',
    files: [textFile(FORMED_PATH, 'Written by quorate once the cluster was whole.\n')],
    units: [],
  }).map((step) => ({ ...step, lane: SERIAL_LANE }));
}
