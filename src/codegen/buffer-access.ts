import type { Kernel } from './kernel-ir.ts'
import { boundBuffers } from './kernel-walk.ts'
import type { BufferRef } from './program.ts'

/**
 * The kernel for buffers in these places, where a buffer must be bound in one way: what it reads from an arena to
 * which it also writes is bound for writing too. (Ranges of one buffer that are bound for writing may lie side by side
 * in WebGPU, but none beside one that is bound for reading.)
 */
export function withAccessByBuffer(kernel: Kernel, places: readonly BufferRef[]): Kernel {
  const bound = boundBuffers(kernel)
  const arenaOf = new Map(bound.map((b, i) => [b, arenaAt(places[i]!)]))
  const written = new Set(bound.filter((b) => kernel.buffers[b]!.access === 'read_write').map((b) => arenaOf.get(b)))
  const buffers = kernel.buffers.map((buffer, b) => {
    const arena = arenaOf.get(b) ?? null
    return arena !== null && written.has(arena) ? { ...buffer, access: 'read_write' as const } : buffer
  })
  return { ...kernel, buffers }
}

const arenaAt = (place: BufferRef): number | null => (place.kind === 'arena' ? place.index : null)
