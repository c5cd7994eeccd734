import type { Prim } from '../../src/ir/prim.ts'
import { constant, contract, cumulative, piecewise, random, reduce, view } from '../../src/ir/prims/index.ts'
import { range } from '../../src/ir/shape.ts'
import { fill, type Random } from './random.ts'
import { ALL, distinct, FLOATS, NUMBERS, plain, type Sample, type SampleRow, type Sources } from './sample.ts'

const row = (prim: Prim, dtypes: SampleRow['dtypes'], make: (s: Sources) => Sample, tolerance = 0): SampleRow => ({
  prim,
  dtypes,
  tolerance,
  make,
})

const someAxes = (form: Random, rank: number): number[] => {
  const axes = range(rank).filter(() => form.flip())
  return axes.length > 0 || rank === 0 ? axes : [form.int(0, rank - 1)]
}

const fold = (prim: Prim): SampleRow =>
  row(
    prim,
    prim === reduce.sum ? NUMBERS : [...NUMBERS, 'bool'],
    ({ form, values, dtype }) => {
      const shape = form.shape(1, 4)
      const [x] = distinct(dtype, [shape], values)
      return { inputs: [x!], attrs: { axes: someAxes(form, shape.length) } }
    },
    prim === reduce.sum ? 1e-5 : 0,
  )

/** Any number of batch, free and contracted axes, their places shuffled. */
const dot = row(
  contract.dot,
  FLOATS,
  ({ form, values, dtype }) => {
    const sizes = (most: number): number[] => Array.from({ length: form.int(0, most) }, () => form.dim())
    const [batch, inner, left, right] = [sizes(1), sizes(2), sizes(2), sizes(2)]
    const side = (free: number[]) => {
      const dims = [...batch, ...inner, ...free]
      const order = form.shuffle(range(dims.length))
      const at = (axis: number): number => order.indexOf(axis)
      return {
        x: plain(
          dtype,
          order.map((axis) => dims[axis]!),
          values,
        ),
        batch: batch.map((_, i) => at(i)),
        contract: inner.map((_, i) => at(batch.length + i)),
      }
    }
    const [l, r] = [side(left), side(right)]
    const attrs = { lhsContract: l.contract, rhsContract: r.contract, lhsBatch: l.batch, rhsBatch: r.batch }
    return { inputs: [l.x, r.x], attrs }
  },
  1e-5,
)

const broadcast = row(view.broadcast, ALL, ({ form, values, dtype }) => {
  const shape = form.shape(0, 4)
  const dims = range(shape.length).filter(() => form.flip())
  const from = dims.map((d) => (form.int(0, 3) === 0 ? 1 : shape[d]!))
  return { inputs: [plain(dtype, from, values)], attrs: { shape, dims } }
})

const slice = row(view.slice, ALL, ({ form, values, dtype }) => {
  const shape = form.shape()
  const starts = shape.map((n) => form.int(0, n))
  const stops = shape.map((n, a) => form.int(starts[a]!, n))
  return { inputs: [plain(dtype, shape, values)], attrs: { starts, stops, steps: shape.map(() => form.int(1, 3)) } }
})

const reshape = row(view.reshape, ALL, ({ form, values, dtype }) => {
  const factors = form.shape(0, 4)
  const group = (): number[] => {
    const shape: number[] = []
    for (const n of factors) {
      if (shape.length > 0 && form.flip()) shape.push(shape.pop()! * n)
      else shape.push(n)
    }
    return form.flip() ? [...shape, 1] : shape
  }
  const [from, to] = [group(), group()]
  const whole = factors.length > 0 ? { from, to } : { from: [], to: form.pick([[], [1], [1, 1]]) }
  return { inputs: [plain(dtype, whole.from, values)], attrs: { shape: whole.to } }
})

const pad = row(piecewise.pad, ALL, ({ form, values, dtype }) => {
  const shape = form.shape()
  const counts = (most: number): number[] => shape.map(() => form.int(0, most))
  const attrs = { low: counts(2), high: counts(2), interior: counts(1), value: form.pick([0, 1]) }
  return { inputs: [plain(dtype, shape, values)], attrs }
})

const concat = row(piecewise.concat, ALL, ({ form, values, dtype }) => {
  const shape = form.shape(1, 3)
  const axis = form.int(0, shape.length - 1)
  const parts = range(form.int(2, 4)).map(() => shape.map((n, a) => (a === axis ? form.dim() : n)))
  return { inputs: parts.map((s) => plain(dtype, s, values)), attrs: { axis } }
})

export const structureSamples: readonly SampleRow[] = [
  row(constant.full, ALL, ({ form, dtype }) => ({
    inputs: [],
    attrs: { dtype, shape: form.shape(), value: form.int(0, 1) },
  })),
  row(constant.iota, NUMBERS, ({ form, dtype }) => {
    const shape = form.shape(1, 3)
    return { inputs: [], attrs: { dtype, shape, axis: form.int(0, shape.length - 1) } }
  }),
  row(constant.literal, ALL, ({ form, values, dtype }) => ({
    inputs: [],
    attrs: { data: plain(dtype, form.shape(), values) },
  })),
  row(
    cumulative.cumsum,
    NUMBERS,
    ({ form, values, dtype }) => {
      const shape = form.shape(1, 3)
      const attrs = { axis: form.int(0, shape.length - 1), reverse: form.flip() }
      return { inputs: [plain(dtype, shape, values)], attrs }
    },
    1e-5,
  ),
  dot,
  fold(reduce.sum),
  fold(reduce.max),
  fold(reduce.min),
  row(view.transpose, ALL, ({ form, values, dtype }) => {
    const shape = form.shape(0, 4)
    return { inputs: [plain(dtype, shape, values)], attrs: { perm: form.shuffle(range(shape.length)) } }
  }),
  broadcast,
  slice,
  row(view.flip, ALL, ({ form, values, dtype }) => {
    const shape = form.shape()
    return { inputs: [plain(dtype, shape, values)], attrs: { axes: range(shape.length).filter(() => form.flip()) } }
  }),
  reshape,
  pad,
  concat,
  row(random.randomBits, ['u32'], ({ form, values }) => ({
    inputs: [fill('u32', [2], () => values.int(0, 4294967295))],
    attrs: { shape: form.shape() },
  })),
]
