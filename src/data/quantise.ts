import { f16ToNumber, getElement, type HostArray, numberToF16 } from '../ir/dtype.ts'
import { ValueError } from '../util/errors.ts'
import type { QuantisedMatrix } from './tensor-source.ts'

export interface QuantiseOptions {
  readonly bits: 4 | 8
  /** Weights that share a scale, 32 unless said. */
  readonly group?: number
}

/**
 * A matrix [O,I] rounded to signed integers of 4 or 8 bits with a scale for each group of weights in a row. With 8 bits
 * the scale is the group's greatest magnitude over 127; with 4 the weight of greatest magnitude becomes -8, so that all
 * sixteen values are used. Scales are rounded to what f16 can hold, except very small ones.
 *
 * Throws ValueError where I is not a multiple of the group, the group not of the integers in a word, or a weight is not
 * finite.
 * Source: the rounding is that of GGML's Q8_0 and Q4_0, whose scales are f16.
 */
export function quantise(matrix: HostArray, { bits, group = 32 }: QuantiseOptions): QuantisedMatrix {
  const [O, I] = sizes(matrix, bits, group)
  const perWord = 32 / bits
  const packed = new Int32Array((O * I) / perWord)
  const scales = new Float32Array((O * I) / group)
  for (let g = 0; g < scales.length; g++) {
    const scale = scaleOf(matrix, g * group, group, bits)
    scales[g] = scale
    if (scale === 0) continue
    const [low, high] = bits === 4 ? [-8, 7] : [-127, 127]
    for (let i = g * group; i < (g + 1) * group; i++) {
      const q = Math.min(high, Math.max(low, Math.round(getElement(matrix, i) / scale)))
      packed[Math.floor(i / perWord)]! |= (q & (2 ** bits - 1)) << (bits * (i % perWord))
    }
  }
  return {
    bits,
    shape: [O, I],
    packed: { dtype: 'i32', shape: [O, I / perWord], data: packed },
    scales: { dtype: 'f32', shape: [O, I / group], data: scales },
  }
}

/** The numbers f32 [O,I] that a quantised matrix stands for. */
export function dequantised({ bits, shape, packed, scales, offsets }: QuantisedMatrix): HostArray<'f32'> {
  const [O, I] = shape
  const perWord = 32 / bits
  const group = (O * I) / scales.data.length
  const data = new Float32Array(O * I)
  for (let i = 0; i < data.length; i++) {
    const up = 32 - bits * ((i % perWord) + 1)
    const q = (packed.data[Math.floor(i / perWord)]! << up) >> (32 - bits)
    const g = Math.floor(i / group)
    data[i] = Math.fround(q * scales.data[g]!) + (offsets?.data[g] ?? 0)
  }
  return { dtype: 'f32', shape, data }
}

function sizes({ shape }: HostArray, bits: number, group: number): readonly [O: number, I: number] {
  const [O, I] = shape
  if (shape.length !== 2 || group < 1 || I! % group !== 0 || group % (32 / bits) !== 0) {
    throw new ValueError(`quantise: [${shape}] to ${bits} bits in groups of ${group}`, {
      hint: `a matrix [out, in], in a multiple of the group, and the group of ${32 / bits}`,
    })
  }
  return [O!, I!]
}

function scaleOf(matrix: HostArray, begin: number, group: number, bits: number): number {
  let greatest = 0
  for (let i = begin; i < begin + group; i++) {
    const x = getElement(matrix, i)
    if (!Number.isFinite(x)) throw new ValueError(`quantise: weight ${i} of [${matrix.shape}] is ${x}`)
    if (Math.abs(x) > Math.abs(greatest)) greatest = x
  }
  return inF16(bits === 4 ? -greatest / 8 : Math.abs(greatest) / 127)
}

/** The nearest number that f16 has too, where it has it in full precision: such scales can be kept in half the memory. */
function inF16(scale: number): number {
  const magnitude = Math.abs(scale)
  return magnitude >= 2 ** -14 && magnitude <= 65504 ? f16ToNumber(numberToF16(scale)) : Math.fround(scale)
}
