import { announceChange } from './announce-change.ts';
import { finishChange } from './finish-change.ts';
import { formCluster } from './form-cluster.ts';
import { joinControlPlanes } from './join-control-planes.ts';
import { prepareHost } from './prepare-host.ts';
import { prepareMachines } from './prepare-machines.ts';
import { removeMachines } from './remove-machines.ts';
import { rollControlPlanes } from './roll-control-planes.ts';
import { rollWorkers } from './roll-workers.ts';
import { startControlPlane } from './start-control-plane.ts';
import { startMachines } from './start-machines.ts';
import type { Phase } from './step.ts';

/**
 * From any state to what cluster.yaml says, in order. `plan` and `apply` walk this very list. What is added comes before what is
 * removed, and the control plane changes before what depends on it.
 */
export const PHASES: readonly Phase[] = [
  prepareHost,
  startMachines,
  announceChange,
  prepareMachines,
  startControlPlane,
  joinControlPlanes,
  rollControlPlanes,
  formCluster,
  rollWorkers,
  removeMachines,
  finishChange,
];
