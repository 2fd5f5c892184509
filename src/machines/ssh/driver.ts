import type { MachineDriver } from '../machine.ts';
import { Connection } from './connection.ts';
import { Slots } from './slots.ts';
import { sshMachine } from './ssh-machine.ts';
import { socketPath, sshTarget } from './target.ts';

/** ssh processes at once, over all hosts: each costs a few MB and a wake-up of the one that runs this host. */
const MAX_PROCESSES = 32;

/** The driver for hosts that others own: it reaches them with OpenSSH, and has no power over them. */
export function createSshDriver(): MachineDriver {
  const processes = new Slots(MAX_PROCESSES);
  const connections = new Map<string, Connection>();
  return {
    kind: 'ssh',
    machine: (_spec, machine) => {
      const target = sshTarget(machine);
      const key = socketPath(target);
      const connection = connections.get(key) ?? new Connection(target, processes);
      connections.set(key, connection);
      return sshMachine(machine, connection);
    },
  };
}
