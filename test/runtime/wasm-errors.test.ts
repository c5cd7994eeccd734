import { afterAll, describe, expect, test } from 'vitest'
import type { Program, WasmKernel } from '../../src/codegen/program.ts'
import type { Device, DeviceBuffer } from '../../src/runtime/device.ts'
import { closeDevices, createDevice } from '../../src/runtime/registry.ts'
import { LinearMemory } from '../../src/runtime/wasm/linear-memory.ts'
import { startNodeWorker } from '../../src/runtime/wasm/node-workers.ts'
import { WasmDevice } from '../../src/runtime/wasm/wasm-device.ts'
import type { WorkerHandle } from '../../src/runtime/wasm/worker-pool.ts'
import { DeviceError, ShapeError } from '../../src/util/errors.ts'
import { ADD_IN_PLACE, AXPY, TRAP } from './wasm-kernels.ts'
import { addInPlace, dispatch, f32, input, passThrough, program, temporary, twoSteps } from './wasm-programs.ts'

afterAll(closeDevices)

const ones = (device: Device, n: number): DeviceBuffer =>
  device.upload({ dtype: 'f32', shape: [n], data: new Float32Array(n).fill(1) }, `ones${n}`)

/** The error thrown, which must be of the class. */
async function failure(kind: typeof DeviceError, work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof kind) return error.message
    throw error
  }
  throw new Error(`no ${kind.name} was thrown`)
}

/** `x += 1`, then a trap in its last piece, then more; said to be large, or small. */
const trapping = (n: number, flops: number): Program<WasmKernel> => {
  const steps = [dispatch(0, n, [n, 1], [input(0)]), dispatch(1, n, [], [input(0)]), dispatch(0, n, [n, 1], [input(0)])]
  return program({
    name: 'trapping',
    inputs: [f32('x', n, true)],
    outputs: [{ name: 'y', dtype: 'f32', shape: [n], aliasOf: 0 }],
    kernels: [ADD_IN_PLACE, TRAP],
    steps: [{ kind: 'loop', count: 1000, label: 'loop', steps: steps.map((step) => ({ ...step, flops })) }],
  })
}

describe.each([0, 1, 2, 3])('%i threads: a kernel that fails', (threads) => {
  test.each([1e6, 1])('fails what is made of it, and nothing else (%d operations)', async (flops) => {
    const device = await createDevice('wasm', { threads })
    const [bad, two] = [await device.load(trapping(1000, flops)), await device.load(twoSteps(1000))]
    for (let i = 0; i < 20; i++) {
      const [y] = bad.run([ones(device, 1000)])
      const [z] = two.run([y!, y!])
      const [good] = two.run([ones(device, 1000), ones(device, 1000)])
      const text = /^program trapping failed at step .* \(kernel trap\): RuntimeError: unreachable/
      expect(await failure(DeviceError, () => z!.read())).toMatch(text)
      expect(await failure(DeviceError, () => y!.read())).toMatch(text)
      expect((await good!.read()).data[999]).toBe(10)
      expect(await failure(DeviceError, () => device.finish())).toMatch(text)
    }
    await device.finish()
    expect(device.lost).toBeNull()
    device.dispose()
  })
})

describe('out of memory', () => {
  test('an upload and a call say what did not fit', async () => {
    const device = await createDevice('wasm', { threads: 1, memoryBytes: 4 << 20 })
    const n = 200_000
    const executable = await device.load(twoSteps(n))
    const held = [1, 2, 3, 4].map(() => ones(device, n))
    const text =
      /^out of WebAssembly memory: no 781.3 KiB for temporaries of two_steps \(largest: f32\[200000\]\), with 3.82 MiB in use of 4 MiB\n {2}hint: dispose\(\)/
    expect(await failure(DeviceError, () => executable.run([held[0]!, held[1]!]))).toMatch(text)
    const [out] = (await device.load(passThrough(n))).run([held[0]!])
    expect(await failure(DeviceError, () => [ones(device, n), ones(device, n)])).toContain(
      'no 781.3 KiB for ones200000 (f32[200000])',
    )
    expect((await out!.read()).data[n - 1]).toBe(1)
    device.dispose()
  })

  test('a call that finds no memory holds none, and works when there is some', async () => {
    const device = await createDevice('wasm', { threads: 1, memoryBytes: 4 << 20 })
    const n = 200_000
    const executable = await device.load(twoSteps(n))
    const inputs = [ones(device, n), ones(device, n)]
    const more = ones(device, n)
    const rest = ones(device, n)
    const before = device.memory()
    await failure(DeviceError, () => executable.run(inputs))
    expect(device.memory()).toMatchObject({ live: before.live, buffers: before.buffers })
    more.dispose()
    rest.dispose()
    expect((await executable.run(inputs)[0]!.read()).data[n - 1]).toBe(10)
    device.dispose()
  })

  test('what can never fit is refused before its data is looked at', async () => {
    const device = await createDevice('wasm', { threads: 1 })
    const work = () => device.upload({ dtype: 'f32', shape: [2 ** 31], data: new Float32Array(0) }, 'params.emb')
    expect(await failure(DeviceError, work)).toContain(
      "params.emb (f32[2147483648]) takes 8 GiB, but this device's kernels reach at most 4.00 GiB of one tensor",
    )
    expect(await failure(DeviceError, () => device.load(passThrough(2 ** 31)))).toContain('takes 8 GiB')
    device.dispose()
  })
})

describe('calls that are wrong', () => {
  test('inputs that do not fit, are gone, or come from elsewhere', async () => {
    const [device, other] = [await createDevice('wasm', { threads: 1 }), await createDevice('wasm', { threads: 1 })]
    const executable = await device.load(twoSteps(4))
    expect(await failure(ShapeError, () => executable.run([ones(device, 4)]))).toContain('takes 2 inputs, got 1')
    expect(await failure(ShapeError, () => executable.run([ones(device, 4), ones(device, 5)]))).toContain(
      'input args.b should be f32[4], got f32[5]',
    )
    expect(await failure(DeviceError, () => executable.run([ones(device, 4), ones(other, 4)]))).toContain('is not on')
    const add = await device.load(addInPlace(4, 1))
    const x = ones(device, 4)
    add.run([x])
    expect(await failure(DeviceError, () => x.read())).toContain('ones4 (f32[4]) was donated to a call of add_in_place')
    const y = ones(device, 4)
    y.dispose()
    expect(await failure(DeviceError, () => y.read())).toContain('ones4 (f32[4]) was disposed')
    add.dispose()
    expect(await failure(DeviceError, () => add.run([ones(device, 4)]))).toContain('add_in_place was disposed of')
    device.dispose()
    other.dispose()
  })

  test('programs of another target, and kernels that are no modules', async () => {
    const device = await createDevice('wasm', { threads: 1 })
    const wrong = (change: Partial<Program>) => failure(DeviceError, () => device.load({ ...twoSteps(4), ...change }))
    expect(await wrong({ target: 'wgsl' })).toContain('was compiled to wgsl, this device runs wasm')
    expect(await wrong({ kernels: [{ ...AXPY, module: Uint8Array.of(1, 2, 3) }] })).toMatch(
      /^kernel axpy does not compile:\n {2}CompileError: .*\n {2}hint: this is a bug in code generation/,
    )
    const empty = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
    expect(await wrong({ kernels: [{ ...AXPY, module: empty }] })).toContain('it exports no function run')
    expect(await wrong({ steps: [dispatch(0, 4, [4, 9], [input(0), input(1), temporary(4, 0, 3)])] })).toContain(
      'step 9 uses arena 3, which does not exist',
    )
    expect(await wrong({ steps: [dispatch(0, 4, [4, 9], [input(0), input(0), input(1)])] })).toContain(
      'step 9 writes input args.b, which is not donated',
    )
    device.dispose()
  })

  test('a number of threads that is none', async () => {
    await expect(createDevice('wasm', { threads: -1 })).rejects.toThrow('threads: -1 is not a whole number')
  })
})

describe('a device that goes', () => {
  test.each([0, 2])('disposed of, twice, with calls and reads pending (%i threads)', async (threads) => {
    const device = await createDevice('wasm', { threads })
    const executable = await device.load(addInPlace(100_000, 1, 1000))
    const [y] = executable.run([ones(device, 100_000)])
    const pending = [y!.read(), device.finish(), executable.profile([ones(device, 100_000)])]
    const told = pending.map((p) => p.then(String, (e: unknown) => String(e)))
    device.dispose()
    device.dispose()
    for (const text of await Promise.all(told)) expect(text).toContain('DeviceError: the device was disposed of')
    expect(await failure(DeviceError, () => ones(device, 4))).toContain('the device was disposed of')
    expect(await failure(DeviceError, () => device.load(passThrough(4)))).toContain('the device was disposed of')
    expect(device.memory()).toMatchObject({ live: 0, pooled: 0, buffers: 0 })
    y!.dispose()
  })

  test('a thread that dies takes the device with it', async () => {
    const handles: WorkerHandle[] = []
    const device = new WasmDevice({
      linear: new LinearMemory(),
      threads: 2,
      relaxed: false,
      collect: () => {},
      startWorker: (source, events) => {
        const handle = startNodeWorker(source, events)
        handles.push(handle)
        return handle
      },
    })
    const executable = await device.load(addInPlace(100_000, 1, 100_000))
    const [y] = executable.run([ones(device, 100_000)])
    const reading = failure(DeviceError, () => y!.read())
    handles[1]!.terminate()
    expect(await reading).toMatch(
      /^a thread of the WebAssembly device died: it ended with code \d\n {2}hint: everything/,
    )
    expect(device.lost).toContain('a thread of the WebAssembly device died')
    expect(await failure(DeviceError, () => executable.run([y!]))).toContain('died')
    device.dispose()
  })
})
