import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HostArray } from '../../src/ir/dtype.ts'
import type { Device, DeviceBuffer } from '../../src/runtime/device.ts'
import { closeDevices, createDevice, openDevice } from '../../src/runtime/registry.ts'
import { ADD_IN_PLACE, AXPY, GROUP, THROUGH_SCRATCH } from './wasm-kernels.ts'
import {
  addInPlace,
  arena,
  constant,
  dispatch,
  f32,
  input,
  output,
  passThrough,
  program,
  temporary,
  twoSteps,
} from './wasm-programs.ts'

afterAll(closeDevices)

const values = async (buffer: DeviceBuffer | undefined): Promise<number[]> => [...(await buffer!.read()).data]

test('a device says what it is, and is one per process', async () => {
  const device = await openDevice('wasm')
  expect([device.kind, device.lost, device.timestamps, device.subgroups]).toEqual(['wasm', null, true, null])
  expect(device.description).toMatch(/^WebAssembly SIMD, \d+ threads?(, relaxed)?$/)
  expect(device.limits).toMatchObject({ target: 'wasm', bufferBytes: 2 ** 32 - 65536, f16: true })
  expect(await openDevice('wasm')).toBe(device)
})

/** The same on any number of threads, and on none. */
describe.each([0, 1, 2, 3])('%i threads', (threads) => {
  let device: Device
  beforeAll(async () => {
    device = await createDevice('wasm', { threads })
  })
  const upload = (...data: readonly number[]): DeviceBuffer =>
    device.upload({ dtype: 'f32', shape: [data.length], data: Float32Array.from(data) }, 'x')

  test.each<HostArray>([
    { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, Number.POSITIVE_INFINITY) },
    { dtype: 'i32', shape: [3], data: Int32Array.of(-1, 0, 2 ** 31 - 1) },
    { dtype: 'f16', shape: [3], data: Uint16Array.of(0x3c00, 0x7e00, 0x0001) },
    { dtype: 'bool', shape: [5], data: Uint8Array.of(1, 0, 0, 1, 1) },
    { dtype: 'f32', shape: [3, 0], data: new Float32Array(0) },
    { dtype: 'f32', shape: [3], data: new Float32Array(new SharedArrayBuffer(12)) },
  ])('$dtype $shape comes back as it went', async (array) => {
    const { data } = await device.upload(array).read()
    expect([...data]).toEqual([...array.data])
  })

  test('steps follow each other through a temporary', async () => {
    const n = 10_000
    const executable = await device.load(twoSteps(n))
    const a = Float32Array.from({ length: n }, (_, i) => i)
    const [out] = executable.run([device.upload({ dtype: 'f32', shape: [n], data: a }), upload(...a)])
    expect(await values(out)).toEqual([...a].map((x) => (x * 2 + x) * 3 + x))
  })

  test('every piece is done exactly once, whatever their number', async () => {
    for (const n of [1, 2, 7, 64, 1000, 100_003]) {
      const step = { ...dispatch(0, n, [], [output(0)]), workgroups: [n, 1, 1] as const }
      const groups = program({
        name: 'groups',
        outputs: [{ name: 'out', dtype: 'i32', shape: [n], aliasOf: null }],
        kernels: [GROUP],
        steps: [step],
      })
      const [out] = (await device.load(groups)).run([])
      expect((await out!.read()).data).toEqual(Int32Array.from({ length: n }, (_, i) => i))
    }
  })

  test('each thread has scratch memory of its own', async () => {
    const n = 3000
    const step = { ...dispatch(0, n, [], [output(0)]), workgroups: [n, 1, 1] as const, scratchBytes: 64 }
    const out = { name: 'out', dtype: 'i32', shape: [n], aliasOf: null } as const
    const executable = await device.load(
      program({ name: 'scratch', outputs: [out], kernels: [THROUGH_SCRATCH], steps: [step] }),
    )
    const [first] = executable.run([])
    // More scratch memory, in a new place, while calls with the old one wait.
    const [waiting] = executable.run([])
    const larger = await device.load(
      program({
        name: 'larger',
        outputs: [out],
        kernels: [THROUGH_SCRATCH],
        steps: [{ ...step, scratchBytes: 70_000 }],
      }),
    )
    const [last] = larger.run([])
    const expected = Int32Array.from({ length: n }, (_, i) => i)
    for (const tensor of [first, waiting, last]) expect((await tensor!.read()).data).toEqual(expected)
  })

  test('loops nest, copies move, small steps and shared ones mix', async () => {
    const n = 40_000
    const small = (step: ReturnType<typeof dispatch>) => ({ ...step, flops: 1, bytes: 1 })
    const nested = program({
      name: 'nested',
      inputs: [f32('x', n, true)],
      outputs: [{ name: 'y', dtype: 'f32', shape: [n], aliasOf: 0 }],
      kernels: [ADD_IN_PLACE, AXPY],
      arenas: [arena(n)],
      steps: [
        {
          kind: 'loop',
          count: 3,
          label: 'outer',
          steps: [
            dispatch(1, n, [n, 2], [input(0), input(0), temporary(n)]),
            { kind: 'copy', from: temporary(n), to: input(0), bytes: 4 * n, label: 'back' },
            { kind: 'loop', count: 0, label: 'never', steps: [dispatch(0, n, [n, 100], [input(0)])] },
            {
              kind: 'loop',
              count: 4,
              label: 'inner',
              steps: [small(dispatch(0, n, [n, 1], [input(0)])), small(dispatch(0, n, [n, 2], [input(0)]))],
            },
            dispatch(0, n, [n, 1], [input(0)]),
          ],
        },
      ],
    })
    const step = (x: number): number => 3 * x + 13
    const data = Float32Array.from({ length: n }, (_, i) => i % 100)
    const [y] = (await device.load(nested)).run([device.upload({ dtype: 'f32', shape: [n], data })])
    expect(await values(y)).toEqual([...data].map((x) => step(step(step(x)))))
  })

  test('a long loop', async () => {
    const [many] = (await device.load(addInPlace(200, 1, 10_000))).run([upload(...new Array<number>(200).fill(5))])
    expect(await values(many)).toEqual(new Array(200).fill(10_005))
  })

  test('constants are there on every call', async () => {
    const sum = program({
      name: 'constants',
      inputs: [f32('x', 3)],
      outputs: [{ name: 'sum', dtype: 'f32', shape: [3], aliasOf: null }],
      kernels: [AXPY],
      constants: [{ dtype: 'f32', shape: [3], data: Float32Array.of(100, 200, 300) }],
      steps: [dispatch(0, 3, [3, 1], [input(0), constant(0), output(0)])],
    })
    const executable = await device.load(sum)
    for (const base of [0, 5]) {
      const [out] = executable.run([upload(base, base, base)])
      expect(await values(out)).toEqual([base + 100, base + 200, base + 300])
    }
  })

  test('profile gives every step a time, in order, and what run gives', async () => {
    const executable = await device.load(twoSteps(6400))
    const ones = upload(...new Array<number>(6400).fill(1))
    const { outputs, times } = await executable.profile([ones, ones])
    expect(new Set(await values(outputs[0]))).toEqual(new Set([10]))
    expect(times).toMatchObject([
      { label: 'step 2', kernel: 'axpy', start: 0, flops: 1e6, bytes: 76_800 },
      { label: 'step 3', kernel: 'axpy' },
    ])
    expect(times[1]!.start).toBeGreaterThanOrEqual(times[0]!.nanoseconds)
    const long = await (await device.load(addInPlace(1, 1, 2500))).profile([upload(0)])
    expect([long.times.length, await values(long.outputs[0])]).toEqual([2500, [2500]])
  })

  test('programs without kernels: an input handed through, a copy', async () => {
    expect(await values((await device.load(passThrough(2))).run([upload(3, 4)])[0])).toEqual([3, 4])
    const n = 50_001
    const copy = program({
      name: 'copy',
      inputs: [f32('x', n)],
      outputs: [{ name: 'y', dtype: 'f32', shape: [n], aliasOf: null }],
      steps: [{ kind: 'copy', from: input(0), to: output(0), bytes: 4 * n, label: 'copy' }],
    })
    const data = Float32Array.from({ length: n }, (_, i) => i)
    const { outputs, times } = await (await device.load(copy)).profile([upload(...data)])
    expect((await outputs[0]!.read()).data).toEqual(data)
    expect(times).toMatchObject([{ kernel: 'copy', bytes: 8 * n, flops: 0 }])
  })
})
