import { describe } from 'vitest';
import { createLocalDriver } from '../../src/machines/local/driver.ts';
import { makeSpec } from '../helpers/spec.ts';
import { whyNoLocalMachines } from './host-skip.ts';
import { machineContract } from './machine-contract.ts';

const skip = await whyNoLocalMachines();

describe.skipIf(skip !== undefined)(`machine contract: local${skip === undefined ? '' : ` (skipped: ${skip})`}`, () => {
  machineContract({
    spec: makeSpec({ name: 'ct-local', prefix: '10.88.11', driver: 'local', controlPlanes: 1, workers: 1 }),
    makeDriver: () => createLocalDriver(),
  });
});
