import { installPackages, missingPackages } from '../../machines/ssh/packages.ts';
import type { Observed } from '../../observe/observed.ts';
import { type ClusterSpec, loadBalancers, type MachineSpec } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import type { Step } from '../step.ts';

/** Brings a host of others the Debian packages that it lacks. None for machines that quorate makes: their image has them. */
export function packageSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const facts = machine.driver === 'ssh' ? planningFacts(observed, machine) : undefined;
  if (!facts) return [];
  const isBalancer = loadBalancers(spec).some(({ name }) => name === machine.name);
  const missing = missingPackages(facts, {
    isBalancer,
    isControlPlane: machine.role === 'control-plane',
    hasBucket: spec.etcd.snapshots.s3 !== undefined,
  });
  if (missing.length === 0) return [];
  const count = `${missing.length} ${missing.length === 1 ? 'package' : 'packages'}`;
  return [
    {
      id: `${machine.name}/packages`,
      lane: machine.name,
      machine: machine.name,
      title: `install ${count} (${missing.join(', ')})`,
      why: 'not installed',
      run: (ctx, { fleet }) => installPackages(ctx, fleet.machine(machine.name), facts, missing),
    },
  ];
}
