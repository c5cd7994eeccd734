import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KernelOrder } from '../../src/codegen/kernel-order.ts'

/** Numbers, of which each may need smaller ones. */
const orderOf = (needs: Readonly<Record<number, readonly number[]>>, count: number): KernelOrder<number> =>
  new KernelOrder(
    Array.from({ length: count }, (_, i) => i),
    (i) => needs[i] ?? [],
  )

const itemsOf = (order: KernelOrder<number>): number[][] => order.ordered().map(({ items }) => items)

describe('the order of kernels', () => {
  test('items that are joined run at the place of the first, after what the second needs', () => {
    const order = orderOf({ 3: [0, 2] }, 4)
    expect(order.join(0, 3)).toBe(true)
    expect(itemsOf(order)).toEqual([[2], [0, 3], [1]])
  })

  test('items are not joined where another must run between them', () => {
    const order = orderOf({ 1: [0], 2: [1] }, 3)
    expect(order.join(0, 2)).toBe(false)
    expect(itemsOf(order)).toEqual([[0], [1], [2]])
  })

  test('nor where the way between them leads through kernels that were joined', () => {
    // 3 needs 0, which runs with 4, which needs 2; so 2 and 3 cannot be one, though neither needs the other itself.
    const order = orderOf({ 3: [0], 4: [2] }, 5)
    expect(order.join(0, 4)).toBe(true)
    expect(order.join(2, 3)).toBe(false)
  })

  test('a reader runs before what writes over what it reads, unless it must run after it', () => {
    const order = orderOf({ 2: [0] }, 3)
    order.precede(1, 0)
    order.precede(2, 0)
    expect(itemsOf(order)).toEqual([[1], [0], [2]])
    expect(order.join(1, 2)).toBe(false)
  })

  test('holds whatever is joined and put before something else', () => {
    const edges = fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 40 })
    const actions = fc.array(fc.tuple(fc.boolean(), fc.nat(19), fc.nat(19)), { maxLength: 30 })
    fc.assert(
      fc.property(edges, actions, (pairs, steps) => {
        const needs: number[][] = Array.from({ length: 20 }, () => [])
        const add = (before: number, after: number): number => needs[after]!.push(before)
        for (const [a, b] of pairs) if (a !== b) add(Math.min(a, b), Math.max(a, b))
        const order = orderOf(structuredClone(needs), 20)
        for (const [joins, a, b] of steps) {
          if (a === b) continue
          if (joins) order.join(a, b)
          else if (order.mayPrecede(a, b)) {
            order.precede(a, b)
            add(a, b)
          }
        }
        const place = new Map(order.ordered().flatMap(({ items }, i) => items.map((item) => [item, i] as const)))
        expect(place.size).toBe(20)
        for (const [after, befores] of needs.entries()) {
          for (const before of befores) {
            const [i, j] = [place.get(before)!, place.get(after)!]
            if (order.unitOf(before) !== order.unitOf(after)) expect(i).toBeLessThan(j)
          }
        }
      }),
      { seed: 3, numRuns: 500 },
    )
  })
})
