import type { BufferRef, Step } from './program.ts'

/**
 * A buffer while a program is lowered. It ends as an input, an output, a constant, or a part of an arena.
 */
export interface VirtualBuffer {
  readonly id: number
  readonly bytes: number
  readonly name: string
  /** Where it lives, once known; null until the plan gives it a place. */
  ref: BufferRef | null
  /** May a kernel overwrite it when nothing reads it any more? */
  readonly writable: boolean
}

/** A step that still speaks of virtual buffers. */
export interface VirtualStep {
  readonly buffers: readonly VirtualBuffer[]
  /** From the first of its buffers to the second. */
  readonly isCopy?: boolean
  /** Steps repeated by a loop. */
  readonly body?: readonly VirtualStep[]
  /** The final step, once every buffer has a place. */
  resolve(place: (b: VirtualBuffer) => BufferRef, body: readonly Step[]): Step
}
