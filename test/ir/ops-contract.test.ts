import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { at, broadcastPair, build, dim, expectClose, indicesOf, numbers, type Plain, toTensor } from './arrays.ts'

/** Names of the primitives that a function of tensors of these shapes becomes. */
const primsOf = (f: (...xs: w.Tensor[]) => w.Tensor, ...shapes: number[][]): string[] =>
  w
    .traceGraph(
      (...xs: w.Tensor[]) => f(...xs),
      shapes.map((s) => w.spec(s)),
    )
    .equations.map((e) => e.prim.name)

describe('matmul', () => {
  test('sums over the inner axis and broadcasts the leading ones', async () => {
    await fc.assert(
      fc.asyncProperty(broadcastPair, dim, dim, dim, async ({ a, b, out }, m, k, n) => {
        const [x, y] = [numbers([...a, m, k], 1), numbers([...b, k, n], 2)]
        const want = build([...out, m, n], (index) => {
          const [lead, i, j] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!]
          let sum = 0
          for (let q = 0; q < k; q++) sum += row(x, lead, i, q) * row(y, lead, q, j)
          return sum
        })
        await expectClose(w.matmul(toTensor(x), toTensor(y)), want)
      }),
      { numRuns: 60 },
    )
  })

  /** x[lead, i, j], the leading axes broadcast. */
  const row = (x: Plain, lead: readonly number[], i: number, j: number): number => {
    const own = lead.slice(lead.length - (x.shape.length - 2)).map((l, a) => (x.shape[a] === 1 ? 0 : l))
    return at(x, [...own, i, j])
  }

  test('takes a vector as a row on the left and a column on the right', async () => {
    const [m, v] = [numbers([2, 3], 1), numbers([3], 2)]
    const dot = (i: number): number => [0, 1, 2].reduce((s, k) => s + at(m, [i, k]) * at(v, [k]), 0)
    await expectClose(
      w.matmul(toTensor(m), toTensor(v)),
      build([2], ([i]) => dot(i!)),
    )
    await expectClose(
      w.matmul(toTensor(v), w.transpose(toTensor(m))),
      build([2], ([i]) => dot(i!)),
    )
    await expectClose(w.matmul(toTensor(v), w.ones([3])), { shape: [], data: [v.data.reduce((a, b) => a + b)] })
    expect(w.matmul(w.ones([3]), w.ones([4, 3, 2])).shape).toEqual([4, 2])
  })

  test('is one dot, and copies no axis that one operand lacks', () => {
    expect(primsOf(w.matmul, [2, 3], [3, 4])).toEqual(['dot'])
    expect(primsOf(w.matmul, [5, 2, 3], [3, 4])).toEqual(['dot'])
    expect(primsOf(w.matmul, [5, 2, 3], [5, 3, 4])).toEqual(['dot'])
    expect(primsOf(w.matmul, [2, 3], [5, 3, 4])).toEqual(['dot', 'transpose'])
    expect(primsOf(w.matmul, [6, 5, 2, 3], [5, 3, 4])).toEqual(['dot', 'transpose'])
    expect(primsOf(w.matmul, [6, 1, 2, 3], [1, 5, 3, 4])).toEqual(['reshape', 'reshape', 'dot', 'transpose'])
  })
})

/** einsum by the definition: a loop over all indices. */
function loops(terms: readonly string[], output: string, operands: readonly Plain[]): Plain {
  const sizes = new Map<string, number>()
  terms.forEach((term, t) => {
    for (const [a, label] of [...term].entries()) sizes.set(label, operands[t]!.shape[a]!)
  })
  const labels = [...sizes.keys()]
  const totals = new Map<string, number>()
  for (const index of indicesOf(labels.map((l) => sizes.get(l)!))) {
    const pick = (term: string): number[] => [...term].map((l) => index[labels.indexOf(l)]!)
    const product = operands.reduce((p, x, t) => p * at(x, pick(terms[t]!)), 1)
    const key = pick(output).join()
    totals.set(key, (totals.get(key) ?? 0) + product)
  }
  return build(
    [...output].map((l) => sizes.get(l)!),
    (index) => totals.get(index.join()) ?? 0,
  )
}

/** A term is a choice of distinct labels; the output is a choice of those that occur. */
const equation = fc
  .tuple(
    fc.array(fc.shuffledSubarray(['a', 'b', 'c', 'd'], { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
    fc.array(dim, { minLength: 4, maxLength: 4 }),
  )
  .chain(([terms, sizes]) =>
    fc.record({
      terms: fc.constant(terms.map((t) => t.join(''))),
      output: fc.shuffledSubarray([...new Set(terms.flat())]).map((o) => o.join('')),
      size: fc.constant((label: string): number => sizes['abcd'.indexOf(label)]!),
    }),
  )

describe('einsum', () => {
  test('equals loops over all indices', async () => {
    await fc.assert(
      fc.asyncProperty(equation, async ({ terms, output, size }) => {
        const operands = terms.map((term, i) => numbers([...term].map(size), i + 1))
        const want = loops(terms, output, operands)
        const tensors = operands.map(toTensor)
        await expectClose(w.einsum(`${terms.join(',')}->${output}`, ...tensors), want)
        const spaced = (term: string): string => [...term].map((l) => `${l}_long`).join(' ')
        if (terms.some((t) => t.length > 1)) {
          await expectClose(w.einsum(`${terms.map(spaced).join(', ')} -> ${spaced(output)}`, ...tensors), want)
        }
      }),
      { numRuns: 80 },
    )
  })

  test('a contraction is one dot, a product without a sum none', () => {
    expect(primsOf((x, y) => w.einsum('b i k, b k j -> b i j', x, y), [2, 3, 4], [2, 4, 5])).toEqual(['dot'])
    expect(primsOf((x, y) => w.einsum('b h t e, b h s e -> b h t s', x, y), [1, 2, 3, 4], [1, 2, 5, 4])).toEqual([
      'dot',
    ])
    expect(primsOf((x, y) => w.einsum('i, j -> i j', x, y), [2], [3])).not.toContain('dot')
    expect(primsOf((x) => w.einsum('i j -> j i', x), [2, 3])).toEqual(['transpose'])
  })

  test('integers may be multiplied, though not contracted', async () => {
    await expectClose(w.einsum('i, j -> i j', w.arange(2), w.arange(3)), { shape: [2, 3], data: [0, 0, 0, 0, 1, 2] })
    expect(() => w.einsum('i, i -> ', w.arange(2), w.arange(2))).toThrow(w.DTypeError)
  })
})

test('dotGeneral puts batch axes first, then the free ones of left and right', async () => {
  const [x, y] = [numbers([3, 2, 4], 1), numbers([5, 4, 2], 2)]
  const got = w.dotGeneral(toTensor(x), toTensor(y), {
    lhsContract: [2],
    rhsContract: [1],
    lhsBatch: [1],
    rhsBatch: [2],
  })
  const want = build([2, 3, 5], ([b, i, j]) =>
    [0, 1, 2, 3].reduce((s, k) => s + at(x, [i!, b!, k]) * at(y, [j!, k, b!]), 0),
  )
  await expectClose(got, want)
})
