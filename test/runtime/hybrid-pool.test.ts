import { expect, test } from 'vitest'
import { HybridPool } from '../../src/runtime/wasm/hybrid-pool.ts'
import type { Pool } from '../../src/runtime/wasm/pool.ts'

/** A pool that writes down what it is asked for. */
function noting(name: string, log: string[]): Pool {
  return {
    add: ({ id }) => void log.push(`${name} adds ${id}`),
    forget: (id) => void log.push(`${name} forgets ${id}`),
    play: async ({ program }) => {
      log.push(`${name} plays ${program}`)
      return null
    },
    close: () => void log.push(`${name} closes`),
  }
}

test('small programs are done on the main thread, others by workers, which know nothing of the small', async () => {
  const log: string[] = []
  const pool = new HybridPool(noting('workers', log), noting('main', log))
  pool.add({ id: 1, steps: [], small: true }, [])
  pool.add({ id: 2, steps: [], small: false }, [])
  await pool.play({ program: 1, scratch: 0, scratchStride: 0 }, null)
  await pool.play({ program: 2, scratch: 0, scratchStride: 0 }, null)
  pool.forget(1)
  pool.close()
  expect(log).toEqual([
    'main adds 1',
    'workers adds 2',
    'main plays 1',
    'workers plays 2',
    'main forgets 1',
    'workers closes',
    'main closes',
  ])
})
