import fc from 'fast-check'
import { expect } from 'vitest'
import { type Tensor, tensor } from '../../src/index.ts'

/** Plain arrays and loops, to hold the operations against. */
export interface Plain {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

/** Every index of a shape in row-major order. */
export function indicesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (done, n) => done.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  )
}

export const build = (shape: readonly number[], f: (index: readonly number[]) => number): Plain => ({
  shape,
  data: indicesOf(shape).map(f),
})

export function at({ shape, data }: Plain, index: readonly number[]): number {
  return data[index.reduce((linear, i, axis) => linear * shape[axis]! + i, 0)]!
}

/** The element of x that stands at `index` of a shape to which x is broadcast. */
export function atBroadcast(x: Plain, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length)
  return at(
    x,
    own.map((i, a) => (x.shape[a] === 1 ? 0 : i)),
  )
}

/** Numbers between -2 and 2 that look random, the same for the same seed. */
export const numbers = (shape: readonly number[], seed = 1): Plain => {
  let state = seed * 7919
  return build(shape, () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return Math.fround((state / 2147483648) * 4 - 2)
  })
}

/** Small whole numbers, with many ties. */
export const whole = (shape: readonly number[], seed = 1, limit = 4): Plain => {
  const { data } = numbers(shape, seed)
  return { shape, data: data.map((x) => Math.floor(((x + 2) / 4) * limit)) }
}

export const toTensor = ({ shape, data }: Plain): Tensor => tensor(Float32Array.from(data), { shape })
export const toInts = ({ shape, data }: Plain): Tensor => tensor(Int32Array.from(data), { shape })

export async function read(t: Tensor): Promise<Plain> {
  return { shape: [...t.shape], data: [...(await t.read())] }
}

/** Equal shapes, and elements within `tolerance` (absolute, and relative to the expected one). */
export async function expectClose(t: Tensor, want: Plain, tolerance = 1e-5): Promise<void> {
  const got = await read(t)
  expect(got.shape).toEqual([...want.shape])
  got.data.forEach((x, i) => {
    const y = want.data[i]!
    const same = Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y))
    if (!same) expect.fail(`element ${i} of [${got.shape.join(',')}]: got ${x}, expected ${y}`)
  })
}

/** A dimension: 0 and 1 often, else small. */
export const dim = fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 2, max: 4 }))
export const shapes = (maxRank: number, minRank = 0): fc.Arbitrary<number[]> =>
  fc.array(dim, { minLength: minRank, maxLength: maxRank })

/** Two shapes that broadcast, and the shape that they broadcast to. */
export const broadcastPair: fc.Arbitrary<{ a: number[]; b: number[]; out: number[] }> = shapes(4).chain((out) =>
  fc
    .tuple(
      fc.array(fc.constantFrom('both', 'a is 1', 'b is 1'), { minLength: out.length, maxLength: out.length }),
      fc.nat(out.length),
      fc.boolean(),
    )
    .map(([how, dropped, dropA]) => {
      const a = out.map((n, i) => (how[i] === 'a is 1' ? 1 : n))
      const b = out.map((n, i) => (how[i] === 'b is 1' ? 1 : n))
      const short = (s: number[]): number[] => s.slice(dropped)
      const [x, y] = dropA ? [short(a), b] : [a, short(b)]
      const size = (s: number[], i: number): number => s[i - out.length + s.length] ?? 1
      return { a: x, b: y, out: out.map((_, i) => (size(x, i) === 1 ? size(y, i) : size(x, i))) }
    }),
)
