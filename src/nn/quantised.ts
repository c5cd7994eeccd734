import type { DType } from '../ir/dtype.ts'
import { add, and, cast, expandDims, iota, mul, reshape, shiftLeft, sub } from '../ir/ops.ts'
import { failShape, formatShape, sameShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'

type Groups = {
  /** [..., I/G] f32 or f16: the factor of each group of G elements that follow each other in a row. */
  readonly scales: Tensor
  /** [..., I/G]: what is added to each of a group; nothing unless given. */
  readonly offsets?: Tensor
}

/**
 * A matrix [..., I] of signed integers with a scale for each group of G: `q * scale + offset`. The integers are packed
 * in i32 words, two's complement, the first in the lowest bits: 8 of 4 bits to a word, or 4 of 8. The field's name says
 * which; G follows from the shapes.
 */
export type QuantisedWeight =
  | (Groups & { /** i32 [..., I/8] */ readonly int4: Tensor })
  | (Groups & { /** i32 [..., I/4] */ readonly int8: Tensor })

/** Each of the tensors of a quantised weight through `f`. */
export function mapQuantised(weight: QuantisedWeight, f: (x: Tensor) => Tensor): QuantisedWeight {
  const groups = { scales: f(weight.scales), ...(weight.offsets ? { offsets: f(weight.offsets) } : {}) }
  return 'int4' in weight ? { int4: f(weight.int4), ...groups } : { int8: f(weight.int8), ...groups }
}

const packing = (weight: QuantisedWeight): { readonly packed: Tensor; readonly bits: number } =>
  'int4' in weight ? { packed: weight.int4, bits: 4 } : { packed: weight.int8, bits: 8 }

/** [O,I]. Throws ShapeError where words, scales and offsets do not fit each other, or are no matrices. */
export function quantisedShape(weight: QuantisedWeight): readonly [O: number, I: number] {
  const shape = fullShape(weight)
  if (shape.length !== 2) failShape(`a quantised weight of ${formatShape(shape)}`, 'weights are matrices [out, in]')
  return [shape[0]!, shape[1]!]
}

function fullShape(weight: QuantisedWeight): readonly number[] {
  const { packed, bits } = packing(weight)
  const { scales, offsets } = weight
  const outer = packed.shape.slice(0, -1)
  const I = (packed.shape.at(-1)! * 32) / bits
  const fits =
    sameShape(scales.shape.slice(0, -1), outer) &&
    I % scales.shape.at(-1)! === 0 &&
    (!offsets || sameShape(offsets.shape, scales.shape))
  if (!fits) {
    const groups = `scales ${formatShape(scales.shape)}${offsets ? ` and offsets ${formatShape(offsets.shape)}` : ''}`
    failShape(
      `a weight of ${bits} bits: words ${formatShape(packed.shape)} with ${groups}`,
      `${32 / bits} integers a word; scales and offsets are [out, groups]`,
    )
  }
  return [...outer, I]
}

/**
 * The numbers [..., I] that a quantised weight stands for, computed in f32. In the dtype of the scales, unless told.
 * As the operand of a product they are computed where they are read, and never stored.
 *
 * Throws ShapeError where words, scales and offsets do not fit each other.
 */
export function dequantise(weight: QuantisedWeight, dtype: DType = weight.scales.dtype): Tensor {
  const shape = fullShape(weight)
  const { packed, bits } = packing(weight)
  const outer = shape.slice(0, -1)
  const I = shape.at(-1)!
  // Each integer is brought to the top of its word, where it has its sign, and is so many times too large. Lanes of
  // vectors can be multiplied by different numbers on every target, and shifted by different distances on few.
  const toTop = shiftLeft(1, sub(32 - bits, mul(iota([32 / bits], 0), bits)))
  const atTop = and(mul(expandDims(packed, -1), toTop), -(2 ** (32 - bits)))
  const groups = weight.scales.shape.at(-1)!
  const integers = mul(cast(reshape(atTop, [...outer, groups, I / groups]), 'f32'), 2 ** (bits - 32))
  const perGroup = (x: Tensor): Tensor => cast(expandDims(x, -1), 'f32')
  const scaled = mul(integers, perGroup(weight.scales))
  return cast(reshape(weight.offsets ? add(scaled, perGroup(weight.offsets)) : scaled, shape), dtype)
}
