import type { MachineFacts } from '../machines/facts.ts';
import type { Observed } from '../observe/observed.ts';
import type { MachineSpec } from '../spec/types.ts';

/**
 * The facts that a phase plans from. A machine that does not exist yet gets the facts of a bare one, so that the plan of a
 * new cluster can be shown; before anything runs there, the phase is planned again from the machine's own. undefined for a
 * machine that is stopped or does not answer: nothing can be said, so nothing is planned.
 */
export function planningFacts(observed: Observed, machine: MachineSpec): MachineFacts | undefined {
  const seen = observed.machines[machine.name];
  if (seen?.facts) return seen.facts;
  return seen?.state === 'absent' ? bareFacts(machine) : undefined;
}

function bareFacts(machine: MachineSpec): MachineFacts {
  return {
    hostname: machine.name,
    os: { id: 'debian', versionId: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
    kernel: '',
    arch: 'amd64',
    machineId: '',
    bootId: '',
    cpus: 1,
    memoryBytes: 0,
    diskFreeBytes: 0,
    cgroup: 'v2',
    hasCapSysResource: true,
    nofileHard: 1_048_576,
    interface: 'host0',
    addresses: [machine.address],
    clockSkewMs: 0,
    swap: false,
    files: {},
    units: {},
    certificates: {},
    authorities: {},
    images: [],
    binaries: {},
    backends: {},
    packages: [],
    hasEtcdData: false,
    running: [],
    etcdFlags: {},
  };
}
