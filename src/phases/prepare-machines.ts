import type { Phase } from './step.ts';
import { certificateSteps, refuseConflicts } from './steps/certificates.ts';
import { nodeTrustSteps } from './steps/node-trust.ts';
import { packageSteps } from './steps/packages.ts';
import { softwareSteps } from './steps/software.ts';

/** Brings every machine what it runs, and control planes what they are known by. */
export const prepareMachines: Phase = {
  id: 'prepare-machines',
  title: 'Prepare the machines',
  plan: (spec, observed) => {
    refuseConflicts(spec, observed);
    return spec.machines.flatMap((machine) => [
      ...packageSteps(spec, observed, machine),
      ...softwareSteps(spec, observed, machine),
      ...certificateSteps(spec, observed, machine),
      ...nodeTrustSteps(spec, observed, machine),
    ]);
  },
};
