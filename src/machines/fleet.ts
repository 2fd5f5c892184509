import { QuorateError } from '../core/errors.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../spec/types.ts';
import type { Machine, MachineDriver, MachineProvider } from './machine.ts';

/** The machines of one cluster, each behind its driver. */
export interface Fleet {
  /** What the cluster is to be. */
  readonly spec: ClusterSpec;
  /** Machines that are in the cluster and not in the specification any more: they are to leave it. */
  readonly leaving: readonly MachineSpec[];
  /** Those of the specification, then those that leave. */
  readonly machines: readonly MachineSpec[];
  /** Throws MACHINE_NOT_FOUND, naming those there are. */
  machine(name: string): Machine;
  /** The power over the cluster's machines; absent where others own them. */
  readonly provider?: MachineProvider;
  /** Where API servers may run: the specification's control planes, then leaving ones. */
  readonly controlPlanes: readonly Machine[];
}

/** The specification with the machines that leave still in it: what everyone must let in until they are gone. */
export function withLeaving(spec: ClusterSpec, leaving: readonly MachineSpec[]): ClusterSpec {
  return leaving.length === 0 ? spec : { ...spec, machines: [...spec.machines, ...leaving] };
}

/** Binds a specification to its drivers. All machines of one cluster share a driver (the spec's validation sees to it). */
export function createFleet(
  spec: ClusterSpec,
  driverOf: (kind: ClusterSpec['machines'][number]['driver']) => MachineDriver,
  leaving: readonly MachineSpec[] = [],
): Fleet {
  const all = withLeaving(spec, leaving);
  const machines = new Map(
    all.machines.map((machine) => [machine.name, driverOf(machine.driver).machine(spec, machine)]),
  );
  const machine = (name: string): Machine => {
    const found = machines.get(name);
    if (found) return found;
    const known = [...machines.keys()].join(', ');
    throw new QuorateError('MACHINE_NOT_FOUND', `cluster ${spec.name} has no machine "${name}"; it has ${known}`);
  };
  const first = all.machines[0];
  const provider = first === undefined ? undefined : driverOf(first.driver).provider;
  return {
    spec,
    leaving,
    machines: all.machines,
    machine,
    controlPlanes: controlPlanes(all).map(({ name }) => machine(name)),
    ...(provider === undefined ? {} : { provider }),
  };
}
