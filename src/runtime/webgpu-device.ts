import type { DeviceLimits, Program } from '../codegen/program.ts'
import type { HostArray } from '../ir/dtype.ts'
import { DeviceError } from '../util/errors.ts'
import type { OpenedGpu } from './adapter.ts'
import type { GpuContext } from './context.ts'
import type { Device, DeviceBuffer, DeviceMemory, Executable } from './device.ts'
import { Tensors } from './device-tensor.ts'
import type { GpuAllocation } from './gpu-memory.ts'
import { GpuMemory } from './gpu-memory.ts'
import { Health } from './health.ts'
import { encode, tensorBytes } from './layout.ts'
import { Loader } from './loader.ts'
import { PipelineCache } from './pipelines.ts'
import { Readback } from './readback.ts'
import { tensorText } from './size-text.ts'

/** A device on any WebGPU: Dawn's in Node, or a browser's. */
export class WebGpuDevice implements Device {
  readonly kind = 'webgpu'
  readonly description: string
  readonly software: boolean
  readonly limits: DeviceLimits
  readonly timestamps: boolean
  readonly subgroups: { readonly min: number; readonly max: number } | null
  readonly #context: GpuContext
  readonly #loader: Loader

  constructor(opened: OpenedGpu) {
    const { gpu, limits, description } = opened
    this.description = description
    this.software = opened.software
    this.limits = limits
    this.subgroups = opened.subgroups
    this.timestamps = gpu.features.has('timestamp-query')
    const health = new Health(opened.waits)
    const memory = new GpuMemory(gpu, health, limits, opened.collect)
    const readback = new Readback(gpu, health)
    const pipelines = new PipelineCache(gpu, health, limits)
    const tensors = new Tensors(description, memory, readback, health)
    this.#context = { gpu, name: description, limits, health, memory, readback, pipelines, tensors }
    this.#loader = new Loader(this.#context)
    watch(gpu, health)
  }

  get lost(): string | null {
    return this.#context.health.failure?.message ?? null
  }

  owns(x: object): x is DeviceBuffer {
    return this.#context.tensors.own(x)
  }

  upload(array: HostArray, name = 'a tensor'): DeviceBuffer {
    const { health, memory, tensors } = this.#context
    health.assertAlive()
    const what = () => `${name} (${tensorText(array.dtype, array.shape)})`
    const bytes = tensorBytes(array.dtype, array.shape)
    // Before encoding, which copies: a tensor far too large should not first take the host's memory.
    memory.assertFits(bytes, what)
    const encoded = encode(array, name)
    const allocation = memory.allocate(bytes, what)
    this.#write(allocation, encoded)
    return tensors.wrap(allocation, array.dtype, [...array.shape], name)
  }

  async load(program: Program): Promise<Executable> {
    this.#context.health.assertAlive()
    return this.#loader.load(program, (allocation, array) => this.#write(allocation, encode(array, 'a constant')))
  }

  async finish(): Promise<void> {
    const { gpu, health } = this.#context
    health.assertAlive()
    await health.guard(gpu.queue.onSubmittedWorkDone())
    await health.settled()
    const error = health.takeError()
    if (error) throw error
  }

  memory(): DeviceMemory {
    return this.#context.memory.stats()
  }

  dispose(): void {
    const { gpu, health, memory, readback, pipelines } = this.#context
    health.dispose()
    memory.close()
    readback.close()
    pipelines.close()
    gpu.destroy()
  }

  #write(allocation: GpuAllocation, bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.byteLength === 0) return
    const { gpu } = this.#context
    // Only a buffer that could not be made refuses the write, and that is known by its own error.
    gpu.pushErrorScope('validation')
    gpu.queue.writeBuffer(allocation.buffer, 0, bytes)
    gpu.popErrorScope().catch(() => {})
  }
}

function watch(gpu: GPUDevice, health: Health): void {
  void gpu.lost.then((info) => {
    health.fail(
      new DeviceError(`the GPU device was lost: ${info.message || info.reason}`, {
        hint:
          'everything on it is gone: open another with openDevice(), load and upload again. Causes are a driver ' +
          'reset, a kernel that runs for too long, too little memory, a sleeping machine',
      }),
    )
  })
  gpu.addEventListener('uncapturederror', (event) => {
    event.preventDefault()
    health.report(new DeviceError(`the GPU reported an error: ${event.error.message}`))
  })
}
