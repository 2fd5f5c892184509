import { defineConfig } from 'vitest/config';
import { ByPath } from './test/e2e/support/sequencer.ts';

// Three tiers. `unit` needs neither root nor network; `contract` and `e2e` run on real machines (docs/testing.md).
export default defineConfig({
  test: {
    sequence: { sequencer: ByPath },
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          // A change of the whole cluster takes minutes on two cores; what waits inside a test has deadlines of its own.
          testTimeout: 1_200_000,
          hookTimeout: 3_000_000,
          fileParallelism: false,
          sequence: { shuffle: false },
          bail: 0,
        },
      },
      {
        test: {
          name: 'recovery',
          include: ['test/recovery/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          testTimeout: 2_400_000,
          hookTimeout: 3_000_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'upgrades',
          include: ['test/upgrades/**/*.test.ts'],
          testTimeout: 2_400_000,
          hookTimeout: 4_000_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
