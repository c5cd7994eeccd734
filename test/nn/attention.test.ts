import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { add, and, le, lt, mul, square, sub, sum, tensor, zeros } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { attention } from '../../src/nn/attention.ts'
import { attentionWeights } from '../../src/nn/attention-definition.ts'
import { mmca, mmcaRelease } from '../../src/nn/mmca.ts'
import {
  addGroups,
  andMasks,
  lookup,
  notMask,
  orMasks,
  rescore,
  restrict,
  type Variant,
  variant,
} from '../../src/nn/variant.ts'
import {
  alibi,
  alibiSlopes,
  blockDiagonal,
  causal,
  causalMask,
  causalPadded,
  full,
  padding,
  paddingMask,
  prefix,
  slidingWindow,
  slidingWindowMask,
  softCap,
} from '../../src/nn/variants.ts'
import { ShapeError } from '../../src/util/errors.ts'
import { apart, type NaiveGroup, naiveAttention, randomTensors } from './oracle.ts'

const i32 = (rows: number[] | number[][]): Tensor => tensor(rows, { dtype: 'i32' })

const T = 7
const keep = [
  [1, 1, 1, 1, 1, 0, 0],
  [0, 0, 1, 1, 1, 1, 1],
]
const kinds = [
  [1, 2, 2, 1, 1, 2, 1],
  [2, 1, 1, 2, 1, 0, 0],
]
const segments = [
  [0, 0, 1, 1, 1, 2, 2],
  [0, 1, 1, 1, 1, 1, 1],
]
const slopes = alibiSlopes(4)

const past: NaiveGroup['mask'] = ({ query, key }) => key <= query
const mmcaText: NaiveGroup = {
  mask: ({ b, query, key }) => kinds[b]![query] === 1 && kinds[b]![key] === 1 && key <= query,
}
const mmcaImage: NaiveGroup = {
  mask: ({ b, query, key }) =>
    kinds[b]![key] === 2 && ((kinds[b]![query] === 1 && key <= query) || (kinds[b]![query] === 2 && key === query)),
}

const cases: readonly [string, Variant, readonly NaiveGroup[]][] = [
  ['full', full, [{}]],
  ['causal', causal, [{ mask: past }]],
  ['padding', padding(i32(keep)), [{ mask: ({ b, key }) => keep[b]![key] === 1 }]],
  [
    'padding by bool',
    padding(tensor(keep.map((row) => row.map(Boolean)))),
    [{ mask: ({ b, key }) => keep[b]![key] === 1 }],
  ],
  ['causal with padding', causalPadded(i32(keep)), [{ mask: (at) => past(at) && keep[at.b]![at.key] === 1 }]],
  ['sliding window', slidingWindow(3), [{ mask: ({ query, key }) => key <= query && query - key < 3 }]],
  ['prefix', prefix(i32([2, 5])), [{ mask: ({ b, query, key }) => key <= query || key < [2, 5][b]! }]],
  [
    'block-diagonal',
    blockDiagonal(i32(segments)),
    [{ mask: ({ b, query, key }) => segments[b]![query] === segments[b]![key] }],
  ],
  ['alibi', alibi(4), [{ mask: past, score: (s, { h, query, key }) => s - slopes[h]! * (query - key) }]],
  ['soft cap', softCap(0.5), [{ mask: past, score: (s) => 0.5 * Math.tanh(s / 0.5) }]],
  ['mmca', mmca(i32(kinds)), [mmcaText, mmcaImage]],
  [
    'a soft-capped sliding window with biases, restricted by padding',
    restrict(
      rescore(softCap(2, slidingWindow(4)), (s, { key }) => add(s, mul(lookup(tensor(keep), key, key), 0))),
      paddingMask(i32(keep)),
    ),
    [
      {
        mask: ({ b, query, key }) => key <= query && query - key < 4 && keep[b]![key] === 1,
        score: (s) => 2 * Math.tanh(s / 2),
      },
    ],
  ],
  [
    'and, or, not',
    variant({ mask: orMasks(andMasks(causalMask, notMask(slidingWindowMask(2))), ({ query, key }) => lt(query, key)) }),
    [{ mask: ({ query, key }) => (key <= query && query - key >= 2) || query < key }],
  ],
  [
    'two groups added',
    addGroups(causal, slidingWindow(2)),
    [{ mask: past }, { mask: ({ query, key }) => key <= query && query - key < 2 }],
  ],
]

describe('attention equals the naive definition', () => {
  test.each(cases)('%s', async (_, v, groups) => {
    const qkv = randomTensors(1, [2, 4, T, 6], [2, 2, T, 6], [2, 2, T, 5])
    const [q, k] = qkv
    const expected = await naiveAttention(qkv, groups)
    expect(apart(await attentionWeights(q!, k!, v).read(), expected.weights)).toBeLessThan(1e-6)
    expect(apart(await attention(q!, k!, qkv[2]!, v).read(), expected.out)).toBeLessThan(2e-6)
  })

  test('more keys than queries, an offset and a scale', async () => {
    const qkv = randomTensors(2, [2, 6, 3, 4], [2, 3, 9, 4], [2, 3, 9, 4])
    const [q, k, v] = qkv as [Tensor, Tensor, Tensor]
    for (const offset of [0, 4, 6]) {
      const expected = await naiveAttention(qkv, [{ mask: past }], { offset, scale: 0.3 })
      const traced = attention(q, k, v, causal, { queryOffset: i32([offset]), scale: 0.3 })
      expect(
        apart(await attention(q, k, v, causal, { queryOffset: offset, scale: 0.3 }).read(), expected.out),
      ).toBeLessThan(1e-6)
      expect(apart(await traced.read(), expected.out)).toBeLessThan(1e-6)
    }
    const cross = await naiveAttention(qkv, [{}])
    expect(apart(await attention(q, k, v, full).read(), cross.out)).toBeLessThan(1e-6)
  })
})

describe('forbidden places', () => {
  const nothing = variant({ mask: ({ query, key }) => and(lt(query, 2), le(key, query)) })
  const [q, k, v] = randomTensors(3, [1, 2, 4, 4], [1, 1, 4, 4], [1, 1, 4, 4]) as [Tensor, Tensor, Tensor]

  test('a row without an allowed key is exactly 0', async () => {
    const out = await attention(q, k, v, nothing).read()
    const rows = Array.from({ length: 8 }, (_, r) => [...out.slice(r * 4, r * 4 + 4)])
    for (const r of [2, 3, 6, 7]) expect(rows[r]).toEqual([0, 0, 0, 0])
    for (const r of [0, 1, 4, 5]) expect(rows[r]!.every((x) => x !== 0)).toBe(true)
  })

  test('gradients there are exactly 0, and finite everywhere, for scores however large', async () => {
    for (const size of [1, 1e4, 1e12]) {
      const loss = (a: Tensor, b: Tensor, c: Tensor): Tensor => sum(square(attention(a, b, c, nothing)))
      const [dq, dk, dv] = grad(loss, { argnums: [0, 1, 2] })(mul(q, size), mul(k, size), v)
      const all = [...(await dq.read()), ...(await dk.read()), ...(await dv.read())]
      expect(all.every(Number.isFinite)).toBe(true)
      const values = await dk.read()
      expect([...values.slice(8)].every((x) => x === 0)).toBe(true)
    }
  })

  test('adding a group without keys changes no bit', async () => {
    const none = variant({ mask: ({ query, key }) => lt(key, sub(query, 100)) })
    const plain = await attention(q, k, v, causal).read()
    expect(await attention(q, k, v, addGroups(causal, none)).read()).toEqual(plain)
  })
})

describe('scores', () => {
  test('a captured table is learned: its gradient equals finite differences', async () => {
    const [q, k, v, bias] = randomTensors(4, [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [2, 5]) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    // T5's relative biases: a number per head and distance.
    const relative = (table: Tensor): Variant =>
      variant({ score: (s, { head, query, key }) => add(s, lookup(table, head, add(sub(query, key), 2))) })
    const loss = (table: Tensor): Tensor => sum(square(attention(q, k, v, relative(table))))
    const got = await grad(loss)(bias).read()
    const values = await bias.read()
    for (let i = 0; i < values.length; i++) {
      const at = (d: number): Promise<number> =>
        loss(
          tensor(
            values.map((x, j) => (j === i ? x + d : x)),
            { shape: [2, 5] },
          ),
        ).item()
      expect(got[i]).toBeCloseTo(((await at(1e-2)) - (await at(-1e-2))) / 2e-2, 2)
    }
  })

  test('lookup clamps each index', async () => {
    const table = i32([
      [1, 2, 3],
      [4, 5, 6],
    ])
    const got = lookup(table, i32([0, 1, -5, 9]), i32([9, -1, 1, 1]))
    expect([...(await got.read())]).toEqual([3, 4, 2, 5])
  })

  test('slopes of ALiBi', () => {
    expect(alibiSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i))
    expect(alibiSlopes(3)).toEqual([2 ** -4, 2 ** -8, 2 ** -2])
  })
})

describe('misuse', () => {
  const q = zeros([1, 4, 2, 8])
  test.each([
    ['heads that do not divide', () => attention(q, zeros([1, 3, 2, 8]), zeros([1, 3, 2, 8]), full)],
    ['another head size', () => attention(q, zeros([1, 4, 2, 4]), zeros([1, 4, 2, 4]), full)],
    ['values of another length', () => attention(q, zeros([1, 4, 2, 8]), zeros([1, 4, 3, 8]), full)],
    ['no groups', () => attention(q, q, q, { groups: [] })],
    ['a score that reduces', () => attention(q, q, q, variant({ score: (s) => sum(s, -1) }))],
    ['a lookup of the wrong rank', () => lookup(zeros([2, 2]), i32([0]))],
  ])('%s', (_, run) => {
    expect(run).toThrow(ShapeError)
  })

  test('mmca is one of two variants', () => {
    expect(mmca(i32(kinds)).groups).toHaveLength(2)
    expect(mmcaRelease(i32(kinds)).groups).toHaveLength(2)
  })
})
