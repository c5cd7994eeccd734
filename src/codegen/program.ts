import type { DType, HostArray } from '../ir/dtype.ts'

/**
 * A compiled program as plain data: what code generation makes and a runtime plays. It can be stored and shipped
 * to a page without the compiler. Sizes are in `params`, not in the kernels' text, so that programs of equal
 * structure share pipelines.
 */
export interface Program<K extends KernelSource = KernelSource> {
  readonly name: string
  /** What its kernels are written in. */
  readonly target: K['target']
  readonly inputs: readonly ProgramTensor[]
  readonly outputs: readonly ProgramOutput[]
  /** Distinct kernels; steps refer to them by position. */
  readonly kernels: readonly K[]
  readonly arenas: readonly Arena[]
  /** Arrays known when the program was compiled, uploaded once. */
  readonly constants: readonly HostArray[]
  readonly steps: readonly Step[]
}

/** Memory for temporaries. They share it: what lives at different times may lie at the same place. */
export interface Arena {
  readonly bytes: number
  /** The largest temporaries in it, for messages. */
  readonly largest: string
}

export type TargetName = 'wgsl' | 'wasm'

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

interface KernelCommon {
  readonly name: string
  /** How each of its buffers is used, in the order of a step's `buffers`. */
  readonly bindings: readonly ('read' | 'read_write')[]
  /** Length of a step's `params`, in 32-bit words. */
  readonly paramWords: number
}

export interface WgslKernel extends KernelCommon {
  readonly target: 'wgsl'
  /** Storage bindings 0..n-1 of group 0; the params are a uniform at binding n, a multiple of 4 words. */
  readonly wgsl: string
  readonly workgroupSize: readonly [number, number, number]
  readonly usesF16: boolean
  /** Threads of a subgroup that it is written for; null if it uses none. */
  readonly subgroupSize: number | null
}

/**
 * A module that imports the linear memory as `weft.memory` and exports `run(args, begin, end, scratch)`, all i32: it
 * does the workgroups begin <= g < end of a step. At `args` lie the addresses of the step's buffers, then its params,
 * as 32-bit words; at `scratch` the caller's own memory of the step's `scratchBytes`. Buffers and scratch lie at
 * multiples of 16 bytes, and 16 bytes past the end of each may be read.
 */
export interface WasmKernel extends KernelCommon {
  readonly target: 'wasm'
  readonly module: Uint8Array<ArrayBuffer>
  /** The kernel for a person to read. */
  readonly text: string
}

export type KernelSource = WgslKernel | WasmKernel

export type BufferRef =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  | ArenaRef
  | { readonly kind: 'constant'; readonly index: number }

/**
 * A part of an arena: a temporary. Parts of one arena that a WGSL kernel binds are all read_write if one of them is, and
 * none is copied to another: WebGPU lets a buffer have one use at a time.
 */
export interface ArenaRef {
  readonly kind: 'arena'
  readonly index: number
  readonly offset: number
  readonly bytes: number
}

export interface DispatchStep {
  readonly kind: 'dispatch'
  readonly kernel: number
  readonly buffers: readonly BufferRef[]
  readonly params: readonly number[]
  /** On wasm the first alone: pieces of work that any thread may do, in any order, with equal results. */
  readonly workgroups: readonly [number, number, number]
  /** Memory that each thread must be given on wasm; 0 in WGSL, where a workgroup's is part of the kernel. */
  readonly scratchBytes: number
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
  return Math.max(4, Math.ceil((elements * storedBytes(dtype)) / 4) * 4)
}

/** Bytes of one element in a device's memory: a bool takes as many as a u32. */
export const storedBytes = (dtype: DType): number => (dtype === 'f16' ? 2 : 4)

/** What schedules for WebGPU choose by. */
export interface GpuTraits {
  /** The processor does the work (lavapipe, SwiftShader): little runs abreast, and shared memory is as slow as any. */
  readonly onProcessor: boolean
  /** Threads of a subgroup, if all have equally many and kernels may use them. */
  readonly subgroupSize: number | null
  /** The adapter's name among those that `weft tune` measured; null where nothing is remembered, as in pages. */
  readonly adapter: string | null
  /** Tilings of products that were found best on this adapter, by class of shapes. */
  readonly measured: Readonly<Record<string, string>>
}

/** What code generation must know about a device. */
export interface DeviceLimits {
  readonly target: TargetName
  readonly storageBuffersPerKernel: number
  readonly bindingBytes: number
  readonly bufferBytes: number
  readonly invocationsPerWorkgroup: number
  readonly workgroupsPerDimension: number
  /** Shared arrays of one kernel: a workgroup's in WGSL, the scratch memory of a thread on wasm. */
  readonly workgroupMemoryBytes: number
  readonly f16: boolean
  /** A product and a sum in one instruction, rounded once: relaxed SIMD on wasm. WGSL's compilers decide themselves. */
  readonly fusedMultiplyAdd: boolean
  /** On WebGPU; kernels that run anywhere where it is left out. */
  readonly gpu?: GpuTraits
}
