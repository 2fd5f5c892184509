import { describe } from 'vitest';
import { createFakeDriver } from '../../src/machines/fake/driver.ts';
import { makeSpec } from '../helpers/spec.ts';
import { machineContract } from './machine-contract.ts';

describe('machine contract: fake', () => {
  machineContract({
    spec: makeSpec({ name: 'ct-fake', driver: 'fake', controlPlanes: 1, workers: 1 }),
    makeDriver: () => createFakeDriver(),
  });
});
