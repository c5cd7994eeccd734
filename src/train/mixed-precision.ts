import type { FloatDType } from '../ir/dtype.ts'
import { cast } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { isPair, type LossResult } from './loss.ts'
import { mapTree } from './tree-map.ts'

export interface MixedPrecisionOptions {
  /** What is computed in; f16 unless said. */
  readonly dtype?: FloatDType
}

/**
 * A loss function that computes in f16: all f32 tensors among its arguments, the batch's too, are cast before it sees
 * them, and the loss is f32. Its gradients with respect to the parameters are in the parameters' own dtype, so that an
 * optimiser keeps f32 parameters (the "master weights") and state. Where a loss needs f32 it casts back itself, as the
 * losses and norms of weft do. The gradients of f16 need `lossScaling`; see `scaledTrainStep`.
 *
 * A device without f16 throws UnsupportedError when the function is compiled for it.
 * Source: Micikevicius et al., Mixed Precision Training (arXiv:1710.03740), section 3.1.
 */
export function mixedPrecision<A extends readonly unknown[], R extends LossResult<unknown>>(
  lossFn: (...args: A) => R,
  { dtype = 'f16' }: MixedPrecisionOptions = {},
): (...args: A) => R {
  const narrow = <T>(tree: T): T => mapTree((x) => (x.dtype === 'f32' ? cast(x, dtype) : x), tree)
  return (...args) => {
    // A tree keeps its structure, and so the tuple its type.
    const result: LossResult<unknown> = lossFn(...(args.map(narrow) as unknown as A))
    const wide = (loss: Tensor): Tensor => cast(loss, 'f32')
    return (isPair(result) ? [wide(result[0]), result[1]] : wide(result)) as R
  }
}
