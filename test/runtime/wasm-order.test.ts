import { afterAll, describe, expect, test } from 'vitest'
import type { Device, DeviceBuffer } from '../../src/runtime/device.ts'
import { closeDevices, createDevice } from '../../src/runtime/registry.ts'
import { addInPlace, passThrough, twoSteps } from './wasm-programs.ts'

afterAll(closeDevices)

const filled = (device: Device, n: number, value: number): DeviceBuffer =>
  device.upload({ dtype: 'f32', shape: [n], data: new Float32Array(n).fill(value) }, `filled with ${value}`)
const first = async (buffer: DeviceBuffer | undefined): Promise<number> => {
  const { data } = await buffer!.read()
  expect(new Set(data).size).toBe(1)
  return data[0]!
}

/** Work is asked for faster than it is done; all must be as if each call had been waited for. */
describe.each([0, 1, 2, 3])('%i threads', (threads) => {
  const n = 5000

  test('runs, uploads, reads and disposals keep their order under load', async () => {
    const device = await createDevice('wasm', { threads })
    const [add, two] = await Promise.all([device.load(addInPlace(n, 1, 7)), device.load(twoSteps(n))])
    const expected: number[] = []
    const reads: Promise<number>[] = []
    const data = new Float32Array(n)
    for (let i = 0; i < 60; i++) {
      data.fill(i)
      const x = device.upload({ dtype: 'f32', shape: [n], data })
      data.fill(-1) // the upload has seen it
      reads.push(first(x))
      const [y] = add.run([x])
      const other = filled(device, n, 2)
      const [z] = two.run([y!, other])
      other.dispose()
      y!.dispose()
      reads.push(first(z))
      z!.dispose()
      expected.push(i, ((i + 7) * 2 + 2) * 3 + 2)
    }
    expect(await Promise.all(reads)).toEqual(expected)
    device.dispose()
  })

  test('temporaries are shared by calls that wait', async () => {
    const device = await createDevice('wasm', { threads })
    const two = await device.load(twoSteps(n))
    const [a, b] = [filled(device, n, 1), filled(device, n, 0)]
    const before = device.memory()
    const outputs = Array.from({ length: 20 }, () => two.run([a, b])[0])
    const block = Math.ceil((4 * n + 16) / 64) * 64
    expect(device.memory().live - before.live).toBe(20 * block)
    expect(device.memory().peak - before.live).toBe(21 * block)
    expect(await Promise.all(outputs.map(first))).toEqual(new Array(20).fill(6))
    device.dispose()
  })

  test('an executable disposed of still does what was asked before', async () => {
    const device = await createDevice('wasm', { threads })
    const [two, add] = [await device.load(twoSteps(n)), await device.load(addInPlace(n, 1, 50))]
    const [slow] = add.run([filled(device, n, 0)])
    const [out] = two.run([slow!, slow!])
    two.dispose()
    // This takes the memory of its arguments, and must not write it too early.
    const next = await device.load(twoSteps(n))
    const [last] = next.run([slow!, out!])
    expect([await first(out), await first(last)]).toEqual([500, 2300])
    device.dispose()
  })

  test('the memory grows while calls wait, and tensors stay', async () => {
    const device = await createDevice('wasm', { threads })
    const add = await device.load(addInPlace(n, 1, 100))
    const [slow] = add.run([filled(device, n, 1)])
    const many = Array.from({ length: 40 }, (_, i) => filled(device, 1 << 18, i))
    const [again] = add.run([slow!])
    expect(await first(again)).toBe(201)
    expect(await Promise.all(many.map(first))).toEqual(many.map((_, i) => i))
    expect(device.memory().live).toBeGreaterThan(40 * 2 ** 20)
    device.dispose()
  })
})

describe('donation and aliasing', () => {
  test('a donated input is written in place and gone', async () => {
    const device = await createDevice('wasm', { threads: 2 })
    const add = await device.load(addInPlace(64, 1))
    let x = filled(device, 64, 0)
    const before = device.memory()
    for (let i = 0; i < 50; i++) {
      const given = x
      x = add.run([x])[0]!
      expect(given.disposed).toBe(true)
    }
    expect(device.memory()).toEqual(before)
    expect(await first(x)).toBe(50)
    device.dispose()
  })

  test('donating one holder of shared memory leaves the other as it was', async () => {
    const device = await createDevice('wasm', { threads: 2 })
    const [pass, add] = [await device.load(passThrough(64)), await device.load(addInPlace(64, 10))]
    const x = filled(device, 64, 1)
    const [y] = pass.run([x])
    const [z] = add.run([y!])
    const [unshared] = add.run([x])
    expect([await first(z), await first(unshared), x.disposed, y!.disposed]).toEqual([11, 11, true, true])
    device.dispose()
  })

  test('memory passed through is freed with its last holder', async () => {
    const device = await createDevice('wasm', { threads: 2 })
    const pass = await device.load(passThrough(64))
    const empty = device.memory()
    const x = filled(device, 64, 1)
    const [y] = pass.run([x])
    const reading = first(y)
    x.dispose()
    y!.dispose()
    expect(device.memory()).toMatchObject({ live: empty.live, buffers: empty.buffers })
    expect(await reading).toBe(1)
    device.dispose()
  })
})

test.each([0, 2])('timers tick while a call of %i threads runs', async (threads) => {
  const device = await createDevice('wasm', { threads })
  const executable = await device.load(addInPlace(100_000, 1, 2000))
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const [out] = executable.run([filled(device, 100_000, 0)])
  expect(await first(out)).toBe(2000)
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(2)
  device.dispose()
})
