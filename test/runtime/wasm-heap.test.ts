import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockBytes, Heap } from '../../src/runtime/wasm/heap.ts'

test('blocks lie at multiples of 64, never at 0, with room to read past their end', () => {
  const heap = new Heap()
  heap.extend(1024)
  expect([heap.take(64), heap.take(1), heap.take(48)]).toEqual([64, 192, 256])
  expect(heap.freeBytes).toBe(1024 - 320)
})

test('the best fit is taken, and neighbours become one', () => {
  const heap = new Heap()
  heap.extend(64 + 64 * 10)
  const [a, b, c, d] = [heap.take(100), heap.take(40), heap.take(40), heap.take(200)]
  heap.give(a!, 100)
  heap.give(c!, 40)
  expect(heap.take(40)).toBe(c)
  heap.give(c!, 40)
  heap.give(b!, 40)
  expect(heap.take(4 * 64 - 16)).toBe(a)
  expect([d, heap.take(1000)]).toEqual([64 * 5, null])
  expect(heap.missing(1000)).toBe(blockBytes(1000) - 2 * 64)
})

test('blocks never overlap, and all comes back', () => {
  const action = fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 2000 }) }), fc.record({ give: fc.nat() }))
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const heap = new Heap()
      heap.extend(4096)
      const held: { address: number; bytes: number }[] = []
      for (const act of actions) {
        if ('give' in act) {
          const [block] = held.splice(act.give % Math.max(1, held.length), 1)
          if (block) heap.give(block.address, block.bytes)
          continue
        }
        let address = heap.take(act.take)
        if (address === null) {
          heap.extend(heap.end + heap.missing(act.take))
          address = heap.take(act.take)
        }
        expect(address).not.toBeNull()
        const block = { address: address!, bytes: act.take }
        for (const other of held) {
          const apart =
            block.address + blockBytes(block.bytes) <= other.address ||
            other.address + blockBytes(other.bytes) <= block.address
          expect(apart).toBe(true)
        }
        held.push(block)
      }
      for (const { address, bytes } of held) heap.give(address, bytes)
      expect(heap.freeBytes).toBe(heap.end - 64)
    }),
  )
})
