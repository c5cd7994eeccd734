import type { BufferRef, DispatchStep, Program, Step } from '../codegen/program.ts'
import type { GpuAllocation } from './gpu-memory.ts'
import { tensorBytes } from './layout.ts'
import type { PackedParams } from './params.ts'
import type { CompiledKernel } from './pipelines.ts'
import type { GpuRange, Recorder } from './recorder.ts'

/** The buffers of one call. */
export interface CallBuffers {
  readonly inputs: readonly GpuAllocation[]
  readonly outputs: readonly GpuAllocation[]
}

/** The buffers that stay the same from call to call. */
export interface FixedBuffers {
  readonly arenas: readonly GpuAllocation[]
  readonly constants: readonly GpuAllocation[]
  readonly params: GPUBuffer | null
}

/** Bind groups kept per dispatch: enough for outputs that alternate between a few pooled buffers. */
const KEPT_BIND_GROUPS = 8

interface Dispatch {
  readonly step: DispatchStep
  readonly kernel: CompiledKernel
  /** The buffers that vary from call to call. */
  readonly varying: readonly BufferRef[]
  /** By the ids of the varying buffers, oldest first. */
  readonly bindGroups: Map<string, GPUBindGroup>
  /** The call that last used the dispatch, and its bind group: a loop asks many times for the same. */
  lastCall: CallBuffers | null
  lastGroup: GPUBindGroup | null
}

/** A program's steps with their pipelines, ready to be recorded any number of times. */
export class PreparedSteps {
  readonly #gpu: GPUDevice
  readonly #program: Program
  readonly #fixed: FixedBuffers
  readonly #params: PackedParams
  readonly #dispatches = new Map<DispatchStep, Dispatch>()

  constructor(
    gpu: GPUDevice,
    program: Program,
    kernels: readonly CompiledKernel[],
    fixed: FixedBuffers,
    params: PackedParams,
  ) {
    this.#gpu = gpu
    this.#program = program
    this.#fixed = fixed
    this.#params = params
    this.#prepare(program.steps, kernels)
  }

  record(call: CallBuffers, recorder: Recorder): void {
    this.#record(this.#program.steps, call, recorder)
  }

  #prepare(steps: readonly Step[], kernels: readonly CompiledKernel[]): void {
    for (const step of steps) {
      if (step.kind === 'loop') this.#prepare(step.steps, kernels)
      else if (step.kind === 'dispatch') {
        const kernel = kernels[step.kernel]!
        const varying = step.buffers.filter((ref) => ref.kind === 'input' || ref.kind === 'output')
        const bindGroups = new Map<string, GPUBindGroup>()
        this.#dispatches.set(step, { step, kernel, varying, bindGroups, lastCall: null, lastGroup: null })
      }
    }
  }

  #record(steps: readonly Step[], call: CallBuffers, recorder: Recorder): void {
    for (const step of steps) {
      if (step.kind === 'loop') {
        for (let i = 0; i < step.count; i++) this.#record(step.steps, call, recorder)
      } else if (step.kind === 'copy') {
        recorder.copy(this.#range(step.from, call), this.#range(step.to, call), step.bytes)
      } else {
        const dispatch = this.#dispatches.get(step)!
        recorder.dispatch(step, dispatch.kernel.pipeline, this.#bindGroup(dispatch, call))
      }
    }
  }

  #bindGroup(dispatch: Dispatch, call: CallBuffers): GPUBindGroup {
    if (dispatch.lastCall === call && dispatch.lastGroup) return dispatch.lastGroup
    const key = dispatch.varying.map((ref) => this.#find(ref, call).id).join(',')
    const known = dispatch.bindGroups.get(key)
    const group = known ?? this.#createBindGroup(dispatch, call)
    dispatch.bindGroups.delete(key) // so that the map's order is that of last use
    dispatch.bindGroups.set(key, group)
    if (dispatch.bindGroups.size > KEPT_BIND_GROUPS) {
      for (const oldest of dispatch.bindGroups.keys()) {
        dispatch.bindGroups.delete(oldest)
        break
      }
    }
    dispatch.lastCall = call
    dispatch.lastGroup = group
    return group
  }

  #createBindGroup({ step, kernel }: Dispatch, call: CallBuffers): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = step.buffers.map((ref, binding) => {
      const { buffer, size, offset } = this.#range(ref, call)
      // Up to 16, so that a kernel may bind a few elements as vec4; allocations are larger still.
      const bound = Math.min(size - offset, Math.ceil(this.#bytes(ref) / 16) * 16)
      return { binding, resource: { buffer, offset, size: bound } }
    })
    const offset = this.#params.offsets.get(step)
    if (offset !== undefined && this.#fixed.params) {
      const resource = { buffer: this.#fixed.params, offset, size: step.params.length * 4 }
      entries.push({ binding: step.buffers.length, resource })
    }
    return this.#gpu.createBindGroup({ label: step.label, layout: kernel.layout, entries })
  }

  #find(ref: BufferRef, call: CallBuffers): GpuAllocation {
    const { arenas, constants } = this.#fixed
    const from = { input: call.inputs, output: call.outputs, arena: arenas, constant: constants }[ref.kind]
    return from[ref.index]!
  }

  #range(ref: BufferRef, call: CallBuffers): GpuRange & { readonly size: number } {
    const { buffer, size } = this.#find(ref, call)
    return { buffer, size, offset: ref.kind === 'arena' ? ref.offset : 0 }
  }

  #bytes(ref: BufferRef): number {
    if (ref.kind === 'arena') return ref.bytes
    const { inputs, outputs, constants } = this.#program
    const tensor = { input: inputs, output: outputs, constant: constants }[ref.kind][ref.index]!
    return tensorBytes(tensor.dtype, tensor.shape)
  }
}
