import { QuorateError } from '../core/errors.ts';
import type { DriverKind } from '../spec/types.ts';
import { createLocalDriver } from './local/driver.ts';
import type { LocalOptions } from './local/provider.ts';
import type { MachineDriver } from './machine.ts';
import { createSshDriver } from './ssh/driver.ts';

/** The drivers of one run, each made on first use, by kind. `fake` throws SPEC_UNSUPPORTED. */
export function createDrivers(options: LocalOptions = {}): (kind: DriverKind) => MachineDriver {
  const makers = {
    local: () => createLocalDriver(options),
    ssh: createSshDriver,
    fake: () => {
      throw new QuorateError('SPEC_UNSUPPORTED', 'fake machines exist in tests only');
    },
  } satisfies Record<DriverKind, () => MachineDriver>;
  const made = new Map<DriverKind, MachineDriver>();
  return (kind) => {
    const driver = made.get(kind) ?? makers[kind]();
    made.set(kind, driver);
    return driver;
  };
}
