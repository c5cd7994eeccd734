import { groupOffset, groupScale } from './k-blocks.ts'
import { half } from './legacy-blocks.ts'

/** Elements that share a scale, in all types that are kept quantised. */
export const GROUP = 32

/** The arrays of a QuantisedMatrix while they are filled. */
export interface PackTarget {
  /** The packed integers as bytes. */
  readonly packed: Uint8Array
  readonly scales: Float32Array
  /** Empty for types without. */
  readonly offsets: Float32Array
}

/** Writes the block that begins at byte `at`; its groups are those of the target from `group` on. */
export type PackBlock = (bytes: Uint8Array, at: number, target: PackTarget, group: number) => void

export const packQ8_0: PackBlock = (bytes, at, { packed, scales }, group) => {
  scales[group] = half(bytes, at)
  packed.set(bytes.subarray(at + 2, at + 34), group * 32)
}

export const packQ4_0: PackBlock = (bytes, at, { packed, scales }, group) => {
  scales[group] = half(bytes, at)
  packLow(bytes, at + 2, packed, group * 16, 8)
  packHigh(bytes, at + 2, packed, group * 16 + 8, 8)
}

/** q is unsigned in the file: d*q + m = d*(q - 8) + (8*d + m). So it is for Q4_K. */
export const packQ4_1: PackBlock = (bytes, at, { packed, scales, offsets }, group) => {
  scales[group] = half(bytes, at)
  offsets[group] = 8 * half(bytes, at) + half(bytes, at + 2)
  packLow(bytes, at + 4, packed, group * 16, 8)
  packHigh(bytes, at + 4, packed, group * 16 + 8, 8)
}

export const packQ4_K: PackBlock = (bytes, at, { packed, scales, offsets }, group) => {
  const d = half(bytes, at)
  const dmin = half(bytes, at + 2)
  for (let g = 0; g < 8; g++) {
    const scale = d * groupScale(bytes, at + 4, g)
    scales[group + g] = scale
    offsets[group + g] = 8 * scale - dmin * groupOffset(bytes, at + 4, g)
    const packNibbles = g & 1 ? packHigh : packLow
    packNibbles(bytes, at + 16 + (g >> 1) * 32, packed, (group + g) * 16, 16)
  }
}

/** The low halves of 2*pairs bytes as 4-bit integers, two to a byte; 8 is subtracted by turning the highest bit. */
function packLow(bytes: Uint8Array, at: number, out: Uint8Array, to: number, pairs: number): void {
  for (let i = 0; i < pairs; i++) {
    out[to + i] = ((bytes[at + 2 * i]! & 15) | ((bytes[at + 2 * i + 1]! & 15) << 4)) ^ 0x88
  }
}

function packHigh(bytes: Uint8Array, at: number, out: Uint8Array, to: number, pairs: number): void {
  for (let i = 0; i < pairs; i++) {
    out[to + i] = ((bytes[at + 2 * i]! >> 4) | (bytes[at + 2 * i + 1]! & 0xf0)) ^ 0x88
  }
}
