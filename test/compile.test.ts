import { describe, expect, test } from 'vitest'
import { compile } from '../src/compile.ts'
import * as w from '../src/ir/ops.ts'
import type { Tensor } from '../src/ir/tensor.ts'
import type { _ } from '../src/ir/types.ts'

/** compile, as far as no device is needed. */
const dense = (x: Tensor<readonly [_, 3]>, p: { m: Tensor<readonly [3, 2]> }): { y: Tensor } => ({
  y: w.tanh(w.matmul(x, p.m)),
})
const specs = [w.spec(['N', 3]), { m: w.spec([3, 2]) }] as const
const m = w.is(
  w.tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]),
  3,
  2,
)
const rows = (n: number) => w.ones([n, 3])

describe('compile', () => {
  test('gives what the function gives, in the same structure', async () => {
    const f = compile(dense, specs, { device: 'reference' })
    const { y } = await f(rows(2), { m })
    expect(await y.read()).toEqual(await dense(rows(2), { m }).y.read())
    expect(y.shape).toEqual([2, 2])
  })

  test('a named dimension takes its size from each call', async () => {
    const f = compile(dense, specs, { device: 'reference' })
    for (const n of [1, 4, 1]) expect((await f(rows(n), { m })).y.shape).toEqual([n, 2])
  })

  test('a name means one size throughout a call', async () => {
    const f = compile((a: Tensor, b: Tensor): Tensor => w.concat([a, b], 0), [w.spec(['N']), w.spec(['N'])], {
      device: 'reference',
    })
    await expect(f(w.ones([2]), w.ones([3]))).rejects.toThrow(
      /\[3\], the spec says \[N\][\s\S]*N is 2 in \[0\] and 3 here/,
    )
  })

  test('shapes, dtypes and structure are checked against the specs, by path', async () => {
    const f = compile(dense as (...args: never[]) => unknown, specs as never, { device: 'reference' })
    const call = f as unknown as (...args: unknown[]) => Promise<unknown>
    await expect(call(w.ones([2, 4]), { m })).rejects.toThrow(/ShapeError|\[2,4\], the spec says \[N,3\]/)
    await expect(call(w.ones([2, 3], 'i32'), { m })).rejects.toThrow(/is i32, the spec says f32/)
    await expect(call(rows(2), {})).rejects.toThrow(/differ in structure[\s\S]*missing: \[1\]\.m/)
    await expect(call(rows(2), { m, extra: m })).rejects.toThrow(/not in the specs: \[1\]\.extra/)
    await expect(call(rows(2), { m: 3 })).rejects.toThrow(/the number 3, not a tensor/)
  })

  test('mistakes in the function show at once, with the line in the user code', () => {
    expect(() => compile((x: Tensor): Tensor => w.matmul(x, x), [w.spec([2, 3])])).toThrow(
      /matmul[\s\S]*\[2,3\][\s\S]*at test\/compile\.test\.ts:\d+:\d+/,
    )
  })

  test('captured tensors are constants of the compiled function', async () => {
    const scale = w.tensor([2, 3])
    const f = compile((x: Tensor): Tensor => w.mul(x, scale), [w.spec([2])], { device: 'reference' })
    expect(await (await f(w.ones([2]))).read()).toEqual(Float32Array.of(2, 3))
  })

  test('tells what each pass did', () => {
    const seen: string[] = []
    compile((x: Tensor): Tensor => w.add(x, w.mul(x, 1)), [w.spec([2])], { onPass: (r) => seen.push(r.name) })
    expect(seen).toContain('simplify')
    expect(seen).toContain('cse')
  })
})
