import { describe, expect, it } from 'vitest'
import { KernelBuilder } from '../../../src/codegen/kernel-builder.ts'
import { assembleKernel } from '../../../src/codegen/wasm/assemble.ts'
import { scratchBytes, scratchOffsets } from '../../../src/codegen/wasm/scratch.ts'
import type { DType } from '../../../src/ir/dtype.ts'
import { deviceArray, runKernel } from './run.ts'

/** A builder with one buffer read and one written. */
function builder(from: DType, to: DType) {
  const k = new KernelBuilder()
  const source = k.buffer({ dtype: from, access: 'read', comment: 'source' })
  const target = k.buffer({ dtype: to, access: 'read_write', comment: 'target' })
  return { k, x: k.x, source, target }
}

describe('groups', () => {
  it('are run from begin up to end, and no others', () => {
    const { k, x, source, target } = builder('i32', 'i32')
    const g = x.builtin('group_x')
    k.store(target, g, x.add(x.load(source, 'i32', g), x.constant(1)))
    const buffers = [new Int32Array([10, 20, 30, 40]), new Int32Array(4)]
    runKernel({ kernel: k.finish('groups', [1, 1, 1], []), buffers, groups: [1, 3] })
    expect([...buffers[1]!]).toEqual([0, 21, 31, 0])
  })

  it('may be none', () => {
    const { k, x, target } = builder('i32', 'i32')
    k.store(target, x.constant(0), x.constant(1))
    const buffers = [new Int32Array(1), new Int32Array(1)]
    runKernel({ kernel: k.finish('none', [1, 1, 1], []), buffers, groups: [2, 2] })
    expect([...buffers[1]!]).toEqual([0])
  })
})

describe('vectors', () => {
  const indices: readonly [string, (k: KernelBuilder, n: number) => (i: number) => number][] = [
    ['a row', () => (i) => i],
    ['every third', () => (i) => 3 * i],
    ['backwards', () => (i) => 15 - i],
    ['one element', () => () => 5],
    ['anywhere', () => (i) => (i * i) % 13],
  ]
  it.each(indices)('read and write %s of every dtype', (name, make) => {
    for (const dtype of ['f32', 'f16', 'i32', 'u32', 'bool'] as const) {
      const { k, x, source, target } = builder(dtype, dtype)
      const ramp = x.ramp(x.constant(0))
      const far = k.share(x.mul(ramp, k.param('three', 3)), 'far')
      const square = k.share(x.rem(x.mul(ramp, ramp), x.constant(13)), 'square')
      const index = {
        'a row': ramp,
        'every third': far,
        backwards: x.sub(x.constant(15), ramp),
        'one element': k.share(x.mul(x.sub(ramp, ramp), x.constant(1)), 'none'),
        anywhere: square,
      }[name]!
      const from = name === 'one element' ? x.add(index, x.constant(5)) : index
      k.store(target, from, x.load(source, dtype, from))
      const input = deviceArray(dtype, 16)
      input.forEach((_, i) => {
        input[i] = dtype === 'bool' ? i % 2 : 100 + i
      })
      const output = deviceArray(dtype, 16)
      const want = deviceArray(dtype, 16)
      for (let lane = 0; lane < 4; lane++) {
        const at = make(k, 4)(lane)
        want[at] = input[at]!
      }
      runKernel({ kernel: k.finish(name, [1, 1, 1], []), buffers: [input, output], params: [3] })
      expect([...output], dtype).toEqual([...want])
    }
  })

  it('fold across their lanes', () => {
    const { k, x, source, target } = builder('f32', 'f32')
    const v = k.share(x.load(source, 'f32', x.ramp(x.constant(0))), 'v')
    const folds = (['sum', 'max', 'min'] as const).map((m) => x.across(m, v))
    folds.forEach((f, i) => k.store(target, x.constant(i), f))
    const buffers = [new Float32Array([1.5, -2, 7, 4]), new Float32Array(3)]
    runKernel({ kernel: k.finish('folds', [1, 1, 1], []), buffers })
    expect([...buffers[1]!]).toEqual([10.5, 7, -2])
  })
})

/** A product of 6 by K and K by 16 matrices, the right one packed into scratch memory. */
function productKernel() {
  const k = new KernelBuilder()
  const { x } = k
  const [left, right] = [0, 1].map(() => k.buffer({ dtype: 'f32', access: 'read', comment: 'operand' }))
  const out = k.buffer({ dtype: 'f32', access: 'read_write', comment: 'product' })
  const depth = k.param('K', 37)
  const columns = k.param('N', 16)
  k.shared('first', 'f16', 3)
  k.shared('panel', 'f32', 37 * 8)
  const column = k.share(x.mul(x.builtin('group_x'), x.constant(8)), 'column')
  const eight = x.constant(8)
  k.loop('k', x.constant(0), depth, x.constant(1), (i) => {
    for (const c of [0, 4]) {
      const at = x.ramp(x.add(k.share(x.add(x.mul(i, columns), column), 'at'), x.constant(c)))
      k.storeShared('panel', x.ramp(x.add(x.mul(i, eight), x.constant(c))), x.load(right!, 'f32', at))
    }
  })
  const totals = [0, 1, 2, 3, 4, 5].map(() => [0, 4].map(() => k.variable('total', 'f32', x.constant(0, 'f32'), 4)))
  k.loop('k', x.constant(0), depth, x.constant(1), (i) => {
    const row = k.share(x.mul(i, eight), 'row')
    const r = [0, 4].map((c) => k.share(x.loadShared('panel', 'f32', x.ramp(x.add(row, x.constant(c))), k.depth), 'r'))
    totals.forEach((line, m) => {
      const l = k.share(x.load(left!, 'f32', x.add(x.mul(x.constant(m), depth), i)), 'l')
      line.forEach((total, c) => k.assign(total, x.fma(l, r[c]!, total)))
    })
  })
  totals.forEach((line, m) => {
    line.forEach((total, c) => {
      const at = x.add(x.add(x.mul(x.constant(m), columns), column), x.constant(4 * c))
      k.store(out, x.ramp(at), total)
    })
  })
  return k.finish('product', [1, 1, 1], [])
}

describe('a product of matrices', () => {
  it.each([false, true])('is right with multiply-adds fused: %s', (fused) => {
    const a = Float32Array.from({ length: 6 * 37 }, (_, i) => Math.sin(i))
    const b = Float32Array.from({ length: 37 * 16 }, (_, i) => Math.cos(i))
    const out = new Float32Array(6 * 16)
    runKernel({ kernel: productKernel(), buffers: [a, b, out], params: [37, 16], groups: [0, 2], fused })
    out.forEach((value, i) => {
      const [m, n] = [Math.floor(i / 16), i % 16]
      let sum = 0
      for (let k = 0; k < 37; k++) sum += a[m * 37 + k]! * b[k * 16 + n]!
      expect(value).toBeCloseTo(sum, 4)
    })
  })

  it('lays its scratch arrays at multiples of 16 bytes', () => {
    const { shared } = productKernel()
    expect([...scratchOffsets(shared)]).toEqual([
      ['first', 0],
      ['panel', 16],
    ])
    expect(scratchBytes(shared)).toBe(16 + 37 * 8 * 4)
  })
})

describe('what has no place in a kernel of one thread', () => {
  it('is refused: a barrier, an index of threads', () => {
    const options = { fusedMultiplyAdd: false }
    const barrier = builder('i32', 'i32').k
    barrier.barrier()
    expect(() => assembleKernel(barrier.finish('b', [1, 1, 1], []), options)).toThrow(/barrier/)
    const { k, x, target } = builder('i32', 'i32')
    k.store(target, x.builtin('local_x'), x.constant(1))
    expect(() => assembleKernel(k.finish('l', [1, 1, 1], []), options)).toThrow(/local_x/)
  })
})

describe('names', () => {
  it('given once, outside a loop, hold what was in memory before a store', () => {
    const { k, x, target } = builder('i32', 'i32')
    const zero = x.constant(0)
    const before = k.share(x.load(target, 'i32', zero), 'before')
    k.store(target, zero, x.constant(7))
    k.when(x.less(x.builtin('group_x'), x.constant(9)), () => k.store(target, x.constant(1), before))
    k.store(target, x.constant(2), before)
    const buffers = [new Int32Array(1), new Int32Array([5, 0, 0])]
    runKernel({ kernel: k.finish('order', [1, 1, 1], []), buffers })
    expect([...buffers[1]!]).toEqual([7, 5, 5])
  })
})
