import { QuorateError } from '../core/errors.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';
import type { Machine, MachineDriver, MachineProvider } from './machine.ts';

/** The machines of one cluster, each behind its driver. */
export interface Fleet {
  readonly spec: ClusterSpec;
  /** Throws MACHINE_NOT_FOUND, naming those there are. */
  machine(name: string): Machine;
  /** The power over the cluster's machines; absent where others own them. */
  readonly provider?: MachineProvider;
  readonly controlPlanes: readonly Machine[];
}

/** Binds a specification to its drivers. All machines of one cluster share a driver (the spec's validation sees to it). */
export function createFleet(
  spec: ClusterSpec,
  driverOf: (kind: ClusterSpec['machines'][number]['driver']) => MachineDriver,
): Fleet {
  const machines = new Map(
    spec.machines.map((machine) => [machine.name, driverOf(machine.driver).machine(spec, machine)]),
  );
  const machine = (name: string): Machine => {
    const found = machines.get(name);
    if (found) return found;
    const known = [...machines.keys()].join(', ');
    throw new QuorateError('MACHINE_NOT_FOUND', `cluster ${spec.name} has no machine "${name}"; it has ${known}`);
  };
  const first = spec.machines[0];
  const provider = first === undefined ? undefined : driverOf(first.driver).provider;
  return {
    spec,
    machine,
    controlPlanes: controlPlanes(spec).map(({ name }) => machine(name)),
    ...(provider === undefined ? {} : { provider }),
  };
}
