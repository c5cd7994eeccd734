import { cast, expandDims, ge, reshape, take, where } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'

/**
 * Token embeddings [B,T,D] with image features [N,P,D] put where i32 `imageSlot` [B,T] says: row s of the features'
 * [N*P,D] at slot s, the token's own embedding at -1. `layOut` makes the slots. Without images every position keeps
 * its token.
 *
 * Throws ShapeError where the features are not of the embeddings' width.
 */
export function splice(tokens: Tensor, features: Tensor | undefined, imageSlot: Tensor): Tensor {
  if (!features || features.shape[0] === 0) return tokens
  const [N, P, D] = features.shape
  if (features.rank !== 3 || D !== tokens.shape[2]) {
    failShape(
      `splice: features ${formatShape(features.shape)} into embeddings ${formatShape(tokens.shape)}`,
      'features are [images, tokens per image, embedding width]: project them first',
    )
  }
  const rows = cast(take(reshape(features, [N! * P!, D!]), imageSlot), tokens.dtype)
  return where(expandDims(ge(imageSlot, 0), -1), rows, tokens)
}
