import type { DeviceLimits } from '../codegen/program.ts'
import { type Collector, NO_COLLECTOR } from './collector.ts'
import { NO_WAITS, type Waits } from './idle-waits.ts'

/** A GPU device with what weft asks of it, ready for use. */
export interface OpenedGpu {
  readonly gpu: GPUDevice
  readonly description: string
  readonly software: boolean
  readonly limits: DeviceLimits
  readonly subgroups: { readonly min: number; readonly max: number } | null
  /** How to pass the time while the GPU is awaited. */
  readonly waits: Waits
  readonly collect: Collector
}

export interface OpenOptions {
  /** `default` asks for no more than every WebGPU device has and no optional feature: to prove portability. */
  readonly limits?: 'full' | 'default'
  /**
   * Dawn in Node only: leaves out bounds checks in kernels and validation of calls. Faster to compile and run, but a
   * wrong kernel then reads and writes memory at will.
   */
  readonly unsafe?: boolean
  /** WebAssembly only: how many worker threads; 0: the main thread works, in slices. One for each processor unless said. */
  readonly threads?: number
  /** WebAssembly only: the most memory it may take, up to the 4 GiB that there are unless said. */
  readonly memoryBytes?: number
}

const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'timestamp-query', 'subgroups']

const LIMITS = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const

/** The fastest adapter there is: a hardware one, else a software one, else null. */
export async function findAdapter(gpu: GPU): Promise<GPUAdapter | null> {
  return (
    (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ??
    (await gpu.requestAdapter({ forceFallbackAdapter: true }))
  )
}

/** Asks an adapter for a device. Rejections are the browser's or Dawn's own; callers name the hint. */
export async function openAdapter(adapter: GPUAdapter, via: string, options: OpenOptions): Promise<OpenedGpu> {
  const full = options.limits !== 'default'
  const features = full ? FEATURES.filter((f) => adapter.features.has(f)) : []
  const requiredLimits: Record<string, number> = {}
  if (full) for (const name of LIMITS) requiredLimits[name] = adapter.limits[name]
  const gpu = await adapter.requestDevice({ label: 'weft', requiredFeatures: features, requiredLimits })
  const software = isSoftware(adapter.info)
  const { subgroupMinSize: min, subgroupMaxSize: max } = adapter.info
  const subgroups = gpu.features.has('subgroups') && min && max ? { min, max } : null
  return {
    gpu,
    software,
    description: describe(adapter.info, via, software),
    limits: {
      target: 'wgsl',
      storageBuffersPerKernel: gpu.limits.maxStorageBuffersPerShaderStage,
      bindingBytes: gpu.limits.maxStorageBufferBindingSize,
      bufferBytes: gpu.limits.maxBufferSize,
      invocationsPerWorkgroup: gpu.limits.maxComputeInvocationsPerWorkgroup,
      workgroupsPerDimension: gpu.limits.maxComputeWorkgroupsPerDimension,
      workgroupMemoryBytes: gpu.limits.maxComputeWorkgroupStorageSize,
      f16: gpu.features.has('shader-f16'),
      fusedMultiplyAdd: false,
      gpu: {
        onProcessor: software,
        subgroupSize: subgroups && subgroups.min === subgroups.max ? subgroups.min : null,
        adapter: null,
        measured: {},
      },
    },
    waits: NO_WAITS,
    collect: NO_COLLECTOR,
    subgroups,
  }
}

/** Not every driver says so of itself: SwiftShader and WARP report a vendor like a card's. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|software|basic render|\bwarp\b/i

/** Is it the processor that does the work? */
export const isSoftware = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter === true || SOFTWARE.test(`${info.architecture} ${info.device} ${info.description}`)

function describe(info: GPUAdapterInfo, via: string, software: boolean): string {
  const name = info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ')
  return `${name || 'unnamed adapter'} (${via}${software ? ', software: runs on the CPU' : ''})`
}
