import type { DType, HostArray } from '../ir/dtype.ts'

/**
 * A compiled program as plain data: what code generation makes and a runtime plays. It can be stored and shipped
 * to a page without the compiler. Sizes are in `params`, not in the kernels' text, so that programs of equal
 * structure share pipelines.
 */
export interface Program {
  readonly name: string
  readonly inputs: readonly ProgramTensor[]
  readonly outputs: readonly ProgramOutput[]
  /** Distinct kernels; steps refer to them by position. */
  readonly kernels: readonly KernelSource[]
  /** Bytes of each temporary buffer; values whose lives do not overlap share one. */
  readonly slots: readonly number[]
  /** Arrays known when the program was compiled, uploaded once. */
  readonly constants: readonly HostArray[]
  readonly steps: readonly Step[]
}

export interface ProgramTensor {
  /** Path in the caller's arguments, for messages: `params.layers[0].w`. */
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** The caller gives this buffer up: the program writes over it, and the tensor is disposed by the call. */
  readonly donated: boolean
}

export interface ProgramOutput {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** The output is this input (passed through, or written in place); otherwise a buffer of its own. */
  readonly aliasOf: number | null
}

export interface KernelSource {
  readonly name: string
  readonly wgsl: string
  /** Storage bindings 0..n-1 of group 0; the params are a uniform at binding n. */
  readonly bindings: readonly ('read' | 'read_write')[]
  /** Size of the params in 32-bit words, a multiple of 4. */
  readonly paramWords: number
  readonly workgroupSize: readonly [number, number, number]
  readonly usesF16: boolean
}

export type BufferRef =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  | { readonly kind: 'slot'; readonly index: number }
  | { readonly kind: 'constant'; readonly index: number }

export interface DispatchStep {
  readonly kind: 'dispatch'
  readonly kernel: number
  readonly buffers: readonly BufferRef[]
  readonly params: readonly number[]
  readonly workgroups: readonly [number, number, number]
  /** For explain and profiles: what the kernel computes here. */
  readonly label: string
  readonly flops: number
  readonly bytes: number
}

export interface CopyStep {
  readonly kind: 'copy'
  readonly from: BufferRef
  readonly to: BufferRef
  readonly bytes: number
  readonly label: string
}

/** The steps, `count` times over: a scan. */
export interface LoopStep {
  readonly kind: 'loop'
  readonly count: number
  readonly steps: readonly Step[]
  readonly label: string
}

export type Step = DispatchStep | CopyStep | LoopStep

/** Bytes of a tensor in a device buffer: bool takes 4 per element, f16 two; rounded up to 4, at least 4. */
export function deviceBytes(dtype: DType, elements: number): number {
  const bytes = elements * (dtype === 'f16' ? 2 : 4)
  return Math.max(4, Math.ceil(bytes / 4) * 4)
}

/** What code generation must know about a device. */
export interface DeviceLimits {
  readonly storageBuffersPerKernel: number
  readonly bindingBytes: number
  readonly bufferBytes: number
  readonly invocationsPerWorkgroup: number
  readonly workgroupsPerDimension: number
  readonly workgroupMemoryBytes: number
  readonly f16: boolean
}
