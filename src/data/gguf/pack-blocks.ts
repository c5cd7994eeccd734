import { groupOffset, groupScale, scaleOfQ3_K, twoBitsAt } from './k-blocks.ts'
import { half, word } from './legacy-blocks.ts'

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

/** Of 5 bits, kept in 8. */
export const packQ5_0: PackBlock = (bytes, at, { packed, scales }, group) => {
  scales[group] = half(bytes, at)
  packFifths(bytes, at + 2, packed, group * 32, 16)
}

export const packQ5_1: PackBlock = (bytes, at, { packed, scales, offsets }, group) => {
  scales[group] = half(bytes, at)
  offsets[group] = half(bytes, at + 2)
  packFifths(bytes, at + 4, packed, group * 32, 0)
}

export const packQ5_K: PackBlock = (bytes, at, { packed, scales, offsets }, group) => {
  const d = half(bytes, at)
  const dmin = half(bytes, at + 2)
  for (let g = 0; g < 8; g++) {
    scales[group + g] = d * groupScale(bytes, at + 4, g)
    offsets[group + g] = -dmin * groupOffset(bytes, at + 4, g)
    const low = at + 48 + (g >> 1) * 32
    for (let i = 0; i < 32; i++) {
      const fifth = (bytes[at + 16 + i]! >> g) & 1
      packed[(group + g) * 32 + i] = ((bytes[low + i]! >> ((g & 1) * 4)) & 15) | (fifth << 4)
    }
  }
}

/** Of 2 bits, kept in 4, in groups of 16. */
export const packQ2_K: PackBlock = (bytes, at, { packed, scales, offsets }, group) => {
  const d = half(bytes, at + 80)
  const dmin = half(bytes, at + 82)
  for (let g = 0; g < 16; g++) {
    scales[group + g] = d * (bytes[at + g]! & 15)
    offsets[group + g] = -dmin * (bytes[at + g]! >> 4)
    const low = at + 16 + twoBitsAt(g)
    packEach16(packed, group + g, (i) => (bytes[low + i]! >> (g & 6)) & 3)
  }
}

/** Of 3 bits, kept in 4, in groups of 16. */
export const packQ3_K: PackBlock = (bytes, at, { packed, scales }, group) => {
  const d = half(bytes, at + 108)
  for (let g = 0; g < 16; g++) {
    scales[group + g] = d * scaleOfQ3_K(bytes, at + 96, g)
    const low = at + 32 + twoBitsAt(g)
    const high = at + (g & 1) * 16
    packEach16(packed, group + g, (i) => {
      const third = (bytes[high + i]! >> (g >> 1)) & 1
      return (((bytes[low + i]! >> (g & 6)) & 3) | (third << 2)) - 4
    })
  }
}

/** Of 6 bits, kept in 8, in groups of 16. */
export const packQ6_K: PackBlock = (bytes, at, { packed, scales }, group) => {
  const d = half(bytes, at + 208)
  for (let g = 0; g < 16; g++) {
    scales[group + g] = d * ((bytes[at + 192 + g]! << 24) >> 24)
    const low = at + (g >> 3) * 64 + (g & 3) * 16
    const high = at + 128 + twoBitsAt(g)
    for (let i = 0; i < 16; i++) {
      const upper = (bytes[high + i]! >> (g & 6)) & 3
      packed[(group + g) * 16 + i] = (((bytes[low + i]! >> (g & 4)) & 15) | (upper << 4)) - 32
    }
  }
}

/** 32 elements of 5 bits, the fifth bits first, as bytes; `less` is subtracted. */
function packFifths(bytes: Uint8Array, at: number, out: Uint8Array, to: number, less: number): void {
  const fifth = word(bytes, at)
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 4 + i]!
    out[to + i] = ((q & 15) | (((fifth >>> i) & 1) << 4)) - less
    out[to + 16 + i] = ((q >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) - less
  }
}

/** 16 elements as 4-bit integers, two to a byte. */
function packEach16(out: Uint8Array, group: number, q: (i: number) => number): void {
  for (let i = 0; i < 8; i++) out[group * 8 + i] = (q(2 * i) & 15) | ((q(2 * i + 1) & 15) << 4)
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
