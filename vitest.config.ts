import { defineConfig } from 'vitest/config';

// Three tiers. `unit` needs neither root nor network; `contract` and `e2e` run on real machines (docs/testing.md).
export default defineConfig({
  test: {
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
          testTimeout: 300_000,
          hookTimeout: 3_000_000,
          fileParallelism: false,
          sequence: { shuffle: false },
          bail: 0,
        },
      },
    ],
  },
});
