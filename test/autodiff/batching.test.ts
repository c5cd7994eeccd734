import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vmap } from '../../src/autodiff/index.ts'
import type { HostArray } from '../../src/ir/dtype.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import { fromHost, type Tensor } from '../../src/ir/tensor.ts'
import { bind } from '../../src/ir/trace.ts'
import { nameOf, Random, type SampleRow, samples } from '../prims/samples.ts'
import { close, numbersOf, sampleOf, show } from './helpers.ts'

const rows = samples.filter((row) => row.prim.kind !== 'constant')

describe('vmap is a loop over the batch', () => {
  it.each(rows.map((row) => [nameOf(row), row] as const))('%s', (_, row) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => checkBatch(row, seed)),
      { numRuns: 25 },
    )
  })
})

/** Any inputs batched (at least one), along any axis; results along any axis. */
function checkBatch(row: SampleRow, seed: number): void {
  const random = new Random(seed + 3)
  const dtype = random.pick(row.dtypes)
  const size = random.int(1, 3)
  const copies = Array.from({ length: size }, (_, i) => sampleOf(row, dtype, seed, i))
  const first = copies[0]!
  const flags = first.inputs.map(() => random.flip())
  if (!flags.includes(true)) flags[random.int(0, flags.length - 1)] = true
  const inAxes = first.inputs.map((x, k) => (flags[k] ? random.int(0, x.shape.length) : null))
  const single = (args: readonly HostArray[]): Tensor[] => bind(row.prim, args.map(fromHost), first.attrs)

  const expected = copies.map((_, i) => single(first.inputs.map((x, k) => (flags[k] ? copies[i]!.inputs[k]! : x))))
  const outAxes = expected[0]!.map((y) => random.int(0, y.rank))
  const args = first.inputs.map((x, k) => {
    const axis = inAxes[k]
    return axis === null || axis === undefined
      ? fromHost(x)
      : stack(
          copies.map((c) => fromHost(c.inputs[k]!)),
          axis,
        )
  })
  const got = vmap((...xs: Tensor[]) => bind(row.prim, xs, first.attrs), { inAxes, outAxes })(...args)

  const what = `${show(row, first)} and ${size - 1} more, batched along ${JSON.stringify(inAxes)}`
  got.forEach((y, k) => {
    const whole = stack(
      expected.map((r) => r[k]!),
      outAxes[k]!,
    )
    expect(y.toString(), `${what}: result ${k}`).toBe(whole.toString())
    const [g, e] = [numbersOf(y), numbersOf(whole)]
    g.forEach((x, i) => {
      if (close(x, e[i]!, dtype === 'f16' ? 1e-2 : 1e-5)) return
      expect.fail(`${what}: result ${k}, element ${i}: vmap gives ${x}, the loop ${e[i]}`)
    })
  })
}

const stack = (xs: readonly Tensor[], axis: number): Tensor =>
  o.concat(
    xs.map((x) => o.expandDims(x, axis)),
    axis,
  )
