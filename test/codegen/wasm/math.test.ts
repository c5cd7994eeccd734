import { describe, expect, it } from 'vitest'
import { applyF32, elementwise, padded } from './apply.ts'

const single = new Float32Array(1)
const asBits = new Int32Array(single.buffer)
const round = (x: number): number => Math.fround(x)

/** Numbers all over f32, subnormals among them, that lie between two bounds. */
function sweep(low: number, high: number, stride = 9973): Float32Array {
  const out: number[] = []
  for (let bits = 0; bits < 2 ** 32; bits += stride) {
    asBits[0] = bits | 0
    if (single[0]! >= low && single[0]! <= high) out.push(single[0]!)
  }
  return padded(out)
}

/** The error in units in the last place of the exact result. */
function ulps(got: number, want: number): number {
  const nearest = round(want)
  if (Object.is(got, nearest)) return 0
  if (!Number.isFinite(got) || !Number.isFinite(nearest)) return Number.POSITIVE_INFINITY
  const size = Math.abs(want)
  const unit = size >= 2 ** -126 ? 2 ** (Math.floor(Math.log2(size)) - 23) : 2 ** -149
  return Math.abs(got - want) / unit
}

function worst(name: string, fused: boolean, ...inputs: Float32Array[]): { error: number; at: readonly number[] } {
  const out = applyF32(name, 4, fused, ...inputs)
  const types = { inputs: inputs.map(() => 'f32' as const), output: 'f32' as const }
  let found = { error: 0, at: [] as number[] }
  for (let i = 0; i < out.length; i++) {
    const at = inputs.map((a) => a[i]!)
    const error = ulps(out[i]!, elementwise(name).scalar(at, types))
    if (!(error <= found.error)) found = { error, at }
  }
  return found
}

const INFINITE = Number.POSITIVE_INFINITY
/** Bounds in units in the last place, and where they hold. */
const BOUNDS: readonly [name: string, bound: number, low: number, high: number][] = [
  ['exp', 2, -87.336, INFINITE],
  ['log', 2, -INFINITE, INFINITE],
  ['tanh', 4, -INFINITE, INFINITE],
  ['sigmoid', 4, -87, INFINITE],
  ['erf', 4, -INFINITE, INFINITE],
  ['sin', 4, -(2 ** 20), 2 ** 20],
  ['cos', 4, -(2 ** 20), 2 ** 20],
  ['rsqrt', 2, -INFINITE, INFINITE],
]

describe.each([false, true])('with multiply-adds fused: %s', (fused) => {
  it.each(BOUNDS)('%s is within %d units in the last place', (name, bound, low, high) => {
    const { error, at } = worst(name, fused, sweep(low, high))
    expect(error, `${name}(${at})`).toBeLessThanOrEqual(bound)
  })

  const bases: number[] = []
  const exponents: number[] = []
  for (let i = 0; i < 60_000; i++) {
    bases.push(Math.exp(10 * Math.sin(i * 1.7)) * (i % 5 === 0 ? -1 : 1))
    exponents.push(i % 3 === 0 ? (i % 41) - 20 : 10 * Math.sin(i * 0.37))
  }
  it.each([
    ['pow', 1],
    ['rem', 0],
  ])('%s is within %d units in the last place', (name, bound) => {
    const { error, at } = worst(name, fused, padded(bases), padded(exponents))
    expect(error, `${name}(${at})`).toBeLessThanOrEqual(bound)
  })

  it.each(['exp', 'log', 'tanh', 'sigmoid', 'erf', 'sin', 'cos'])('%s is the same on scalars and vectors', (name) => {
    const xs = sweep(-INFINITE, INFINITE, 499_979)
    expect(applyF32(name, 1, fused, xs)).toEqual(applyF32(name, 4, fused, xs))
  })
})

const EDGES = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1e-45, -1e-45, 1e-38, 3.4e38, -3.4e38, INFINITE, -INFINITE, NaN]

describe('special cases', () => {
  it.each(['exp', 'log', 'tanh', 'sigmoid', 'erf', 'rsqrt'])('of %s are those of the reference', (name) => {
    const xs = padded(EDGES)
    expect(worst(name, false, xs).error).toBeLessThanOrEqual(2)
  })

  it.each(['pow', 'rem'])('of %s are those of the reference', (name) => {
    const pairs = EDGES.flatMap((a) => EDGES.map((b) => [a, b] as const))
    const [as, bs] = [0, 1].map((side) => padded(pairs.map((p) => p[side]!)))
    const { error, at } = worst(name, false, as!, bs!)
    expect(error, `${name}(${at})`).toBeLessThanOrEqual(2)
  })

  it('of exp: overflow where the result does, and 0 where it would be subnormal', () => {
    const xs = padded([88.72283, 88.72284, 1e30, -87.33654, -87.4, -104, -1e30])
    const [largest, ...rest] = applyF32('exp', 4, false, xs)
    expect(largest).toBeGreaterThan(3.4e38)
    expect(rest.slice(0, 2)).toEqual([INFINITE, INFINITE])
    expect(rest[2]).toBeGreaterThanOrEqual(2 ** -126)
    expect(rest.slice(3, 6)).toEqual([0, 0, 0])
  })

  it.each(['sin', 'cos'])('of %s: bounded for every number, NaN for none', (name) => {
    const out = applyF32(name, 4, false, sweep(-3.4e38, 3.4e38))
    expect(out.every((v) => v >= -1 && v <= 1)).toBe(true)
    const none = applyF32(name, 4, false, Float32Array.of(INFINITE, -INFINITE, NaN, -0))
    expect([...none]).toEqual([NaN, NaN, NaN, name === 'sin' ? -0 : 1])
  })
})
