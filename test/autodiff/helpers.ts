import { expect } from 'vitest'
import type { DType, HostArray } from '../../src/ir/dtype.ts'
import { getElement } from '../../src/ir/dtype.ts'
import { sizeOf } from '../../src/ir/shape.ts'
import { fromHost, hostArrayOf, hostFromNumbers, type Tensor } from '../../src/ir/tensor.ts'
import type { SampleRow } from '../prims/samples.ts'
import { nameOf, Random, type Sample } from '../prims/samples.ts'

export const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  fromHost(hostFromNumbers('f32', shape, values))
export const i32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  fromHost(hostFromNumbers('i32', shape, values))
export const scalar = (x: number): Tensor => f32([x], [])

export const numbersOf = (t: Tensor): number[] => elements(hostArrayOf(t, 'test'))
export const elements = (a: HostArray): number[] => Array.from({ length: sizeOf(a.shape) }, (_, i) => getElement(a, i))

/** Repeatable numbers in [-2, 2]. */
export function noise(shape: readonly number[], seed = 1): Tensor {
  const random = new Random(seed)
  return f32(
    Array.from({ length: sizeOf(shape) }, () => random.number(-2, 2)),
    shape,
  )
}

/** Same shape and dtype, and elements equal up to a relative error. */
export function expectClose(got: Tensor, expected: Tensor, tolerance = 1e-4, what = ''): void {
  expect(got.toString(), what).toBe(expected.toString())
  const [g, e] = [numbersOf(got), numbersOf(expected)]
  g.forEach((x, i) => {
    if (close(x, e[i]!, tolerance)) return
    expect.fail(`${what} element ${i} of ${got}: got ${x}, expected ${e[i]}`)
  })
}

export const close = (a: number, b: number, tolerance: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * (1 + Math.min(Math.abs(a), Math.abs(b)))

/** The sample of a row for a seed; `copy` makes others with the same shapes and attrs. */
export const sampleOf = (row: SampleRow, dtype: DType, seed: number, copy = 0): Sample =>
  row.make({ form: new Random(seed), values: new Random(seed * 7919 + copy + 1), dtype })

export const show = (row: SampleRow, { inputs, attrs }: Sample): string => {
  const tensors = inputs.map((x) => `${x.dtype}[${x.shape}] = [${elements(x).map((n) => +n.toPrecision(7))}]`)
  const plainAttrs = Object.entries(attrs).filter(([, a]) => typeof a !== 'object' || Array.isArray(a))
  return `${nameOf(row)} ${JSON.stringify(Object.fromEntries(plainAttrs))} of ${tensors.join(' and ') || 'nothing'}`
}
