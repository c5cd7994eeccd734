import type { DeviceLimits, WgslKernel } from '../codegen/program.ts'
import { DeviceError, UnsupportedError } from '../util/errors.ts'
import { STAGE_COMPUTE } from './gpu-constants.ts'
import type { Health } from './health.ts'

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

/**
 * Compiled kernels of one device, by their text and bindings: compilation can take seconds, so programs share them.
 * Layouts are explicit: a kernel that leaves a binding unused must still take the bind group of all of them.
 */
export class PipelineCache {
  readonly #gpu: GPUDevice
  readonly #health: Health
  readonly #limits: DeviceLimits
  readonly #kernels = new Map<string, Promise<CompiledKernel>>()
  readonly #layouts = new Map<string, GPUBindGroupLayout>()

  constructor(gpu: GPUDevice, health: Health, limits: DeviceLimits) {
    this.#gpu = gpu
    this.#health = health
    this.#limits = limits
  }

  get size(): number {
    return this.#kernels.size
  }

  /** @throws DeviceError (as a rejection) with the compiler's message and the line at fault. */
  get(kernel: WgslKernel): Promise<CompiledKernel> {
    // Comments name shapes, which differ where the code does not: a new sequence length compiles nothing.
    const code = kernel.wgsl.replace(/\s*\/\/.*$/gm, '')
    const key = `${kernel.bindings.join(',')};${kernel.paramWords}\n${code}`
    const known = this.#kernels.get(key)
    if (known) return known
    const compiled = this.#compile(kernel)
    this.#kernels.set(key, compiled)
    // A failure is not kept: it may have been the device's, not the kernel's.
    compiled.catch(() => this.#kernels.delete(key))
    return compiled
  }

  close(): void {
    this.#kernels.clear()
    this.#layouts.clear()
  }

  async #compile(kernel: WgslKernel): Promise<CompiledKernel> {
    if (kernel.usesF16 && !this.#limits.f16) {
      throw new UnsupportedError(`kernel ${kernel.name} computes in f16, which this device does not have`, {
        hint: 'compile for f32, or use a device with the shader-f16 feature',
      })
    }
    // Within scopes, so that Dawn and browsers do not print what is thrown below.
    this.#gpu.pushErrorScope('validation')
    const layout = this.#layout(kernel)
    const module = this.#gpu.createShaderModule({ label: kernel.name, code: kernel.wgsl })
    const pipelineLayout = this.#gpu.createPipelineLayout({ label: kernel.name, bindGroupLayouts: [layout] })
    const pipeline = this.#gpu.createComputePipelineAsync({
      label: kernel.name,
      layout: pipelineLayout,
      compute: { module },
    })
    const scope = this.#gpu.popErrorScope()
    scope.catch(() => {})
    try {
      return { pipeline: await this.#health.guard(pipeline), layout }
    } catch (cause) {
      this.#health.assertAlive()
      const early = await scope.catch(() => null)
      throw await compileError(kernel, module, cause, early)
    }
  }

  #layout(kernel: WgslKernel): GPUBindGroupLayout {
    const key = `${kernel.bindings.join(',')};${kernel.paramWords}`
    const known = this.#layouts.get(key)
    if (known) return known
    const entries: GPUBindGroupLayoutEntry[] = kernel.bindings.map((access, binding) => ({
      binding,
      visibility: STAGE_COMPUTE,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    }))
    if (kernel.paramWords > 0) {
      entries.push({
        binding: kernel.bindings.length,
        visibility: STAGE_COMPUTE,
        buffer: { type: 'uniform', minBindingSize: kernel.paramWords * 4 },
      })
    }
    const layout = this.#gpu.createBindGroupLayout({ label: key, entries })
    this.#layouts.set(key, layout)
    return layout
  }
}

async function compileError(
  kernel: WgslKernel,
  module: GPUShaderModule,
  cause: unknown,
  early: GPUError | null,
): Promise<DeviceError> {
  const info = await module.getCompilationInfo().catch(() => null)
  const lines = kernel.wgsl.split('\n')
  const errors = (info?.messages ?? []).filter((m) => m.type === 'error')
  const told = errors.slice(0, 3).map((m) => {
    const line = lines[m.lineNum - 1] ?? ''
    return `${m.lineNum}:${m.linePos}: ${m.message}\n    ${line}\n    ${' '.repeat(Math.max(0, m.linePos - 1))}^`
  })
  // A kernel may be well formed and yet fit neither its bindings nor the device; then only the pipeline tells.
  const reason = told.length > 0 ? told.join('\n  ') : (early?.message ?? messageOf(cause))
  return new DeviceError(`kernel ${kernel.name} does not compile:\n  ${reason}`, {
    hint: 'this is a bug in code generation (or in a hand-written kernel), please report it with the program',
  })
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
