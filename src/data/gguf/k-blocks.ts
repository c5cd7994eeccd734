import { type DecodeBlock, half } from './legacy-blocks.ts'

/*
 * Blocks of 256 elements, as ggml-common.h lays them out: groups of 16 or 32 elements with a scale of 4 to 8 bits each,
 * whose unit is d (f16) of the block; where a group has an offset too, its unit is dmin. The bits of an element are
 * spread: groups that lie 32 elements apart share bytes.
 */

/** Scales (16 times 4 bits, and as many offsets), 2 bits an element, d, dmin. */
export const decodeQ2_K: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at + 80)
  const dmin = half(bytes, at + 82)
  for (let g = 0; g < 16; g++) {
    const scale = d * (bytes[at + g]! & 15)
    const offset = dmin * (bytes[at + g]! >> 4)
    const low = at + 16 + twoBitsAt(g)
    const shift = g & 6
    for (let i = 0; i < 16; i++) out[to + g * 16 + i] = scale * ((bytes[low + i]! >> shift) & 3) - offset
  }
}

/** Third bits, 2 bits an element, scales (16 times 6 bits), d. */
export const decodeQ3_K: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at + 108)
  for (let g = 0; g < 16; g++) {
    const scale = d * scaleOfQ3_K(bytes, at + 96, g)
    const low = at + 32 + twoBitsAt(g)
    const high = at + (g & 1) * 16
    const shift = g & 6
    for (let i = 0; i < 16; i++) {
      const q = ((bytes[low + i]! >> shift) & 3) | (((bytes[high + i]! >> (g >> 1)) & 1) << 2)
      out[to + g * 16 + i] = scale * (q - 4)
    }
  }
}

/** d, dmin, scales and offsets (8 times 6 bits each), 4 bits an element. */
export const decodeQ4_K: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at)
  const dmin = half(bytes, at + 2)
  for (let g = 0; g < 8; g++) {
    const scale = d * groupScale(bytes, at + 4, g)
    const offset = dmin * groupOffset(bytes, at + 4, g)
    const low = at + 16 + (g >> 1) * 32
    const shift = (g & 1) * 4
    for (let i = 0; i < 32; i++) out[to + g * 32 + i] = scale * ((bytes[low + i]! >> shift) & 15) - offset
  }
}

/** As Q4_K, with the fifth bits before the four others. */
export const decodeQ5_K: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at)
  const dmin = half(bytes, at + 2)
  const high = at + 16
  for (let g = 0; g < 8; g++) {
    const scale = d * groupScale(bytes, at + 4, g)
    const offset = dmin * groupOffset(bytes, at + 4, g)
    const low = at + 48 + (g >> 1) * 32
    const shift = (g & 1) * 4
    for (let i = 0; i < 32; i++) {
      const q = ((bytes[low + i]! >> shift) & 15) | (((bytes[high + i]! >> g) & 1) << 4)
      out[to + g * 32 + i] = scale * q - offset
    }
  }
}

/** Low 4 bits, high 2 bits, scales (16 times a signed byte), d. */
export const decodeQ6_K: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at + 208)
  for (let g = 0; g < 16; g++) {
    const scale = d * ((bytes[at + 192 + g]! << 24) >> 24)
    const low = at + (g >> 3) * 64 + (g & 3) * 16
    const lowShift = g & 4
    const high = at + 128 + twoBitsAt(g)
    const highShift = g & 6
    for (let i = 0; i < 16; i++) {
      const q = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> highShift) & 3) << 4)
      out[to + g * 16 + i] = scale * (q - 32)
    }
  }
}

/** Where group g's pairs of bits begin: four groups, two apart, share 16 bytes. */
export const twoBitsAt = (g: number): number => (g >> 3) * 32 + (g & 1) * 16

/** 16 scales of 6 bits, less 32: the low 4 bits in 8 bytes, then the high 2 in 4. */
export function scaleOfQ3_K(bytes: Uint8Array, at: number, g: number): number {
  const low = (bytes[at + (g & 7)]! >> (g & 8 ? 4 : 0)) & 15
  const high = (bytes[at + 8 + (g & 3)]! >> ((g >> 2) * 2)) & 3
  return (low | (high << 4)) - 32
}

/** The scale of group g of Q4_K and Q5_K: 6 bits, of the later four groups in two places. */
export const groupScale = (bytes: Uint8Array, at: number, g: number): number =>
  g < 4 ? bytes[at + g]! & 63 : (bytes[at + g + 4]! & 15) | ((bytes[at + g - 4]! >> 6) << 4)

/** The offset of group g of Q4_K and Q5_K. */
export const groupOffset = (bytes: Uint8Array, at: number, g: number): number =>
  g < 4 ? bytes[at + g + 4]! & 63 : (bytes[at + g + 4]! >> 4) | ((bytes[at + g]! >> 6) << 4)
