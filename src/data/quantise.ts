import { f16ToNumber, getElement, type HostArray, numberToF16 } from '../ir/dtype.ts'
import { ValueError } from '../util/errors.ts'
import type { QuantisedMatrix } from './tensor-source.ts'

export interface QuantiseOptions {
  readonly bits: 4 | 8
  /** Weights that share a scale, 32 unless said. */
  readonly group?: number
  /**
   * `range`, unless said: no weight is cut off. `fitted`: of some scales about that one, and of those that fit their
   * integers best, the one of least squared error; takes some twenty times as long.
   */
  readonly scales?: 'range' | 'fitted'
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
export function quantise(matrix: HostArray, options: QuantiseOptions): QuantisedMatrix {
  const { bits, group = 32, scales: choice = 'range' } = options
  const [O, I] = sizes(matrix, bits, group)
  const perWord = 32 / bits
  const packed = new Int32Array((O * I) / perWord)
  const scales = new Float32Array((O * I) / group)
  const weights = new Float32Array(group)
  for (let g = 0; g < scales.length; g++) {
    readGroup(matrix, g * group, weights)
    const scale = choice === 'fitted' ? fittedScale(weights, bits) : scaleOf(weights, bits)
    scales[g] = scale
    if (scale !== 0) packGroup(weights, scale, bits, packed, (g * group) / perWord)
  }
  return {
    bits,
    shape: [O, I],
    packed: { dtype: 'i32', shape: [O, I / perWord], data: packed },
    scales: { dtype: 'f32', shape: [O, I / group], data: scales },
  }
}

/** How far a quantised matrix is from the one [O,I] that it stands for. */
export interface QuantisationError {
  /** The root of the mean squared difference, over that of the mean square of the matrix. */
  readonly relative: number
  /** The largest difference. */
  readonly greatest: number
}

/** Throws ValueError where the shapes differ. */
export function quantisationError(matrix: HostArray, quantised: QuantisedMatrix): QuantisationError {
  const [O, I] = quantised.shape
  if (matrix.shape.length !== 2 || matrix.shape[0] !== O || matrix.shape[1] !== I) {
    throw new ValueError(`quantisationError: [${matrix.shape}] and a quantised matrix [${quantised.shape}]`)
  }
  let [squares, differences, greatest] = [0, 0, 0]
  dequantised(quantised).data.forEach((q, i) => {
    const x = getElement(matrix, i)
    squares += x * x
    differences += (x - q) ** 2
    greatest = Math.max(greatest, Math.abs(x - q))
  })
  return { relative: differences === 0 ? 0 : Math.sqrt(differences / squares), greatest }
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

/** Rounds a group to integers and writes them to the words from `word` on. */
function packGroup(weights: Float32Array, scale: number, bits: number, packed: Int32Array, word: number): void {
  const mask = 2 ** bits - 1
  for (let i = 0; i < weights.length; word++) {
    let integers = 0
    for (let shift = 0; shift < 32; shift += bits, i++) {
      integers |= (rounded(weights[i]!, scale, bits) & mask) << shift
    }
    packed[word] = integers
  }
}

function readGroup(matrix: HostArray, begin: number, weights: Float32Array): void {
  // Billions of weights come this way, mostly f32: read without asking each for its type.
  const floats = matrix.dtype === 'f32' ? matrix.data : undefined
  for (let i = 0; i < weights.length; i++) {
    const x = floats ? floats[begin + i]! : getElement(matrix, begin + i)
    if (!Number.isFinite(x)) throw new ValueError(`quantise: weight ${begin + i} of [${matrix.shape}] is ${x}`)
    weights[i] = x
  }
}

function scaleOf(weights: Float32Array, bits: number): number {
  let greatest = 0
  for (let i = 0; i < weights.length; i++) if (Math.abs(weights[i]!) > Math.abs(greatest)) greatest = weights[i]!
  return inF16(bits === 4 ? -greatest / 8 : Math.abs(greatest) / 127)
}

/** The nearest number that f16 has too, where it has it in full precision: such scales can be kept in half the memory. */
function inF16(scale: number): number {
  const magnitude = Math.abs(scale)
  return magnitude >= 2 ** -14 && magnitude <= 65504 ? f16ToNumber(numberToF16(scale)) : Math.fround(scale)
}

function rounded(x: number, scale: number, bits: number): number {
  const q = Math.floor(x / scale + 0.5)
  const high = bits === 4 ? 7 : 127
  const low = bits === 4 ? -8 : -127
  return q > high ? high : q < low ? low : q
}

/** Scales that are tried, relative to the one that cuts off nothing: smaller ones cut off the outermost weights. */
const TRIED = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 1.06, 1.13]

function fittedScale(weights: Float32Array, bits: number): number {
  const whole = scaleOf(weights, bits)
  if (whole === 0) return 0
  const candidates = TRIED.flatMap((times) => {
    const scale = inF16(times * whole)
    return [scale, bestFor(weights, scale, bits)]
  })
  const errors = candidates.map((scale) => squaredError(weights, scale, bits))
  return candidates[errors.indexOf(Math.min(...errors))]!
}

/** The scale of least squared error for the integers that another one gives. */
function bestFor(weights: Float32Array, scale: number, bits: number): number {
  let [products, squares] = [0, 0]
  for (const x of weights) {
    const q = rounded(x, scale, bits)
    products += x * q
    squares += q * q
  }
  return squares === 0 ? scale : inF16(products / squares)
}

function squaredError(weights: Float32Array, scale: number, bits: number): number {
  if (scale === 0) return Number.POSITIVE_INFINITY
  return weights.reduce((sum, x) => sum + (x - scale * rounded(x, scale, bits)) ** 2, 0)
}
