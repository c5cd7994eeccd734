import type { SavedType } from '../data/encode-elements.ts'
import type { PendingTensor } from '../data/safetensors-stream.ts'
import type { Tensor } from '../ir/tensor.ts'
import { DTypeError } from '../util/errors.ts'

/** How parameters are stored in a file. */
export type SaveDType = 'f32' | 'f16' | 'bf16'

const STORED: Readonly<Record<SaveDType, SavedType>> = { f32: 'F32', f16: 'F16', bf16: 'BF16' }

/**
 * A parameter to be written, its rows in one tensor or in several: each is copied from its device when its turn comes. It
 * keeps its dtype (that of the first piece) unless another is given. Throws DTypeError for integers.
 */
export function pendingTensor(
  name: string,
  shape: readonly number[],
  pieces: readonly Tensor[],
  dtype?: SaveDType,
): PendingTensor {
  const own = pieces[0]?.dtype ?? 'f32'
  const integers = pieces.find((piece) => piece.dtype !== 'f32' && piece.dtype !== 'f16')
  if (integers || (own !== 'f32' && own !== 'f16')) {
    throw new DTypeError(`saving ${name}: ${integers?.dtype ?? own} is no dtype of parameters`, { hint: 'f32 or f16' })
  }
  return { name, shape, stored: STORED[dtype ?? own], pieces: pieces.map((piece) => () => piece.readHost()) }
}
