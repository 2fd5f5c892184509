import type { MachineDriver } from '../machine.ts';
import { localMachine } from './local-machine.ts';
import { createProvider, type LocalOptions } from './provider.ts';

/** Machines that quorate makes on this host, as systemd-nspawn containers that boot an operating system. */
export function createLocalDriver(options: LocalOptions = {}): MachineDriver {
  return { kind: 'local', machine: localMachine, provider: createProvider(options) };
}
