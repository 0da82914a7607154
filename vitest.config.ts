import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        // No database, no server: `npm run verify` runs these.
        test: {
          name: 'unit',
          include: ['test/{shared,edge,scripts,tree,consistency}/**/*.test.ts'],
        },
      },
      {
        test: {
          name: 'cell',
          include: ['test/{regional,contract,crash}/**/*.test.ts'],
          globalSetup: ['test/support/global-postgres.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Whole systems: real Postgres, real cell processes, real workerd.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/global-postgres.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
