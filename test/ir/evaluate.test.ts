import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getElement, type HostArray } from '../../src/ir/dtype.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { formatType, tensorType } from '../../src/ir/graph.ts'
import { parse } from '../../src/ir/parse.ts'
import { allPrims, findPrim } from '../../src/ir/prim.ts'
import { threefry2x32 } from '../../src/ir/prims/random.ts'
import { erf } from '../../src/ir/prims/scalar-math.ts'
import { formatArray, formatNumber } from '../../src/ir/text-values.ts'
import { type Case, f32, host, i32 } from './cases.ts'
import { ELEMENTWISE } from './elementwise-cases.ts'
import { STRUCTURE } from './structure-cases.ts'

const CASES: readonly Case[] = [...ELEMENTWISE, ...STRUCTURE]

/** Applies a primitive as an equation would, and holds the result against the type that the rule infers. */
function apply(name: string, inputs: readonly HostArray[], attrs: Case['attrs']): readonly HostArray[] {
  const prim = findPrim(name)
  if (!prim) throw new Error(`no primitive ${name}`)
  const types = prim.infer(
    inputs.map((x) => tensorType(x.dtype, x.shape)),
    attrs,
  )
  const before = inputs.map(formatArray)
  const outputs = prim.evaluate(inputs, attrs, types)
  expect(outputs.map(formatType)).toEqual(types.map(formatType))
  for (const x of outputs) expect(x.data.length).toBe(x.shape.reduce((n, d) => n * d, 1))
  expect(inputs.map(formatArray), `${name} wrote to its inputs`).toEqual(before)
  return outputs
}

const numbers = (x: HostArray): number[] => Array.from(x.data, (_, i) => getElement(x, i))
/** Which of its many bit patterns a NaN has is the machine's affair; the sign of a zero is not. */
const show = (x: HostArray): string => `${formatType(x)} ${numbers(x).map(formatNumber).join(' ')}`

describe('reference values', () => {
  const named = CASES.map((c) => ({ ...c, title: `${c.prim} ${c.inputs.map(formatArray).join(' ')}`.slice(0, 90) }))
  it.each(named)('$title', ({ prim, inputs, attrs, want }) => {
    expect(apply(prim, inputs, attrs).map(show)).toEqual(want.map(show))
  })

  it('are stated for every primitive', () => {
    const stated = new Set(CASES.map((c) => c.prim))
    expect(
      allPrims()
        .map((p) => p.name)
        .filter((name) => !stated.has(name)),
    ).toEqual([])
  })

  it.each(CASES.filter((c) => findPrim(c.prim)?.kind === 'elementwise'))('$prim has nothing to do on size 0', (c) => {
    for (const shape of [[0], [2, 0, 3]]) {
      const [out] = apply(
        c.prim,
        c.inputs.map((x) => host(x.dtype, [], shape)),
        c.attrs,
      )
      expect(out).toMatchObject({ shape, dtype: c.want[0]!.dtype })
    }
  })

  it.each(CASES.filter((c) => findPrim(c.prim)?.kind === 'elementwise'))('$prim takes scalars', (c) => {
    const [out] = apply(
      c.prim,
      c.inputs.map((x) => host(x.dtype, [getElement(x, 0)], [])),
      c.attrs,
    )
    expect(numbers(out!)).toEqual([getElement(c.want[0]!, 0)])
  })
})

describe('against loops', () => {
  const size = fc.integer({ min: 0, max: 4 })
  const whole = (n: number): number[] => Array.from({ length: n }, (_, i) => ((i * 7) % 11) - 5)

  it('dot is a sum of products over each batch', () => {
    fc.assert(
      fc.property(size, size, size, size, (B, M, K, N) => {
        const a = f32(whole(B * M * K), [M, B, K])
        const b = f32(whole(B * K * N).reverse(), [K, N, B])
        const [out] = apply('dot', [a, b], { lhsContract: [2], rhsContract: [0], lhsBatch: [1], rhsBatch: [2] })
        const want: number[] = []
        for (let n = 0; n < B; n++)
          for (let i = 0; i < M; i++)
            for (let j = 0; j < N; j++) {
              let total = 0
              for (let k = 0; k < K; k++) total += a.data[(i * B + n) * K + k]! * b.data[(k * N + j) * B + n]!
              want.push(total)
            }
        expect(numbers(out!)).toEqual(want)
      }),
      { numRuns: 60 },
    )
  })

  it('dot over two axes pairs them in the order given', () => {
    const a = f32(whole(24), [2, 3, 4])
    const b = f32(whole(24).reverse(), [4, 2, 3])
    const [out] = apply('dot', [a, b], { lhsContract: [2, 0], rhsContract: [0, 1], lhsBatch: [], rhsBatch: [] })
    const want: number[] = []
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) {
        let total = 0
        for (let p = 0; p < 2; p++)
          for (let q = 0; q < 4; q++) total += a.data[(p * 3 + i) * 4 + q]! * b.data[(q * 2 + p) * 3 + j]!
        want.push(total)
      }
    expect(numbers(out!)).toEqual(want)
  })

  it('gather reads, and scatter_add writes, at clamped indices behind the batch axes', () => {
    const index = fc.integer({ min: -3, max: 6 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        size,
        size,
        fc.array(index, { minLength: 8, maxLength: 8 }),
        (n, B, Q, at) => {
          // x[b, p, n, q] with two rows p, indices[b, i] with two columns i.
          const x = f32(whole(B * 2 * n * Q), [B, 2, n, Q])
          const indices = i32(at.slice(0, B * 2), [B, 2])
          const [gathered] = apply('gather', [x, indices], { axis: 2, batch: 1 })
          const updates = f32(whole(B * 2 * 2 * Q).reverse(), [B, 2, 2, Q])
          const [scattered] = apply('scatter_add', [x, indices, updates], { axis: 2, batch: 1 })
          const read: number[] = []
          const sums = numbers(x)
          for (let b = 0; b < B; b++)
            for (let p = 0; p < 2; p++)
              for (let i = 0; i < 2; i++)
                for (let q = 0; q < Q; q++) {
                  const j = Math.min(Math.max(indices.data[b * 2 + i]!, 0), n - 1)
                  const source = ((b * 2 + p) * n + j) * Q + q
                  read.push(x.data[source]!)
                  sums[source]! += updates.data[((b * 2 + p) * 2 + i) * Q + q]!
                }
          expect(numbers(gathered!)).toEqual(read)
          expect(numbers(scattered!)).toEqual(sums)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('random_bits counts elements under each key', () => {
    const keys = host('u32', [1, 2, 0xffffffff, 0x80000000], [2, 2])
    const [bits] = apply('random_bits', [keys], { shape: [2, 2] })
    const want = [0, 1].flatMap((k) =>
      [0, 1, 2, 3].map((i) => threefry2x32(keys.data[2 * k]!, keys.data[2 * k + 1]!, i, 0)),
    )
    expect(numbers(bits!)).toEqual(want)
  })
})

describe('known answers', () => {
  it('threefry2x32 as in Random123', () => {
    expect(threefry2x32(0, 0, 0, 0)).toBe(0x6b200159)
    expect(threefry2x32(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toBe(0x1cb996fc)
    expect(threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toBe(0xc4923a9c)
  })

  it('erf to double precision, on both sides of where the formula changes', () => {
    const table = [
      [0.1, 0.1124629160182849],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [2.9, 0.9999589021219005],
      [3.1, 0.9999883513426328],
      [4, 0.9999999845827421],
      [5.9, 1],
    ] as const
    for (const [x, y] of table) {
      expect(erf(x)).toBeCloseTo(y, 12)
      expect(erf(-x)).toBe(-erf(x))
    }
  })
})

describe('evaluate', () => {
  it('keeps values as long as they are needed, inputs and repeated outputs included', () => {
    const graph = parse(`fn f(x: f32[2], unused: f32[]) -> (f32[2], f32[2], f32[2], f32[2]) {
      y: f32[2] = add x x
      z: f32[2] = mul y y
      w: f32[2] = sub y x
      return y, x, z, y
    }`)
    const results = evaluate(graph, [f32([1, 2]), f32([0], [])])
    expect(results.map(numbers)).toEqual([
      [2, 4],
      [1, 2],
      [4, 16],
      [2, 4],
    ])
  })
})
