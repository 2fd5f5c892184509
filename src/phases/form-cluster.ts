import { objectSteps } from './cluster-objects.ts';
import { joinSteps } from './join-worker.ts';
import { servingSteps, settleSteps } from './settle-node.ts';
import type { Phase } from './step.ts';

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
      ...spec.machines.flatMap((machine) => [...joinSteps(spec, observed, machine), ...settleSteps(observed, machine)]),
      ...servingSteps(spec, observed),
      ...objects.afterCertificates,
    ];
  },
};
