import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HostArray } from '../../src/ir/dtype.ts'
import { numberToF16 } from '../../src/ir/dtype.ts'
import type { Device, DeviceBuffer } from '../../src/runtime/device.ts'
import { closeDevices, createDevice, openDevice } from '../../src/runtime/registry.ts'
import {
  ADD_IN_PLACE,
  AXPY,
  addInPlace,
  arena,
  constant,
  dispatch,
  f32,
  HALVES,
  input,
  NOT,
  output,
  passThrough,
  program,
  temporary,
  twoSteps,
} from './runtime-programs.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice('webgpu')
})
afterAll(closeDevices)

const upload = (...values: number[]): DeviceBuffer =>
  device.upload({ dtype: 'f32', shape: [values.length], data: Float32Array.from(values) }, 'x')
const values = async (buffer: DeviceBuffer | undefined): Promise<number[]> => [...(await buffer!.read()).data]

describe('the device', () => {
  test('says what it is, in one line', () => {
    expect(device.description).toMatch(/^\S.*\(Dawn.*\)$/)
    expect(device.description.includes('software')).toBe(device.software)
    expect(device.lost).toBeNull()
  })

  test('is one per process', async () => {
    expect(await openDevice('webgpu')).toBe(device)
  })

  test('holds at least what every WebGPU device does', () => {
    expect(device.limits.storageBuffersPerKernel).toBeGreaterThanOrEqual(8)
    expect(device.limits.bindingBytes).toBeGreaterThanOrEqual(128 * 2 ** 20)
    expect(device.limits.invocationsPerWorkgroup).toBeGreaterThanOrEqual(256)
  })
})

describe('upload and read', () => {
  test.each<HostArray>([
    { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, Number.POSITIVE_INFINITY) },
    { dtype: 'i32', shape: [3], data: Int32Array.of(-1, 0, 2 ** 31 - 1) },
    { dtype: 'u32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
    { dtype: 'f16', shape: [3], data: Uint16Array.of(0x3c00, 0x7e00, 0x0001) },
    { dtype: 'bool', shape: [5], data: Uint8Array.of(1, 0, 0, 1, 1) },
    { dtype: 'f32', shape: [], data: Float32Array.of(7) },
    { dtype: 'f32', shape: [3, 0], data: new Float32Array(0) },
    { dtype: 'f16', shape: [0], data: new Uint16Array(0) },
  ])('$dtype $shape comes back as it went', async (array) => {
    const buffer = device.upload(array)
    expect(await buffer.read()).toEqual(array)
    expect([buffer.dtype, buffer.shape, buffer.disposed]).toEqual([array.dtype, array.shape, false])
  })

  test('an array may change once uploaded', async () => {
    const data = Float32Array.of(1, 2)
    const buffer = device.upload({ dtype: 'f32', shape: [2], data })
    data.fill(9)
    expect(await values(buffer)).toEqual([1, 2])
  })

  test('shared memory uploads', async () => {
    const data = new Float32Array(new SharedArrayBuffer(12))
    data.set([1, 2, 3])
    expect(await values(device.upload({ dtype: 'f32', shape: [3], data }))).toEqual([1, 2, 3])
  })

  test('reads may overlap', async () => {
    const buffers = Array.from({ length: 20 }, (_, i) => upload(i, i + 1))
    expect(await Promise.all(buffers.map(values))).toEqual(buffers.map((_, i) => [i, i + 1]))
  })

  test('a read sees what was submitted before it, and nothing later', async () => {
    const add = await device.load(addInPlace(2, 1))
    const [first] = add.run([upload(0, 10)])
    const reading = first!.read()
    const [second] = add.run([first!])
    expect((await reading).data).toEqual(Float32Array.of(1, 11))
    expect(await values(second)).toEqual([2, 12])
  })
})

describe('run', () => {
  test('steps follow each other through a temporary', async () => {
    const n = 1000
    const executable = await device.load(twoSteps(n))
    const a = Float32Array.from({ length: n }, (_, i) => i)
    const inputs = [device.upload({ dtype: 'f32', shape: [n], data: a }), upload(...new Array<number>(n).fill(1))]
    expect(await values(executable.run(inputs)[0])).toEqual([...a].map((x) => (x * 2 + 1) * 3 + 1))
    expect(await values(executable.run([inputs[1]!, inputs[1]!])[0])).toEqual(new Array(n).fill(10))
  })

  test('an input of another shape but as many elements fits', async () => {
    const executable = await device.load(twoSteps(4))
    const square = device.upload({ dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) })
    const [out] = executable.run([square, upload(0, 0, 0, 0)])
    expect(out!.shape).toEqual([4])
    expect(await values(out)).toEqual([6, 12, 18, 24])
  })

  test('constants are there on every call, and copies move whole tensors', async () => {
    const executable = await device.load(
      program({
        name: 'constants',
        inputs: [f32('x', 3)],
        outputs: [
          { name: 'sum', dtype: 'f32', shape: [3], aliasOf: null },
          { name: 'copy', dtype: 'f32', shape: [3], aliasOf: null },
        ],
        kernels: [AXPY],
        constants: [{ dtype: 'f32', shape: [3], data: Float32Array.of(100, 200, 300) }],
        steps: [
          dispatch(0, 3, 1, [input(0), constant(0), output(0)]),
          { kind: 'copy', from: output(0), to: output(1), bytes: 12, label: 'copy' },
        ],
      }),
    )
    for (const base of [0, 5]) {
      const [sum, copy] = executable.run([upload(base, base + 1, base + 2)])
      expect(await values(sum)).toEqual([base + 100, base + 201, base + 302])
      expect(await values(copy)).toEqual(await values(sum))
    }
  })

  test('a loop runs its steps count times, in order, also past one submit', async () => {
    const twice = program({
      name: 'nested',
      inputs: [f32('x', 2, true)],
      outputs: [{ name: 'y', dtype: 'f32', shape: [2], aliasOf: 0 }],
      kernels: [ADD_IN_PLACE, AXPY],
      arenas: [arena(2)],
      steps: [
        {
          kind: 'loop',
          count: 3,
          label: 'outer',
          steps: [
            // x := 2x + x, through the temporary; then x += 1, four times
            dispatch(1, 2, 2, [input(0), input(0), temporary(2)]),
            { kind: 'copy', from: temporary(2), to: input(0), bytes: 8, label: 'back' },
            { kind: 'loop', count: 4, label: 'inner', steps: [dispatch(0, 2, 1, [input(0)])] },
          ],
        },
      ],
    })
    const step = (x: number) => 3 * x + 4
    const [y] = (await device.load(twice)).run([upload(1, 2)])
    expect(await values(y)).toEqual([step(step(step(1))), step(step(step(2)))])
    const [many] = (await device.load(addInPlace(2, 1, 10_000))).run([upload(0, 1)])
    expect(await values(many)).toEqual([10_000, 10_001])
    const [none] = (await device.load(addInPlace(2, 1, 0))).run([upload(5, 6)])
    expect(await values(none)).toEqual([5, 6])
  })

  test('kernels compute in f16', async ({ skip }) => {
    if (!device.limits.f16) skip('no shader-f16')
    const executable = await device.load(HALVES)
    const [out] = executable.run([device.upload({ dtype: 'f16', shape: [3], data: Uint16Array.of(0x3c00, 0, 0xc000) })])
    expect(await values(out)).toEqual([1.5, 0.5, -1.5].map(numberToF16))
  })

  test('bools are words in kernels and bytes outside', async () => {
    const executable = await device.load(NOT)
    const [out] = executable.run([device.upload({ dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) })])
    expect(await out!.read()).toEqual({ dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 0) })
  })

  test('programs share kernels that were compiled before', async () => {
    await device.load(twoSteps(8))
    const start = performance.now()
    await Promise.all(Array.from({ length: 50 }, (_, i) => device.load(twoSteps(8 + i))))
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('donation and aliasing', () => {
  test('a donated input is written in place and gone', async () => {
    const executable = await device.load(addInPlace(2, 5))
    const x = upload(1, 2)
    const before = device.memory()
    const [y] = executable.run([x])
    expect(device.memory()).toEqual(before)
    expect(x.disposed).toBe(true)
    expect(await values(y)).toEqual([6, 7])
    x.dispose() // nothing left to do
    expect(await values(y)).toEqual([6, 7])
  })

  test('a donated input that no output takes over goes back to the pool', async () => {
    const n = 4
    const { inputs, ...rest } = twoSteps(n)
    const executable = await device.load({ ...rest, inputs: inputs.map((i) => ({ ...i, donated: true })) })
    const [a, b] = [upload(1, 1, 1, 1), upload(0, 0, 0, 0)]
    const before = device.memory().buffers
    const [out] = executable.run([a, b])
    expect([a.disposed, b.disposed, device.memory().buffers]).toEqual([true, true, before - 1])
    expect(await values(out)).toEqual([6, 6, 6, 6])
  })

  test('an input passed through is shared, and freed with its last holder', async () => {
    const executable = await device.load(passThrough(2))
    const x = upload(1, 2)
    const before = device.memory().buffers
    const [y] = executable.run([x])
    x.dispose()
    const [z] = executable.run([y!])
    const reading = values(y)
    y!.dispose()
    expect(device.memory().buffers).toBe(before)
    expect([await reading, await values(z)]).toEqual([
      [1, 2],
      [1, 2],
    ])
    const held = device.memory().buffers
    z!.dispose()
    expect(device.memory().buffers).toBe(held - 1)
  })

  test('donating one holder of a shared buffer leaves the other as it was', async () => {
    const x = upload(1, 2)
    const [y] = (await device.load(passThrough(2))).run([x])
    const [z] = (await device.load(addInPlace(2, 10))).run([y!])
    expect([await values(x), await values(z), y!.disposed]).toEqual([[1, 2], [11, 12], true])
  })

  test('training steps keep to the buffers they have', async () => {
    const executable = await device.load(addInPlace(64, 1))
    let x = upload(...new Array<number>(64).fill(0))
    const before = device.memory()
    for (let i = 0; i < 50; i++) x = executable.run([x])[0]!
    expect(device.memory()).toEqual(before)
    expect((await values(x))[63]).toBe(50)
  })
})

/** Compared without an await between: buffers that earlier tests forgot are taken back on other turns. */
describe('memory', () => {
  test('a disposed buffer is used again by the next of its size', async () => {
    const n = 5000
    const executable = await device.load(twoSteps(n))
    const inputs = [upload(...new Array<number>(n).fill(1)), upload(...new Array<number>(n).fill(2))]
    executable.run(inputs)[0]!.dispose()
    const before = device.memory()
    for (let i = 0; i < 20; i++) executable.run(inputs)[0]!.dispose()
    expect(device.memory()).toEqual(before)
    executable.dispose()
    executable.dispose()
    expect(device.memory().live).toBe(before.live - Math.ceil((4 * n) / 256) * 256)
  })

  test('a reused buffer does not leak into a read begun before', async () => {
    const x = upload(1, 2, 3)
    const reading = x.read()
    x.dispose()
    const y = upload(7, 8, 9)
    expect((await reading).data).toEqual(Float32Array.of(1, 2, 3))
    expect(await values(y)).toEqual([7, 8, 9])
  })
})

test('tensors nobody holds are collected before they fill the memory', async () => {
  const own = await createDevice('webgpu')
  // 16 MiB that no kernel touches, so that no more than addresses are taken.
  const blank = program({ name: 'blank', outputs: [{ ...f32('out', 4 << 20), aliasOf: null }] })
  const executable = await own.load(blank)
  for (let i = 0; i < 100; i++) {
    executable.run([])
    await own.finish()
  }
  expect(own.memory().peak).toBeLessThan(800 * 2 ** 20)
  own.dispose()
})

test('profile times every kernel in order and returns what run does', async () => {
  expect(device.timestamps).toBe(true)
  const executable = await device.load(twoSteps(64))
  const ones = upload(...new Array<number>(64).fill(1))
  const { outputs, times } = await executable.profile([ones, ones])
  expect(await values(outputs[0])).toEqual(new Array(64).fill(10))
  expect(times).toMatchObject([
    { label: 'step 2', kernel: 'axpy', start: 0, flops: 128, bytes: 768 },
    { label: 'step 3', kernel: 'axpy', flops: 128, bytes: 768 },
  ])
  expect(times[1]!.start).toBeGreaterThanOrEqual(times[0]!.nanoseconds)
  for (const time of times) expect(time.nanoseconds).toBeLessThan(1e9)
  const long = await (await device.load(addInPlace(1, 1, 2500))).profile([upload(0)])
  expect([long.times.length, await values(long.outputs[0])]).toEqual([2500, [2500]])
})
