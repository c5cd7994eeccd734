import { slice } from '../ir/ops.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { mapQuantised } from './quantised.ts'
import { type Weight, weightShape } from './weight.ts'

/**
 * The rows of a weight [O,I] from `from` up to, not including, `to`: [to-from,I], in the form that the weight has. For
 * several matrices that a checkpoint holds as one.
 */
export function weightRows(weight: Weight, from: number, to: number): Weight {
  const cut = (x: Tensor): Tensor => slice(x, [from, 0], [to, x.shape[1]!])
  if (isTensor(weight)) return cut(weight)
  if ('base' in weight) return { ...weight, base: weightRows(weight.base, from, to), up: cut(weight.up) }
  if ('parts' in weight) return { parts: partsBetween(weight.parts, from, to) }
  return mapQuantised(weight, cut)
}

/** What each piece has of the rows, of those that have any. */
function partsBetween(parts: readonly Weight[], from: number, to: number): Weight[] {
  let begin = 0
  return parts.flatMap((part) => {
    const [rows] = weightShape(part)
    const [low, high] = [Math.max(from - begin, 0), Math.min(to - begin, rows)]
    begin += rows
    return low < high ? [weightRows(part, low, high)] : []
  })
}
