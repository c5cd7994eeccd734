import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { globals } from 'webgpu'
import type { Program, WgslKernel } from '../../src/codegen/program.ts'
import { openDawn } from '../../src/runtime/dawn.ts'
import type { Device, DeviceBuffer } from '../../src/runtime/device.ts'
import { closeDevices, createDevice, openDevice } from '../../src/runtime/registry.ts'
import { WebGpuDevice } from '../../src/runtime/webgpu-device.ts'
import { DeviceError, ShapeError } from '../../src/util/errors.ts'
import {
  AXPY,
  addInPlace,
  arena,
  dispatch,
  f32,
  input,
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

const ones = (n: number, on: Device = device): DeviceBuffer =>
  on.upload({ dtype: 'f32', shape: [n], data: new Float32Array(n).fill(1) }, `ones${n}`)

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

describe('inputs that do not fit', () => {
  test('too few, the wrong size, the wrong dtype: the path is named', async () => {
    const executable = await device.load(twoSteps(4))
    expect(await failure(ShapeError, () => executable.run([ones(4)]))).toBe(
      'two_steps takes 2 inputs, got 1: args.a, args.b',
    )
    expect(await failure(ShapeError, () => executable.run([ones(4), ones(5)]))).toContain(
      'two_steps: input args.b should be f32[4], got f32[5]',
    )
    const ints = device.upload({ dtype: 'i32', shape: [4], data: new Int32Array(4) })
    expect(await failure(ShapeError, () => executable.run([ints, ones(4)]))).toContain(
      'input args.a should be f32[4], got i32[4]',
    )
  })

  test('a disposed tensor, and a donated one', async () => {
    const executable = await device.load(addInPlace(4, 1))
    const x = ones(4)
    x.dispose()
    expect(await failure(DeviceError, () => x.read())).toContain('ones4 (f32[4]) was disposed')
    expect(await failure(DeviceError, () => executable.run([x]))).toContain('was disposed')
    const y = ones(4)
    executable.run([y])
    expect(await failure(DeviceError, () => y.read())).toContain('ones4 (f32[4]) was donated to a call of add_in_place')
    expect(await failure(DeviceError, () => executable.run([y]))).toContain('hint: use what the call returned')
  })

  test('one tensor both donated and read', async () => {
    const { inputs, ...rest } = twoSteps(4)
    const executable = await device.load({ ...rest, inputs: [inputs[0]!, { ...inputs[1]!, donated: true }] })
    const x = ones(4)
    expect(await failure(DeviceError, () => executable.run([x, x]))).toContain(
      'two_steps: one tensor is both input args.b, which is donated, and input args.a',
    )
    expect(x.disposed).toBe(false)
  })

  test('a tensor of another device, and an executable disposed of', async () => {
    const other = await createDevice('webgpu')
    const executable = await device.load(passThrough(4))
    expect(await failure(DeviceError, () => executable.run([ones(4, other)]))).toContain('input x is not on')
    other.dispose()
    executable.dispose()
    expect(await failure(DeviceError, () => executable.run([ones(4)]))).toContain('pass_through was disposed of')
  })
})

describe('too large', () => {
  const n = 2 ** 31

  test('an upload is refused by name and size, before its data is looked at', async () => {
    const work = () => device.upload({ dtype: 'f32', shape: [n], data: new Float32Array(0) }, 'params.emb')
    expect(await failure(DeviceError, work)).toMatch(
      /^params.emb \(f32\[2147483648\]\) takes 8 GiB, but this device's kernels reach at most \d+ [MG]iB of one tensor/,
    )
  })

  test('a program is refused at load', async () => {
    expect(await failure(DeviceError, () => device.load(passThrough(n)))).toContain(
      'program pass_through: input x (f32[2147483648]) takes 8 GiB',
    )
    const big = program({ name: 'big', arenas: [arena(1), arena(2 ** 40)] })
    expect(await failure(DeviceError, () => device.load(big))).toContain(
      "program big: arena 1 takes 4 TiB, but this device's buffers have at most",
    )
  })
})

describe('programs that are wrong', () => {
  const wrong = (change: Partial<Program<WgslKernel>>) =>
    failure(DeviceError, () => device.load({ ...twoSteps(4), ...change }))

  test('bad WGSL: the kernel, the message, the line', async () => {
    const kernels = [{ ...AXPY, wgsl: AXPY.wgsl.replace('f32(params.scale)', 'params.scale') }]
    expect(await wrong({ kernels })).toMatch(
      /^kernel axpy does not compile:\n {2}8:\d+: no matching overload for 'operator \* \(f32, u32\)'[\s\S]*a\[id\.x\] \* params\.scale \+/,
    )
    expect(await wrong({ kernels: [{ ...AXPY, wgsl: 'fn main( {' }] })).toContain("1:10: expected ')'")
  })

  test('a kernel that does not fit its bindings', async () => {
    expect(await wrong({ kernels: [{ ...AXPY, bindings: ['read', 'read', 'read'] }] })).toMatch(/kernel axpy does not/)
  })

  test('a failure to compile is not remembered against other kernels', async () => {
    await wrong({ kernels: [{ ...AXPY, wgsl: '@' }] })
    await device.load(twoSteps(4))
    await device.finish()
  })

  test.each<[string, Partial<Program<WgslKernel>>]>([
    [
      'step 9 uses arena 3, which does not exist',
      { steps: [dispatch(0, 4, 9, [input(0), input(1), temporary(4, 0, 3)])] },
    ],
    ['step 9 uses kernel 1, which does not exist', { steps: [dispatch(1, 4, 9, [])] }],
    ['step 9 gives kernel axpy 1 buffers, it has 3 bindings', { steps: [dispatch(0, 4, 9, [input(0)])] }],
    [
      'step 9 writes input args.b, which is not donated',
      { steps: [dispatch(0, 4, 9, [input(0), input(0), input(1)])] },
    ],
    [
      'step 9 binds arena 0 twice and writes it',
      { steps: [dispatch(0, 4, 9, [input(0), temporary(4), temporary(4)])] },
    ],
    ['step 9 dispatches 0 x 1 x 1 workgroups', { steps: [dispatch(0, 0, 9, [input(0), input(1), temporary(4)])] }],
    ['arena 0 has 6 bytes, not a positive multiple of 4', { arenas: [{ bytes: 6, largest: '' }] }],
    [
      'step 9 uses bytes 0 to 20 of arena 0, beyond its end',
      { steps: [dispatch(0, 4, 9, [input(0), input(1), temporary(5)])] },
    ],
    [
      'step 9 uses bytes 128 to 132 of arena 0, which does not begin at a multiple of 256',
      { arenas: [arena(64)], steps: [dispatch(0, 4, 9, [input(0), input(1), temporary(1, 128)])] },
    ],
    [
      'step 9 binds arena 0 for reading and for writing',
      { arenas: [arena(128)], steps: [dispatch(0, 4, 9, [temporary(4), input(1), temporary(4, 256)])] },
    ],
    ['output o is said to be input a', { inputs: [f32('a', 2)], outputs: [{ ...f32('o', 3), aliasOf: 0 }], steps: [] }],
    ['kernel axpy has workgroups of 4294967296', { kernels: [{ ...AXPY, workgroupSize: [65536, 65536, 1] }] }],
    ['c copies 6 bytes', { steps: [{ kind: 'copy', from: input(0), to: output(0), bytes: 6, label: 'c' }] }],
  ])('%s', async (message, change) => {
    expect(await wrong(change)).toContain(`program two_steps: ${message}`)
  })
})

describe('a device that goes', () => {
  async function doomed(): Promise<{ gpu: GPUDevice; own: Device }> {
    const opened = await openDawn()
    return { gpu: opened.gpu, own: new WebGpuDevice(opened) }
  }

  test('lost: pending reads and later calls reject, and say what to do', async () => {
    const { gpu, own } = await doomed()
    const executable = await own.load(addInPlace(1 << 16, 1, 200))
    const x = ones(1 << 16, own)
    const [y] = executable.run([x])
    const pending = [y!.read(), own.finish()].map((p) => p.then(String, (e: unknown) => String(e)))
    gpu.destroy()
    for (const told of await Promise.all(pending)) expect(told).toMatch(/DeviceError: the GPU device was lost: /)
    expect(own.lost).toContain('the GPU device was lost')
    for (const work of [
      () => ones(1, own),
      () => own.finish(),
      () => own.load(twoSteps(4)),
      () => executable.run([y!]),
      () => executable.profile([y!]),
      () => y!.read(),
    ]) {
      expect(await failure(DeviceError, work)).toMatch(
        /^the GPU device was lost: .*\n {2}hint: everything on it is gone/,
      )
    }
    y!.dispose()
    executable.dispose()
    own.dispose()
  })

  test('disposed of, twice, with reads pending', async () => {
    const own = await createDevice('webgpu')
    const x = ones(4, own)
    const reading = failure(DeviceError, () => x.read())
    own.dispose()
    own.dispose()
    expect(await reading).toContain('the device was disposed of')
    expect(await failure(DeviceError, () => ones(4, own))).toContain('the device was disposed of')
    expect(own.memory()).toMatchObject({ live: 0, pooled: 0, buffers: 0 })
    x.dispose()
  })

  test('lost while a kernel compiles', async () => {
    const { gpu, own } = await doomed()
    const loading = failure(DeviceError, () => own.load(twoSteps(4)))
    gpu.destroy()
    expect(await loading).toContain('the GPU device was lost')
  })

  test('the shared device is opened anew', async () => {
    const first = await openDevice('webgpu', { limits: 'default' })
    first.dispose()
    const second = await openDevice('webgpu', { limits: 'default' })
    expect(second).not.toBe(first)
    const [out] = (await second.load(twoSteps(4))).run([ones(4, second), ones(4, second)])
    expect([...(await out!.read()).data]).toEqual([10, 10, 10, 10])
  })
})

describe('out of memory', () => {
  /** The next buffer cannot be made, as when memory has run out: drivers here give more than there is. */
  function starve(gpu: GPUDevice): void {
    const { createBuffer, popErrorScope } = gpu
    gpu.createBuffer = (descriptor) => {
      gpu.createBuffer = createBuffer
      gpu.popErrorScope = () => {
        gpu.popErrorScope = popErrorScope
        void gpu.popErrorScope()
        return Promise.resolve(new OutOfMemory('none left'))
      }
      gpu.pushErrorScope('validation')
      const broken = gpu.createBuffer({ ...descriptor, usage: 0x8000_0000 })
      void popErrorScope.call(gpu)
      return broken
    }
  }
  const OutOfMemory = Reflect.get(globals, 'GPUOutOfMemoryError') as typeof GPUOutOfMemoryError

  test('an upload: reading it, or what was made from it, names it', async () => {
    const opened = await openDawn()
    const own = new WebGpuDevice(opened)
    const executable = await own.load(twoSteps(1000))
    starve(opened.gpu)
    const weights = ones(1000, own)
    const [out] = executable.run([weights, ones(1000, own)])
    const [second] = executable.run([out!, out!])
    const text = /^out of GPU memory: no 4 KiB for ones1000 \(f32\[1000\]\), with/
    expect(await failure(DeviceError, () => second!.read())).toMatch(text)
    expect(await failure(DeviceError, () => out!.read())).toMatch(text)
    expect(await failure(DeviceError, () => weights.read())).toMatch(text)
    expect(await failure(DeviceError, () => own.finish())).toMatch(text)
    weights.dispose()
    const [good] = executable.run([ones(1000, own), ones(1000, own)])
    expect((await good!.read()).data[999]).toBe(10)
    await own.finish()
    own.dispose()
  })

  test('a temporary: load rejects', async () => {
    const opened = await openDawn()
    const own = new WebGpuDevice(opened)
    starve(opened.gpu)
    expect(await failure(DeviceError, () => own.load(twoSteps(64)))).toContain('no 256 B for temporaries of two_steps')
    expect(own.memory().live).toBe(0)
    own.dispose()
  })
})

test('with the limits that every device has, f16 is refused by the kernel that asks', async () => {
  const plain = await createDevice('webgpu', { limits: 'default' })
  expect(plain.limits).toMatchObject({ storageBuffersPerKernel: 8, invocationsPerWorkgroup: 256, f16: false })
  expect([plain.timestamps, plain.subgroups]).toEqual([false, null])
  const program = { ...twoSteps(4), kernels: [{ ...AXPY, usesF16: true }] }
  await expect(plain.load(program)).rejects.toThrow('kernel axpy computes in f16, which this device does not have')
  const executable = await plain.load(addInPlace(1, 1))
  await expect(executable.profile([ones(1, plain)])).rejects.toThrow('has no timestamps')
  plain.dispose()
})

test('unchecked kernels compute the same', async () => {
  const unsafe = await createDevice('webgpu', { unsafe: true })
  expect(unsafe.description).toContain('unchecked')
  const [out] = (await unsafe.load(twoSteps(100))).run([ones(100, unsafe), ones(100, unsafe)])
  expect([...(await out!.read()).data]).toEqual(new Array(100).fill(10))
  unsafe.dispose()
})
