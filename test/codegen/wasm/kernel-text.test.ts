import { describe, expect, it } from 'vitest'
import { KernelBuilder } from '../../../src/codegen/kernel-builder.ts'
import type { Kernel } from '../../../src/codegen/kernel-ir.ts'
import { printKernelText } from '../../../src/codegen/kernel-text.ts'
import { stripComments } from '../../../src/codegen/target.ts'
import type { DType } from '../../../src/ir/dtype.ts'

/** A kernel that stores a constant. */
function storing(value: number, dtype: DType = 'f32'): Kernel {
  const k = new KernelBuilder()
  const out = k.buffer({ dtype, access: 'read_write', comment: 'out' })
  k.store(out, k.x.constant(0), k.x.constant(value, dtype))
  return k.finish('constant', [1, 1, 1], [])
}

describe('the text of a kernel', () => {
  it('shows buffers, names, loops and vectors', () => {
    const k = new KernelBuilder()
    const { x } = k
    const source = k.buffer({ dtype: 'f32', access: 'read', comment: 'x: f32[n]' })
    const target = k.buffer({ dtype: 'f32', access: 'read_write', comment: 'y: f32[n]' })
    k.loop('i', x.constant(0), k.param('n', 8), x.constant(4), (i) => {
      const v = k.share(x.load(source, 'f32', x.ramp(i)), 'x', 'four of them')
      k.store(target, x.ramp(i), x.fma(v, x.constant(-0, 'f32'), v))
    })
    expect(printKernelText(k.finish('map', [1, 1, 1], ['y = x * -0 + x']))).toBe(
      [
        '// y = x * -0 + x',
        'buffer b0: f32[] read // x: f32[n]',
        'buffer b1: f32[] read_write // y: f32[n]',
        'param n: i32',
        'kernel {',
        '  for (i_0 = 0; i_0 < n; i_0 += 4) {',
        '    let x_1: f32x4 = b0[i_0..+4] // four of them',
        '    b1[i_0..+4] = fma(x_1, -0f, x_1)',
        '  }',
        '}',
        '',
      ].join('\n'),
    )
  })

  it('tells constants apart by value and dtype', () => {
    const values = [0, -0, 0.1, Math.fround(0.1) + 1e-8, NaN, Infinity, -Infinity, 1e-45, 1]
    const texts = [...values.map((v) => storing(v)), storing(1, 'f16'), storing(1, 'i32'), storing(1, 'u32')]
    expect(new Set(texts.map(printKernelText)).size).toBe(texts.length)
    expect(printKernelText(storing(0.1))).toBe(printKernelText(storing(Math.fround(0.1))))
  })

  it('does not depend on the length of the last shared array, comments aside', () => {
    const withScratch = (first: number, last: number): string => {
      const k = new KernelBuilder()
      k.shared('first', 'f32', first)
      k.shared('last', 'f32', last)
      return stripComments(printKernelText(k.finish('scratch', [1, 1, 1], [])))
    }
    expect(withScratch(4, 8)).toBe(withScratch(4, 16))
    expect(withScratch(4, 8)).not.toBe(withScratch(8, 8))
  })

  it('tells a buffer that is another one in place', () => {
    const kernel = storing(1)
    const buffers = [...kernel.buffers, ...kernel.buffers]
    const apart = printKernelText({ ...kernel, buffers })
    expect(printKernelText({ ...kernel, buffers, aliases: new Map([[1, 0]]) })).not.toBe(apart)
  })
})
