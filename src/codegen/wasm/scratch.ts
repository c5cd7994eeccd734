import type { SharedArray } from '../kernel-ir.ts'
import { storedBytes } from '../program.ts'

const ALIGNMENT = 16
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** Where each shared array begins in the scratch memory of a workgroup, by name. */
export function scratchOffsets(shared: readonly SharedArray[]): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>()
  let at = 0
  for (const { name, dtype, length } of shared) {
    offsets.set(name, at)
    at += aligned(length * storedBytes(dtype))
  }
  return offsets
}

/** Bytes of scratch memory that a workgroup needs: a multiple of 16. */
export const scratchBytes = (shared: readonly SharedArray[]): number =>
  shared.reduce((sum, { dtype, length }) => sum + aligned(length * storedBytes(dtype)), 0)
