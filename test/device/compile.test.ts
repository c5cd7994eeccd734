import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { valueAndGrad } from '../../src/autodiff/index.ts'
import { compile, put } from '../../src/compile.ts'
import * as w from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import type { Device } from '../../src/runtime/device.ts'
import { openUnderTest, UNDER_TEST } from './under-test.ts'

/** compile on a device: what a user sees of kernels, memory and profiles. */
let device: Device
beforeAll(async () => {
  device = await openUnderTest()
})
afterAll(() => device.dispose())

const mlp = (x: Tensor, a: Tensor, b: Tensor): Tensor => w.softmax(w.matmul(w.relu(w.matmul(x, a)), b), -1)
const args = (rows: number): [Tensor, Tensor, Tensor] => [
  w.normal(w.key(1), [rows, 6]),
  w.normal(w.key(2), [6, 9]),
  w.normal(w.key(3), [9, 4]),
]
const close = (got: Float32Array, expected: Float32Array): void =>
  expected.forEach((e, i) => expect(Math.abs(got[i]! - e)).toBeLessThan(1e-5))

test('the engine under test is that of npm start: WebAssembly has its fused multiply-add', () => {
  expect(device.limits.fusedMultiplyAdd).toBe(UNDER_TEST === 'wasm')
})

describe('compile on a device', () => {
  test('agrees with the reference at every size of a named dimension', async () => {
    const specs = [w.spec(['N', 6]), w.spec([6, 9]), w.spec([9, 4])] as const
    const f = compile(mlp, specs, { device })
    for (const n of [1, 5, 33, 200]) {
      const expected = await mlp(...args(n)).read()
      close((await (await f(...args(n))).read()) as Float32Array, expected as Float32Array)
    }
  })

  test('equal calls give equal bits', async () => {
    const f = compile(mlp, args(37).map((t) => w.specOf(t)) as never, { device })
    const first = await (await f(...args(37))).read()
    for (let i = 0; i < 3; i++) expect(await (await f(...args(37))).read()).toEqual(first)
  })

  test('numbers beyond f32 are infinite in kernels as they are in tensors', async () => {
    const fn = (x: Tensor): Tensor[] => [
      w.mul(x, 1e39),
      w.where(w.lt(x, -1e39), 1, 0),
      w.maximum(x, Number.NEGATIVE_INFINITY),
    ]
    const f = compile(fn, [w.spec([2])], { device })
    const x = w.tensor([1, -2])
    const expected = await Promise.all(fn(x).map((y) => y.read()))
    expect(await Promise.all((await f(x)).map((y) => y.read()))).toEqual(expected)
  })

  test('results stay on the device and go into the next call', async () => {
    const step = compile((x: Tensor): Tensor => w.mul(x, 2), [w.spec([4])], { device })
    let x: Tensor = await put(w.ones([4]), device)
    for (let i = 0; i < 3; i++) x = await step(x)
    expect(x.content.kind).toBe('device')
    expect(await x.read()).toEqual(Float32Array.of(8, 8, 8, 8))
  })

  test('a donated argument is updated in place and cannot be used again', async () => {
    const step = compile((x: Tensor): Tensor => w.add(x, 1), [w.spec([4])], {
      device,
      donate: [0],
      argNames: ['state'],
    })
    const x = await put(w.ones([4]), device)
    const y = await step(x)
    expect(await y.read()).toEqual(Float32Array.of(2, 2, 2, 2))
    await expect(x.read()).rejects.toThrow(/donated to a call/)
  })

  test('training runs: value and gradient in one program', async () => {
    const loss = (p: { m: Tensor }, x: Tensor): Tensor => w.mean(w.square(w.matmul(x, p.m)))
    const step = compile(
      (p: { m: Tensor }, x: Tensor): { p: { m: Tensor }; value: Tensor } => {
        const [value, g] = valueAndGrad(loss)(p, x)
        return { p: { m: w.sub(p.m, w.mul(g.m, 0.1)) }, value }
      },
      [{ m: w.spec([6, 2]) }, w.spec([16, 6])] as never,
      { device, donate: [0] },
    )
    let p = { m: w.normal(w.key(5), [6, 2]) as Tensor }
    const x = w.normal(w.key(6), [16, 6])
    const losses: number[] = []
    for (let i = 0; i < 20; i++) {
      const r = await step(p, x)
      p = r.p
      losses.push(await r.value.item())
    }
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 10)
  })

  test('explain names kernels, equations, reasons, memory and code', async () => {
    const f = compile(mlp, args(8).map((t) => w.specOf(t)) as never, { device })
    const text = await f.explain()
    expect(text).toMatch(/equations in \d+ kernel calls of \d+ kernels/)
    expect(text).toMatch(
      /before the first call: traced in \d+ ms, kernels made in \d+ ms, loaded on the device in \d+ ms/,
    )
    expect(text).toMatch(/f32\[8,9\] = dot {3}\/\/ test\/device\/compile\.test\.ts:\d+:\d+/)
    expect(text).toMatch(/stored: /)
    expect(text).toMatch(/planned peak .*B for \d+ temporaries, \d.*% more than the .*B alive at one time/)
    expect(text).toMatch(UNDER_TEST === 'wasm' ? /kernel \{/ : /@compute @workgroup_size/)
  })

  test('profile measures every kernel call', async () => {
    if (!device.timestamps) throw new Error('the test driver offers timestamp-query')
    const f = compile(mlp, args(64).map((t) => w.specOf(t)) as never, { device })
    const { times, table, chromeTrace } = await f.profile(...args(64))
    expect(times.length).toBe(3)
    expect(times.every((t) => t.nanoseconds >= 0)).toBe(true)
    expect(table()).toMatch(/matmul/)
    expect(() => JSON.parse(chromeTrace())).not.toThrow()
  })

  test('a tensor beyond the binding limit is refused by name, before anything runs', async () => {
    const rows = Math.floor(device.limits.bindingBytes / 4096) + 1
    const f = compile((x: Tensor): Tensor => w.broadcastTo(x, [rows, 1024]), [w.spec([1])], { device })
    await expect(f(w.ones([1]))).rejects.toThrow(`takes ${rows * 4096} bytes`)
  })
})
