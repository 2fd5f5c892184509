import { requiredArtifacts } from '../artifacts/catalog.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { Phase, Step } from './step.ts';
import { lacksSoftware } from './steps/software.ts';

/** Obtains what the machines will need, and readies this host for them at the same time. */
export const prepareHost: Phase = {
  id: 'prepare-host',
  title: 'Prepare this host',
  plan: (spec, observed) => [...artifactSteps(spec, observed), ...hostSteps(spec, observed)],
};

function artifactSteps(spec: ClusterSpec, observed: Observed): Step[] {
  const isNeeded = spec.machines.some(
    (machine) => observed.machines[machine.name]?.state === 'absent' || lacksSoftware(spec, observed, machine),
  );
  const missing = observed.missingArtifacts;
  if (!isNeeded || missing.length === 0) return [];
  return [
    {
      id: 'artifacts',
      lane: 'artifacts',
      title: `obtain ${missing.length} ${missing.length === 1 ? 'artifact' : 'artifacts'} (${summary(missing)})`,
      why: 'not in the cache',
      run: async (ctx, tools) => {
        await tools.artifacts(ctx, requiredArtifacts(spec.kubernetesVersion));
      },
    },
  ];
}

function hostSteps(spec: ClusterSpec, observed: Observed): Step[] {
  if (observed.hostPrepared) return [];
  return [
    {
      id: 'host',
      lane: 'host',
      title: `ready this host: machine image, network ${spec.machineNetwork?.subnet ?? ''}`.trim(),
      why: 'not there yet, or for another specification',
      run: async (ctx, { fleet }) => fleet.provider?.prepareHost(ctx, spec),
    },
  ];
}

function summary(names: readonly string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
