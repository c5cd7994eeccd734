import { defineConfig } from 'vitest/config'

/** `unit` needs no GPU; `device` drives Dawn and fails, rather than skips, without an adapter. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: ['test/setup.ts'],
          include: ['test/**/*.test.ts'],
          exclude: ['test/device/**'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'device',
          setupFiles: ['test/setup.ts'],
          include: ['test/device/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          pool: 'forks',
          maxWorkers: 1,
        },
      },
    ],
  },
})
