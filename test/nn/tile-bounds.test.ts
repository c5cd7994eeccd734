import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tensorType } from '../../src/ir/graph.ts'
import {
  add,
  and,
  broadcastTo,
  eq,
  full,
  ge,
  gt,
  iota,
  lt,
  mul,
  neg,
  or,
  sub,
  tensor,
  where,
} from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { trace } from '../../src/ir/trace.ts'
import { mmca, mmcaRelease } from '../../src/nn/mmca.ts'
import { possibleTiles } from '../../src/nn/tile-bounds.ts'
import { lookup, type Mask, notMask, type Variant, variant } from '../../src/nn/variant.ts'
import { blockDiagonal, causal, padding, prefix, slidingWindow } from '../../src/nn/variants.ts'

const i32 = (rows: number[] | number[][]): Tensor => tensor(rows, { dtype: 'i32' })
const [B, H] = [2, 3]
const TILE = 4

/** By tile: is it possible, and is anything in it allowed? */
async function tilesOf(
  { groups }: Variant,
  Tq: number,
  Tk: number,
): Promise<{ possible: boolean; allowed: boolean }[]> {
  const index = tensorType('i32', [])
  const score = trace('score', [tensorType('f32', []), index, index, index, index], (raw, batch, head, query, key) => {
    const at = { batch: batch!, head: head!, query: query!, key: key! }
    return groups.flatMap(({ mask }) => [raw!, mask ? mask(at) : full([], 1, 'bool')])
  })
  const possible = possibleTiles(score.graph, score.captures, { batch: B, head: H, query: Tq, key: Tk }, TILE)
  const flags = await possible.read()
  const [b1, h1, Iq, Ik] = possible.shape as readonly [number, number, number, number]
  const along = (size: number, axis: number): Tensor => {
    const shape = [1, 1, 1, 1]
    shape[axis] = size
    return iota(shape, axis)
  }
  const at = { batch: along(B, 0), head: along(H, 1), query: along(Tq, 2), key: along(Tk, 3) }
  const everywhere = groups
    .map(({ mask }) => (mask ? mask(at) : full([1, 1, 1, 1], 1, 'bool')))
    .reduce((a, b) => or(a, b))
  const whole = await broadcastTo(everywhere, [B, H, Tq, Tk]).read()
  const tiles: { possible: boolean; allowed: boolean }[] = []
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let i = 0; i < Math.ceil(Tq / TILE); i++) {
        for (let j = 0; j < Math.ceil(Tk / TILE); j++) {
          const clamp = (n: number, size: number): number => Math.min(n, size - 1)
          const at = ((clamp(b, b1) * h1 + clamp(h, h1)) * Iq + clamp(i, Iq)) * Ik + clamp(j, Ik)
          let allowed = false
          for (let q = i * TILE; q < Math.min(Tq, (i + 1) * TILE); q++) {
            for (let k = j * TILE; k < Math.min(Tk, (j + 1) * TILE); k++) {
              allowed ||= Boolean(whole[((b * H + h) * Tq + q) * Tk + k])
            }
          }
          tiles.push({ possible: Boolean(flags[at]), allowed })
        }
      }
    }
  }
  return tiles
}

describe('tiles that a mask may allow something in', () => {
  const T = 20
  const segments = [
    Array.from({ length: T }, (_, i) => Math.floor(i / 5)),
    Array.from({ length: T }, (_, i) => Math.floor(i / 8)),
  ]
  const exact: readonly (readonly [string, Variant])[] = [
    ['causal', causal],
    ['sliding window', slidingWindow(3)],
    ['prefix', prefix(i32([2, 9]))],
    ['block-diagonal', blockDiagonal(i32(segments))],
    ['padding', padding(i32([[...Array(8).fill(1), ...Array(T - 8).fill(0)], Array(T).fill(1)]))],
    ['of one head', variant({ mask: ({ head, key }) => and(eq(head, 1), lt(key, 5)) })],
    ['none', variant({})],
  ]
  test.each(exact)('%s: no more and no fewer', async (_, v) => {
    for (const { possible, allowed } of await tilesOf(v, T, T)) expect(possible).toBe(allowed)
  })

  test('a mask that shows no bounds skips nothing', async () => {
    const odd = variant({ mask: ({ key }) => eq(mul(key, key), 1000) })
    expect((await tilesOf(odd, T, T)).every((t) => t.possible)).toBe(true)
  })

  /** Masks put together from what users write. */
  type MaskOf = (modality: Tensor) => Mask
  const arbMask = fc.letrec<{ mask: MaskOf }>((tie) => ({
    mask: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ min: -3, max: 9 }).map(
        (n): MaskOf =>
          () =>
          (at) =>
            lt(sub(at.query, at.key), n),
      ),
      fc.integer({ min: -2, max: 20 }).map(
        (n): MaskOf =>
          () =>
          (at) =>
            ge(add(at.key, neg(at.head)), n),
      ),
      fc.integer({ min: 0, max: 2 }).map(
        (n): MaskOf =>
          (m) =>
          (at) =>
            eq(lookup(m, at.batch, at.key), n),
      ),
      fc.integer({ min: 0, max: 2 }).map(
        (n): MaskOf =>
          (m) =>
          (at) =>
            gt(lookup(m, at.batch, at.query), n),
      ),
      fc.constant(
        (m: Tensor): Mask =>
          (at) =>
            eq(lookup(m, at.batch, at.query), lookup(m, at.batch, at.key)),
      ),
      fc.constant(
        (m: Tensor): Mask =>
          (at) =>
            lt(where(gt(lookup(m, at.batch, at.query), 1), at.key, at.head), 4),
      ),
      fc.tuple(tie('mask'), tie('mask')).map(
        ([a, b]) =>
          (m: Tensor): Mask =>
          (at) =>
            and(a(m)(at), b(m)(at)),
      ),
      fc.tuple(tie('mask'), tie('mask')).map(
        ([a, b]) =>
          (m: Tensor): Mask =>
          (at) =>
            or(a(m)(at), b(m)(at)),
      ),
      tie('mask').map(
        (a) =>
          (m: Tensor): Mask =>
            notMask(a(m)),
      ),
    ),
  })).mask

  test('of any masks: what is allowed lies in a possible tile', async () => {
    const size = fc.integer({ min: 1, max: 13 })
    const row = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 13, maxLength: 13 })
    await fc.assert(
      fc.asyncProperty(arbMask, size, size, row, row, async (mask, Tq, Tk, first, second) => {
        const modality = i32([first, second])
        for (const { possible, allowed } of await tilesOf(variant({ mask: mask(modality) }), Tq, Tk)) {
          if (allowed) expect(possible).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })

  test.each([
    ['mmca', mmca],
    ['mmca of the release', mmcaRelease],
  ] as const)('%s: what is allowed lies in a possible tile', async (_, make) => {
    const kinds = i32([
      [1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1],
      [2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
    ])
    const tiles = await tilesOf(make(kinds), 18, 18)
    for (const { possible, allowed } of tiles) if (allowed) expect(possible).toBe(true)
    expect(tiles.filter((t) => !t.possible).length).toBeGreaterThan(0)
  })
})
