import { formCluster } from './form-cluster.ts';
import { prepareHost } from './prepare-host.ts';
import { prepareMachines } from './prepare-machines.ts';
import { startControlPlane } from './start-control-plane.ts';
import { startMachines } from './start-machines.ts';
import type { Phase } from './step.ts';

/** From nothing to a cluster, in order. `plan` and `apply` walk this very list. */
export const PHASES: readonly Phase[] = [prepareHost, startMachines, prepareMachines, startControlPlane, formCluster];
