import { DeviceError } from '../util/errors.ts'
import { sizeText } from './size-text.ts'

/** Some of a device's memory. Several tensors may share it: a program may hand an input through as an output. */
export interface Allocation {
  refs: number
  /** Why its contents are not what they should be. */
  failure: DeviceError | null
}

/** A device's tensor memory: counted references. What is given back may be used again by work submitted later. */
export interface TensorMemory<A extends Allocation> {
  /**
   * At least `bytes`, with one reference and unknown contents.
   * @throws DeviceError if there is no such memory.
   */
  allocate(bytes: number, what: () => string): A
  retain(allocation: A): A
  /** Gives one reference back; the last one frees the memory. */
  release(allocation: A): void
}

/** Copies a device's memory to the host. */
export interface TensorReader<A extends Allocation> {
  /**
   * The first `bytes`, as they are after everything submitted before this call. `take` must copy what it needs: the
   * memory it is given is gone after it returns.
   * @throws DeviceError (as a rejection) if the device was lost or has no memory for the copy.
   */
  read<T>(allocation: A, bytes: number, take: (contents: Uint8Array) => T): Promise<T>
}

/** @throws DeviceError if a tensor of that many bytes is more than kernels reach. */
export function assertFits(bytes: number, most: number, what: () => string): void {
  if (bytes <= most) return
  throw new DeviceError(
    `${what()} takes ${sizeText(bytes)}, but this device's kernels reach at most ${sizeText(most)} of one tensor`,
    { hint: 'split the tensor, use f16, or a smaller batch, sequence or vocabulary' },
  )
}
