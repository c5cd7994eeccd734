import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate } from '../../src/ir/evaluate.ts'
import { print } from '../../src/ir/print.ts'
import { bind, trace } from '../../src/ir/trace.ts'
import type { Device } from '../../src/runtime/device.ts'
import { nameOf, Random, samples } from '../prims/samples.ts'
import { firstDifference, runOnDevice } from './run-graph.ts'
import { openUnderTest, UNDER_TEST } from './under-test.ts'

/** Every primitive of the table: device = reference, at sizes of 0, 1 and odd ones, within WebGPU's default limits. */
let portable: Device
/** With shader-f16, which is an extension. */
let full: Device
beforeAll(async () => {
  portable = await openUnderTest({ limits: 'default' })
  full = await openUnderTest()
})
afterAll(() => {
  portable.dispose()
  full.dispose()
})

const RUNS = UNDER_TEST === 'wasm' ? 20 : 4

describe('each primitive on the device', () => {
  test.each(samples.map((row) => [nameOf(row), row] as const))('%s', async (name, row) => {
    // f16 is an extension; that kernels without it are refused by name is tested with the runtime.
    for (const dtype of row.dtypes.filter((d) => d !== 'f16' || full.limits.f16)) {
      for (let run = 1; run <= RUNS; run++) {
        const { inputs, attrs } = row.make({ form: new Random(run), values: new Random(run + 100), dtype })
        const types = inputs.map((a) => ({ dtype: a.dtype, shape: a.shape }))
        const { graph } = trace(name, types, (...args) => bind(row.prim, args, attrs))
        const expected = evaluate(graph, inputs)
        const got = await runOnDevice(dtype === 'f16' ? full : portable, graph, inputs, false)
        expected.forEach((e, i) => {
          const what = `${name}, ${dtype}, run ${run}, output ${i}\n${print(graph)}`
          expect(firstDifference(e, got[i]!, row.tolerance), what).toBeNull()
        })
      }
    }
  })
})
