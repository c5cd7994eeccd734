import type { DType, HostArray } from '../../src/ir/dtype.ts'
import type { Prim } from '../../src/ir/prim.ts'
import { binary, unary } from '../../src/ir/prims/index.ts'
import { fill, type Random } from './random.ts'
import { ALL, awayFromZero, distinct, FLOATS, NUMBERS, plain, type SampleRow, within } from './sample.ts'

type Values = (dtype: DType, shape: readonly number[], random: Random) => HostArray

/** Inputs of one shape, each with its own distribution. */
const map = (prim: Prim, dtypes: readonly DType[], tolerance: number, ...values: readonly Values[]): SampleRow => ({
  prim,
  dtypes,
  tolerance,
  make({ form, values: random, dtype }) {
    const shape = form.shape()
    return { inputs: values.map((v) => v(dtype, shape, random)), attrs: {} }
  },
})

const LOGICAL: readonly DType[] = ['bool', 'i32', 'u32']
const INTS: readonly DType[] = ['i32', 'u32']
const positive = within(0.4, 2)
/** Between whole numbers, off the steps of floor, ceil and round. */
const betweenSteps: Values = (dtype, shape, random) =>
  fill(dtype, shape, () => random.int(-4, 4) + random.pick([0.1, 0.3, 0.7, 0.9]))
const bits: Values = (dtype, shape, random) =>
  dtype === 'bool' ? plain(dtype, shape, random) : fill(dtype, shape, () => random.int(-2147483648, 2147483647))
const distances: Values = (dtype, shape, random) => fill(dtype, shape, () => random.int(0, 31))

/** Two operands without ties. */
const apart = (prim: Prim): SampleRow => ({
  prim,
  dtypes: NUMBERS,
  tolerance: 0,
  make({ form, values, dtype }) {
    const shape = form.shape()
    return { inputs: distinct(dtype, [shape, shape], values), attrs: {} }
  },
})

const wholeExponent: SampleRow = {
  prim: binary.pow,
  variant: 'negative base, whole exponent',
  dtypes: ['f32'],
  tolerance: 1e-4,
  conventional: [1],
  make({ form, values, dtype }) {
    const shape = form.shape()
    const exponent = form.pick([-2, -1, 0, 1, 2, 3])
    return { inputs: [awayFromZero(dtype, shape, values), fill(dtype, shape, () => exponent)], attrs: {} }
  },
}

const select: SampleRow = {
  prim: binary.select,
  dtypes: ALL,
  tolerance: 0,
  make({ form, values, dtype }) {
    const shape = form.shape()
    return {
      inputs: [plain('bool', shape, values), plain(dtype, shape, values), plain(dtype, shape, values)],
      attrs: {},
    }
  },
}

/** From the row's dtype to any. Integers are small, so that every dtype holds them. */
const cast: SampleRow = {
  prim: unary.cast,
  dtypes: ALL,
  tolerance: 0,
  make({ form, values, dtype }) {
    const to = form.pick(ALL)
    const x = dtype === 'f32' || dtype === 'f16' ? betweenSteps : plain
    return { inputs: [x(dtype, form.shape(), values)], attrs: { dtype: to } }
  },
}

const comparison = (prim: Prim, dtypes: readonly DType[]): SampleRow => ({
  ...map(prim, dtypes, 0),
  make({ form, values, dtype }) {
    const shape = form.shape()
    // Few different numbers, so that equality happens.
    const few: Values = (d, s, random) => fill(d, s, () => random.int(0, 2) * (d === 'bool' ? 1 : 0.5))
    return { inputs: [few(dtype, shape, values), few(dtype, shape, values)], attrs: {} }
  },
})

export const elementwiseSamples: readonly SampleRow[] = [
  map(binary.add, NUMBERS, 0, plain, plain),
  map(binary.sub, NUMBERS, 0, plain, plain),
  map(binary.mul, NUMBERS, 0, plain, plain),
  map(binary.div, NUMBERS, 1e-6, plain, awayFromZero),
  // Quotients between 2 and 3, away from the steps of the remainder.
  map(binary.rem, NUMBERS, 1e-5, within(2.25, 2.55), within(0.92, 1.05)),
  map(binary.pow, FLOATS, 1e-4, positive, plain),
  wholeExponent,
  apart(binary.maximum),
  apart(binary.minimum),
  map(binary.and, LOGICAL, 0, bits, bits),
  map(binary.or, LOGICAL, 0, bits, bits),
  map(binary.xor, LOGICAL, 0, bits, bits),
  map(binary.shiftLeft, INTS, 0, bits, distances),
  map(binary.shiftRight, INTS, 0, bits, distances),
  comparison(binary.eq, ALL),
  comparison(binary.ne, ALL),
  comparison(binary.lt, NUMBERS),
  comparison(binary.le, NUMBERS),
  comparison(binary.gt, NUMBERS),
  comparison(binary.ge, NUMBERS),
  select,
  map(unary.neg, NUMBERS, 0, plain),
  map(unary.abs, NUMBERS, 0, awayFromZero),
  map(unary.sign, ['f32', 'f16', 'i32'], 0, awayFromZero),
  map(unary.floor, FLOATS, 0, betweenSteps),
  map(unary.ceil, FLOATS, 0, betweenSteps),
  map(unary.round, FLOATS, 0, betweenSteps),
  map(unary.exp, FLOATS, 1e-5, plain),
  map(unary.log, FLOATS, 1e-5, positive),
  map(unary.sqrt, FLOATS, 1e-5, positive),
  map(unary.rsqrt, FLOATS, 1e-5, positive),
  map(unary.sin, FLOATS, 1e-4, plain),
  map(unary.cos, FLOATS, 1e-4, plain),
  map(unary.tanh, FLOATS, 1e-4, plain),
  map(unary.sigmoid, FLOATS, 1e-5, plain),
  map(unary.erf, FLOATS, 1e-4, plain),
  map(unary.not, LOGICAL, 0, bits),
  map(unary.stopGradient, ALL, 0, plain),
  map(unary.barrier, ALL, 0, plain),
  cast,
]
