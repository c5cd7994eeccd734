import type { DeviceLimits } from '../codegen/program.ts'
import type { Tensors } from './device-tensor.ts'
import type { GpuAllocation, GpuMemory } from './gpu-memory.ts'
import type { Health } from './health.ts'
import type { PipelineCache } from './pipelines.ts'
import type { Readback } from './readback.ts'

/** What the parts of one open device share. */
export interface GpuContext {
  readonly gpu: GPUDevice
  readonly name: string
  readonly limits: DeviceLimits
  readonly health: Health
  readonly memory: GpuMemory
  readonly readback: Readback
  readonly pipelines: PipelineCache
  readonly tensors: Tensors<GpuAllocation>
}
