import { distributeCertificates } from './distribute-certificates.ts';
import { formCluster } from './form-cluster.ts';
import { installSoftware } from './install-software.ts';
import { prepareHost } from './prepare-host.ts';
import { startControlPlane } from './start-control-plane.ts';
import { startMachines } from './start-machines.ts';
import type { Phase } from './step.ts';

/** From nothing to a cluster, in order. `plan` and `apply` walk this very list. */
export const PHASES: readonly Phase[] = [
  prepareHost,
  startMachines,
  installSoftware,
  distributeCertificates,
  startControlPlane,
  formCluster,
];
