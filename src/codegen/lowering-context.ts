import type { HostArray } from '../ir/dtype.ts'
import { formatType, type Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import { DeviceError } from '../util/errors.ts'
import { withAccessByBuffer } from './buffer-access.ts'
import type { Kernel } from './kernel-ir.ts'
import { type BufferRef, type DeviceLimits, deviceBytes, type KernelSource } from './program.ts'
import type { Call } from './schedule.ts'
import { stripComments, type Target } from './target.ts'
import { targetOf } from './targets.ts'
import type { VirtualBuffer, VirtualStep } from './virtual-steps.ts'
import { scratchBytes } from './wasm/scratch.ts'

/** What `explain` tells of one kernel call. */
export interface KernelReport {
  readonly kernel: number
  readonly label: string
  readonly work: Call
  readonly workgroups: readonly [number, number, number]
  readonly flops: number
  readonly bytes: number
  readonly inPlace: boolean
  /** Which of several ways its schedule took, and why. */
  readonly choice: string | undefined
}

/** State shared by a program and the loops nested in it. */
export class LoweringContext {
  readonly kernels: KernelSource[] = []
  readonly reports: KernelReport[] = []
  readonly constants: HostArray[] = []
  private readonly kernelIndex = new Map<string, number>()
  /** The same by what the text follows from: kernels of one body that bind their buffers alike. */
  private readonly bodyIndex = new Map<Kernel['body'], Map<string, number>>()
  private nextBuffer = 0

  readonly target: Target

  constructor(readonly limits: DeviceLimits) {
    this.target = targetOf(limits.target)
  }

  buffer(name: string, bytes: number, ref: VirtualBuffer['ref'] = null, writable = true): VirtualBuffer {
    return { id: this.nextBuffer++, bytes, name, ref, writable }
  }

  bufferFor(v: Value): VirtualBuffer {
    return this.buffer(v.name ?? formatType(v.type), deviceBytes(v.type.dtype, sizeOf(v.type.shape)))
  }

  constant(array: HostArray): VirtualBuffer {
    const index = this.constants.push(array) - 1
    return this.buffer('constant', deviceBytes(array.dtype, array.data.length), { kind: 'constant', index }, false)
  }

  /**
   * Position among the program's kernels of one whose buffers lie in these places; kernels that differ in comments only
   * are one.
   * @throws DeviceError if its shared arrays are more than the device has room for.
   */
  kernel(scheduled: Kernel, places: readonly BufferRef[]): number {
    const kernel = this.target.memory.accessByBuffer ? withAccessByBuffer(scheduled, places) : scheduled
    const bodies = this.bodyIndex.get(kernel.body) ?? new Map<string, number>()
    this.bodyIndex.set(kernel.body, bodies)
    const binding = `${kernel.buffers.map(({ access }) => access).join()} ${[...kernel.aliases].join(' ')}`
    const known = bodies.get(binding)
    if (known !== undefined) return known
    const index = this.printed(kernel)
    bodies.set(binding, index)
    return index
  }

  private printed(kernel: Kernel): number {
    const shared = scratchBytes(kernel.shared.filter((array) => !array.ofThread))
    const most = this.limits.workgroupMemoryBytes
    if (shared > most) {
      throw new DeviceError(`kernel ${kernel.name} shares ${shared} bytes in a workgroup; this device has ${most}`, {
        hint: 'use smaller shapes, or a device with a larger limit',
      })
    }
    const text = this.target.text(kernel)
    const key = stripComments(text)
    let index = this.kernelIndex.get(key)
    if (index === undefined) {
      index = this.kernels.length
      this.kernels.push(this.target.assemble(kernel, `${kernel.name}_${index}`, text, this.limits))
      this.kernelIndex.set(key, index)
    }
    return index
  }
}

export function copyStep(from: VirtualBuffer, to: VirtualBuffer, label: string): VirtualStep {
  return {
    buffers: [from, to],
    isCopy: true,
    resolve: (place) => ({ kind: 'copy', from: place(from), to: place(to), bytes: from.bytes, label }),
  }
}
