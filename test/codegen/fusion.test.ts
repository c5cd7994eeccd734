import { describe, expect, test } from 'vitest'
import { grad, vjp } from '../../src/autodiff/index.ts'
import type { DeviceLimits } from '../../src/codegen/program.ts'
import { equationsOf, groupsOf, worksOf } from '../../src/codegen/schedule.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { layerNorm, rmsNorm } from '../../src/nn/norms.ts'
import { adamw } from '../../src/train/index.ts'
import { buildFn, DEFAULT_LIMITS, WASM_LIMITS } from './build.ts'

type T = Tensor

/** How many kernels stand for a function: what fusion is for. */
const kernelCalls = (fn: (...args: never[]) => unknown, specs: readonly unknown[]): number =>
  buildFn(fn, specs).reports.length

describe('fusion', () => {
  test('a chain of elementwise operations is one kernel', () => {
    expect(kernelCalls((x: T, y: T) => w.gelu(w.add(w.mul(x, y), w.sin(x))), [w.spec([8, 3]), w.spec([8, 3])])).toBe(1)
  })

  test('bias and activation join the product before them', () => {
    const dense = (x: T, m: T, b: T): T => w.relu(w.add(w.matmul(x, m), b))
    expect(kernelCalls(dense, [w.spec([8, 3]), w.spec([3, 5]), w.spec([5])])).toBe(1)
  })

  test('what feeds a reduction, and what follows it, join it', () => {
    const rms = (x: T): T => w.sqrt(w.mean(w.square(x), -1))
    expect(kernelCalls(rms, [w.spec([8, 300])])).toBe(1)
  })

  test('transposed operands are read in place', () => {
    const fn = (x: T, y: T): T => w.matmul(x, w.transpose(y))
    expect(kernelCalls(fn, [w.spec([8, 3]), w.spec([5, 3])])).toBe(1)
  })

  test('halves are read as they are by a product of floats', () => {
    const fn = (x: T, y: T): T => w.matmul(x, w.transpose(w.cast(y, 'f32')))
    expect(kernelCalls(fn, [w.spec([8, 3]), w.spec([5, 3], 'f16')])).toBe(1)
  })

  test('heads are split and merged without a copy', () => {
    const fn = (q: T, k: T): T => {
      const heads = (x: T): T => w.transpose(w.reshape(x, [2, 6, 4, 8]), [0, 2, 1, 3])
      return w.einsum('b h i e, b h j e -> b h i j', heads(q), heads(k))
    }
    expect(kernelCalls(fn, [w.spec([2, 6, 32]), w.spec([2, 6, 32])])).toBe(1)
  })

  test('a mask made of indices is never stored', () => {
    const fn = (s: T): T => w.where(w.le(w.iota([6, 6], 1), w.iota([6, 6], 0)), s, -1e9)
    expect(kernelCalls(fn, [w.spec([6, 6])])).toBe(1)
  })

  test('a matrix product stays one under grad', () => {
    const loss = (m: T, x: T): T => w.sum(w.square(w.matmul(x, m)))
    const { reports } = buildFn(grad(loss) as (...args: never[]) => unknown, [w.spec([3, 5]), w.spec([8, 3])])
    const products = reports.filter((r) => r.work.kind === 'group' && r.work.hero?.prim.kind === 'contract')
    expect(products.length).toBe(2)
  })

  test('an expensive value that several kernels read is stored once, by the one that walks the same rows', () => {
    const fn = (x: T): T[] => {
      const e = w.exp(w.sin(x))
      return [w.sum(e, 0), w.sum(e, 1)]
    }
    const { reports } = buildFn(fn, [w.spec([40, 30])])
    expect(reports.length).toBe(2)
    expect(reports.flatMap((r) => equationsOf(r.work)).filter((e) => e.prim.name === 'exp').length).toBe(1)
  })

  test('what is compared with its own maximum is stored, so that both have the same bits', () => {
    const { reports } = buildFn((x: T, y: T): T => w.argmax(w.add(w.mul(x, 3), y)), [w.spec([5, 7]), w.spec([5, 7])])
    expect(reports.flatMap((r) => groupsOf(r.work)).map((g) => g.reason)).toContain('compared with its own extremum')
  })

  test('a scalar that many kernels use is stored as a scalar', () => {
    const clip = (xs: T[]): T[] => {
      const norm = w.sqrt(xs.map((x) => w.sum(w.square(x))).reduce((a, b) => w.add(a, b)))
      const scale = w.minimum(w.div(1, w.add(norm, 1e-6)), 1)
      return xs.map((x) => w.mul(x, scale))
    }
    const { memory } = buildFn(clip as (...args: never[]) => unknown, [[w.spec([300]), w.spec([500])]])
    expect(Math.max(...memory.intervals.map((i) => i.buffer.bytes))).toBe(4)
  })

  test('no kernel binds more buffers than the device allows', () => {
    const specs = Array.from({ length: 12 }, () => w.spec([5]))
    const many = (...xs: T[]): T[] => [xs.reduce((a, b) => w.mul(a, b)), w.concat(xs, 0)]
    const { program } = buildFn(many as (...args: never[]) => unknown, specs)
    expect(Math.max(...program.kernels.map((k) => k.bindings.length))).toBeLessThanOrEqual(
      DEFAULT_LIMITS.storageBuffersPerKernel,
    )
  })
})

describe('what walks the same rows is one kernel', () => {
  const x = w.spec([32, 300])
  const row = w.spec([300])
  test.each([
    ['softmax', (x: T): T => w.softmax(x, -1), [x]],
    ['log-softmax', (x: T): T => w.logSoftmax(x, -1), [x]],
    ['layer norm', (x: T, weight: T, bias: T): T => layerNorm(x, { weight, bias }, 1e-5), [x, row, row]],
    ['RMS norm', (x: T, weight: T): T => rmsNorm(x, { weight }, 1e-6), [x, row]],
  ] as const)('%s', (_, fn, specs) => {
    expect(kernelCalls(fn as (...args: never[]) => unknown, specs)).toBe(1)
  })

  test('a masked softmax with its gradient: one kernel each way', () => {
    const masked = (s: T): T => w.softmax(w.where(w.le(w.iota([32, 300], 1), w.iota([32, 300], 0)), s, -1e9), -1)
    const both = (s: T, ct: T): unknown => vjp(masked, s)[1](ct)
    expect(kernelCalls(both as (...args: never[]) => unknown, [x, x])).toBe(1)
  })

  test('the gradient of a norm: its rows, and the two sums over columns side by side', () => {
    const loss = (x: T, weight: T, bias: T): T => w.sum(w.square(layerNorm(x, { weight, bias }, 1e-5)))
    const gradients = grad(loss, { argnums: [0, 1, 2] }) as (...args: never[]) => unknown
    const wide = { ...DEFAULT_LIMITS, storageBuffersPerKernel: 16 }
    expect(buildFn(gradients, [x, row, row], wide).reports.length).toBe(2)
  })

  test('what AdamW does to a parameter and its moments', () => {
    const optimizer = adamw({ learningRate: 1e-3 })
    const step = (p: T, m: T): unknown => optimizer.update({ p: m }, optimizer.init({ p }), { p })
    const { reports } = buildFn(step as (...args: never[]) => unknown, [x, x])
    const works = reports.flatMap((r) => worksOf(r.work))
    expect(
      works.filter((work) => work.kind === 'cluster' && work.outputs.length > 1 && work.groups.length === 3).length,
    ).toBe(1)
  })

  test('but not what reads other rows than its own', () => {
    const shifted = (x: T): T =>
      w.sub(x, w.slice(w.concat([w.max(x, -1, { keepDims: true }), w.zeros([1, 1])], 0), [1, 0], [33, 1]))
    expect(kernelCalls(shifted, [x])).toBe(2)
  })
})

describe('the memory that a workgroup shares', () => {
  const softmax = (x: T): T => w.softmax(x, -1)
  const product = (x: T, y: T): T => w.matmul(x, y)
  const specs = [w.spec([32, 600]), w.spec([600, 32])]
  const names = (fn: (...args: never[]) => unknown, specs: readonly unknown[], limits: DeviceLimits): string[] =>
    buildFn(fn, specs, limits).program.kernels.map((k) => k.name)

  test('is bounded: a kernel that asks for more is refused', () => {
    const build = (): unknown => buildFn(softmax, [w.spec([32, 300])], { ...DEFAULT_LIMITS, workgroupMemoryBytes: 128 })
    expect(build).toThrow('kernel rows_by_workgroup shares 256 bytes in a workgroup; this device has 128')
  })

  test('on wasm holds the packed operands of a product, which otherwise are read where they lie', () => {
    expect(names(product, specs, { ...WASM_LIMITS, workgroupMemoryBytes: 4 * 36 * 600 + 128 })).toEqual(['matmul_0'])
    expect(names(product, specs, { ...WASM_LIMITS, workgroupMemoryBytes: 4 * 36 * 600 })).toEqual(['matvec_0'])
  })

  test('on wasm holds rows that are read again, and buffers hold those for which it has no room', () => {
    const temporaries = (workgroupMemoryBytes: number): readonly number[] =>
      buildFn(softmax, [w.spec([32, 300])], { ...WASM_LIMITS, workgroupMemoryBytes }).memory.intervals.map(
        (i) => i.buffer.bytes,
      )
    expect(temporaries(1200)).toEqual([])
    expect(temporaries(1199)).toEqual([4 * 32 * 300])
  })
})

describe('kernels are shared', () => {
  const mlp = (x: T, a: T, b: T): T => w.softmax(w.matmul(w.relu(w.matmul(x, a)), b), -1)
  const code = (rows: number): string[] =>
    buildFn(mlp, [w.spec([rows, 64]), w.spec([64, 64]), w.spec([64, 64])]).program.kernels.map((k) =>
      (k.target === 'wgsl' ? k.wgsl : k.text).replace(/\/\/.*$/gm, ''),
    )

  test('by layers of equal structure', () => {
    const deep = (x: T, a: T): T => [1, 2, 3, 4].reduce((h) => w.relu(w.matmul(h, a)), x)
    const specs = [w.spec([8, 16]), w.spec([16, 16])]
    expect(buildFn(deep, specs).reports.length).toBe(4)
    expect(buildFn(deep, specs, WASM_LIMITS).program.kernels.length).toBe(1)
    // Between the first and the last, what is read lies in the arena that is written, and so is bound for writing too.
    const { kernels, steps } = buildFn(deep, specs).program
    expect(kernels.map((k) => k.bindings[1])).toEqual(['read', 'read_write'])
    expect(steps.map((s) => (s.kind === 'dispatch' ? s.kernel : null))).toEqual([0, 1, 1, 0])
  })

  test('by lengths: a new one gives the very same text', () => {
    expect(code(48)).toEqual(code(37))
  })
})
