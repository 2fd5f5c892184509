import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import type { Phase, Step } from './step.ts';

/** Makes and boots the machines that quorate itself provides. */
export const startMachines: Phase = {
  id: 'start-machines',
  title: 'Start the machines',
  plan: (spec, observed) => spec.machines.flatMap((machine) => startStep(spec, observed, machine)),
};

function startStep(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const state = observed.machines[machine.name]?.state;
  if (state !== 'absent' && state !== 'stopped') return [];
  return [
    {
      id: `${machine.name}/start`,
      lane: machine.name,
      machine: machine.name,
      title: state === 'absent' ? `make and boot it (${machine.role}, ${machine.address})` : 'boot it',
      why: state === 'absent' ? 'does not exist yet' : 'is powered off',
      run: async (ctx, { fleet }) => {
        await fleet.provider?.create(ctx, spec, machine);
        await fleet.provider?.start(ctx, spec, machine);
      },
    },
  ];
}
