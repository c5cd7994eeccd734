import type { DeviceLimits, Program } from '../codegen/program.ts'
import type { DType, HostArray } from '../ir/dtype.ts'

/** A tensor's memory on a device. */
export interface DeviceBuffer {
  readonly device: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /**
   * Copies the tensor to the host, as it is after everything submitted before this call.
   * @throws DeviceError (as a rejection) if it was disposed or donated, if making it failed, or if the device was lost.
   */
  read(): Promise<HostArray>
  /** Gives the memory back. Work already submitted and reads already begun still see it. */
  dispose(): void
  readonly disposed: boolean
}

export interface KernelTime {
  readonly label: string
  readonly kernel: string
  /** Nanoseconds from the start of the call. */
  readonly start: number
  readonly nanoseconds: number
  /** Of the step, as the compiler counted them; 0 when not known. */
  readonly flops: number
  readonly bytes: number
}

/** A loaded program. Calls are queued in order; `run` returns as soon as the work is submitted. */
export interface Executable {
  /**
   * @throws ShapeError if the inputs do not fit the program, DeviceError if one was disposed or donated, comes from
   * another device or could not be made, or if the device was lost.
   */
  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[]
  /** Runs once with timestamps around every kernel. @throws UnsupportedError where the device has none. */
  profile(inputs: readonly DeviceBuffer[]): Promise<{ outputs: DeviceBuffer[]; times: KernelTime[] }>
  dispose(): void
}

/** Memory a device holds now, in bytes. */
export interface DeviceMemory {
  /** In tensors, constants and temporaries. */
  readonly live: number
  /** Kept for reuse. */
  readonly pooled: number
  /** Buffers that are live. */
  readonly buffers: number
  /** The most `live` has been. */
  readonly peak: number
}

export interface Device {
  readonly kind: 'webgpu' | 'wasm'
  /** One line for people: adapter, driver, and whether it is software; or the number of threads. */
  readonly description: string
  /** Its work is done by the processor. */
  readonly software: boolean
  readonly limits: DeviceLimits
  /** Whether `profile` works here. */
  readonly timestamps: boolean
  /** Sizes a subgroup may have, or null where kernels cannot use them. */
  readonly subgroups: { readonly min: number; readonly max: number } | null
  /** Why the device can no longer be used (disposed, or lost), or null. */
  readonly lost: string | null
  /** Is this a tensor of this very device? */
  owns(x: object): x is DeviceBuffer
  /**
   * Copies an array to the device; bool becomes u32, f16 is packed. The array may be changed as soon as this returns.
   * @throws ShapeError if data and shape disagree, DeviceError if the tensor is too large or the device was lost.
   */
  upload(array: HostArray, name?: string): DeviceBuffer
  /**
   * Compiles the program's kernels in parallel; kernels seen before on this device are reused.
   * @throws DeviceError (as a rejection) with the kernel's name, message and line if one does not compile, or if the
   * program asks for more than the device has.
   */
  load(program: Program): Promise<Executable>
  /** Waits until everything submitted is done. @throws DeviceError if something failed or the device was lost. */
  finish(): Promise<void>
  memory(): DeviceMemory
  /** Frees everything; every later call fails with a DeviceError. Can be called twice. */
  dispose(): void
}
