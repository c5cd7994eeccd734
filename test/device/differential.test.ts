import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HostArray } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { type Graph, makeGraph } from '../../src/ir/graph.ts'
import { print } from '../../src/ir/print.ts'
import { inlineCalls } from '../../src/passes/inline-calls.ts'
import type { Device } from '../../src/runtime/device.ts'
import { arbProgram, build, kindsIn, valuesFor } from '../ir/programs.ts'
import { firstDifference, numbers, runOnDevice } from './run-graph.ts'
import { openUnderTest, UNDER_TEST } from './under-test.ts'

/**
 * Random graphs over every kind of primitive: what the device computes is what the reference computes. Kernels for
 * WebAssembly compile in no time, so that many more are tried there.
 */
const RUNS = UNDER_TEST === 'wasm' ? 3000 : 300
let device: Device

beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

/** Ordinary numbers all the way: WGSL leaves overflow, NaN and denormals to the driver. */
function isTame(traced: Graph, inputs: readonly HostArray[]): boolean {
  const graph = inlineCalls(traced)
  const everything = makeGraph(
    graph.name,
    graph.inputs,
    graph.equations,
    graph.equations.flatMap((e) => e.outputs),
  )
  const tame = (x: number): boolean => x === 0 || (Number.isFinite(x) && Math.abs(x) < 1e4 && Math.abs(x) > 1e-4)
  return [...inputs, ...evaluate(everything, inputs)].every((a) => a.dtype[0] !== 'f' || numbers(a).every(tame))
}

describe('random graphs', () => {
  test('the device agrees with the reference, in place or not', async () => {
    await fc.assert(
      fc.asyncProperty(arbProgram, async (program) => {
        const graph = build(program)
        // The generator's custom derivatives do not fit their functions: fine for the text form, not for verify.
        fc.pre(!kindsIn(graph).includes('customVjp'))
        fc.pre(device.limits.f16 || !/f16/.test(print(graph)))
        const inputs = valuesFor(graph)
        fc.pre(isTame(graph, inputs))
        const expected = evaluate(graph, inputs)
        for (const donate of [false, true]) {
          const got = await runOnDevice(device, graph, inputs, donate)
          expected.forEach((e, i) => {
            const difference = firstDifference(e, got[i]!)
            if (difference) throw new Error(`output ${i}, donated ${donate}: ${difference}\n${print(graph)}`)
          })
        }
      }),
      { numRuns: Number(process.env['WEFT_FUZZ_RUNS'] ?? RUNS), seed: Number(process.env['WEFT_FUZZ_SEED'] ?? 7) },
    )
    expect(device.lost).toBeNull()
  })
})
