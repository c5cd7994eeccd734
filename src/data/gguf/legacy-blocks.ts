import { f16ToNumber } from '../../ir/dtype.ts'

/** Writes the elements of the block that begins at byte `at` to `out` from `to` on. */
export type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void

/** The f16 at a byte. */
export const half = (bytes: Uint8Array, at: number): number => f16ToNumber(bytes[at]! | (bytes[at + 1]! << 8))

/** Writes elements that are stored one by one to `out` from `to` on. */
export type Widen = (bytes: Uint8Array, out: Float32Array, to: number) => void

export const widenF16: Widen = (bytes, out, to) => {
  for (let i = 0; i * 2 < bytes.length; i++) out[to + i] = half(bytes, i * 2)
}

/*
 * Blocks of 32 elements, as ggml-common.h lays them out: a scale d (f16), for the _1 types an offset m (f16), for those
 * of 5 bits the fifth bits (32 bits), then the elements. A nibble's low half is one of the first 16 elements.
 */

export const decodeQ8_0: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at)
  for (let i = 0; i < 32; i++) out[to + i] = d * ((bytes[at + 2 + i]! << 24) >> 24)
}

export const decodeQ4_0: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at)
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 2 + i]!
    out[to + i] = d * ((q & 15) - 8)
    out[to + 16 + i] = d * ((q >> 4) - 8)
  }
}

export const decodeQ4_1: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at)
  const m = half(bytes, at + 2)
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 4 + i]!
    out[to + i] = d * (q & 15) + m
    out[to + 16 + i] = d * (q >> 4) + m
  }
}

export const decodeQ5_0: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at)
  const fifth = word(bytes, at + 2)
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 6 + i]!
    out[to + i] = d * (((q & 15) | (((fifth >>> i) & 1) << 4)) - 16)
    out[to + 16 + i] = d * (((q >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) - 16)
  }
}

export const decodeQ5_1: DecodeBlock = (bytes, at, out, to) => {
  const d = half(bytes, at)
  const m = half(bytes, at + 2)
  const fifth = word(bytes, at + 4)
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 8 + i]!
    out[to + i] = d * ((q & 15) | (((fifth >>> i) & 1) << 4)) + m
    out[to + 16 + i] = d * ((q >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) + m
  }
}

/** The i32 at a byte. */
export const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
