import { defineConfig } from 'vitest/config'
import { ENGINE_FLAGS } from './scripts/engine-flags.ts'

/** What is true of Dawn alone: adapters, WGSL, the life of its processes. */
const WEBGPU_ONLY = [
  'test/device/runtime*.test.ts',
  'test/device/adapter.test.ts',
  'test/device/tilings.test.ts',
  'test/device/limits.test.ts',
]

/**
 * `unit` needs no device. `wasm` and `webgpu` run one and the same suite on a device each; the second drives Dawn, and
 * fails, rather than skips, without an adapter.
 */
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
          name: 'wasm',
          setupFiles: ['test/setup.ts'],
          include: ['test/device/**/*.test.ts'],
          exclude: WEBGPU_ONLY,
          env: { WEFT_TEST_DEVICE: 'wasm' },
          // The engine that `npm start` uses. Threads take no such flags, processes do.
          pool: 'forks',
          execArgv: [...ENGINE_FLAGS],
          testTimeout: 300_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'webgpu',
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
