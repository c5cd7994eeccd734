import type { Program } from '../codegen/program.ts'
import type { HostArray } from '../ir/dtype.ts'

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

/** A tensor's memory on a device. */
export interface DeviceBuffer {
  readonly device: string
  read(): Promise<HostArray>
  dispose(): void
  readonly disposed: boolean
}

export interface KernelTime {
  readonly label: string
  readonly kernel: string
  /** Nanoseconds from the start of the call. */
  readonly start: number
  readonly nanoseconds: number
}

/** A loaded program. Calls are queued in order; `run` returns as soon as the work is submitted. */
export interface Executable {
  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[]
  /** Runs once with timestamps around every kernel. @throws UnsupportedError where the device has none. */
  profile(inputs: readonly DeviceBuffer[]): Promise<{ outputs: DeviceBuffer[]; times: KernelTime[] }>
  dispose(): void
}

export interface Device {
  readonly kind: 'webgpu'
  /** One line for people: adapter, driver, and whether it is software. */
  readonly description: string
  readonly software: boolean
  readonly limits: DeviceLimits
  upload(array: HostArray, name?: string): DeviceBuffer
  /** Compiles the program's kernels in parallel; kernels seen before on this device are reused. */
  load(program: Program): Promise<Executable>
  /** Waits until everything submitted is done. @throws DeviceError if the device was lost. */
  finish(): Promise<void>
  dispose(): void
}
