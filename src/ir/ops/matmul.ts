import type { DType } from '../dtype.ts'
import type { DotAxes } from '../ops-interface.ts'
import { failDType } from '../prims/common.ts'
import { rawOps as o } from '../raw-ops.ts'
import { failShape, formatShape, range } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import { contractPair, type Labelled, reorder } from './contract-pair.ts'
import type { FloatOnly } from './dtype-rules.ts'
import type { MatmulCheck, MatmulShape } from './matmul-types.ts'
import { requireFloat } from './require.ts'

/**
 * a [...B, M, K], b [...B, K, N] -> [...B, M, N]: matrix product as NumPy has it, the leading axes broadcast. A vector
 * on the left is a row, on the right a column, and its axis vanishes from the result. One `dot` equation: an axis that
 * only one operand has is a free axis of the product and is not copied.
 * @throws ShapeError where inner dimensions differ or leading ones do not broadcast, or for a scalar; DTypeError for
 * integers.
 */
export function matmul<A extends Shape, DA extends DType, B extends Shape, DB extends DType>(
  a: Tensor<A, DA> & FloatOnly<'matmul'>[DA],
  b: Tensor<B, DB> & MatmulCheck<A, DA, B, DB>,
): Tensor<MatmulShape<A, B>, DA & DB>
export function matmul(a: Tensor, b: Tensor): Tensor {
  requireFloat('matmul', a)
  requireFloat('matmul', b)
  const both = `${formatShape(a.shape)} x ${formatShape(b.shape)}`
  if (a.dtype !== b.dtype) {
    failDType(
      `matmul: operands differ in dtype: ${a.dtype}${formatShape(a.shape)} x ${b.dtype}${formatShape(b.shape)}`,
      'cast one of them',
    )
  }
  if (a.rank === 0 || b.rank === 0) failShape(`matmul: ${both}`, 'a scalar is no matrix; use mul')
  const k = a.shape.at(-1)
  if (k !== b.shape.at(b.rank === 1 ? 0 : -2)) {
    failShape(
      `matmul: inner dimensions differ: ${both}`,
      `the left operand's last dimension (${k}) must equal the right's ${b.rank === 1 ? 'only one' : 'second-to-last'} ` +
        `(${b.shape.at(b.rank === 1 ? 0 : -2)})`,
    )
  }
  const leading = leadingShape(a.shape.slice(0, -2), b.shape.slice(0, -2), both)
  const names = leading.map((_, i) => `batch${i}`)
  const left = dropBroadcast(a, names, leading, a.rank === 1 ? ['k'] : ['m', 'k'])
  const right = dropBroadcast(b, names, leading, b.rank === 1 ? ['k'] : ['k', 'n'])
  const free = [...(a.rank === 1 ? [] : ['m']), ...(b.rank === 1 ? [] : ['n'])]
  const out = contractPair(left, right, new Set([...names, ...free]))
  const present = [...names.filter((name) => out.labels.includes(name)), ...free]
  const ordered = reorder(out, present)
  return o.reshape(ordered, [...leading, ...ordered.shape.slice(ordered.rank - free.length)])
}

/** NumPy broadcasting of the leading axes; `both` shows the whole shapes. */
function leadingShape(a: readonly number[], b: readonly number[], both: string): number[] {
  const rank = Math.max(a.length, b.length)
  return range(rank).map((i) => {
    const x = a[i - rank + a.length] ?? 1
    const y = b[i - rank + b.length] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      failShape(`matmul: leading dimensions do not broadcast: ${both}`, `${x} and ${y} differ and neither is 1`)
    }
    return x === 1 ? y : x
  })
}

/** The operand without leading axes of size 1, which the other operand's or nothing stands for. */
function dropBroadcast(x: Tensor, names: readonly string[], leading: readonly number[], inner: string[]): Labelled {
  const count = x.rank - inner.length
  const own = names.slice(names.length - count)
  const sizes = leading.slice(leading.length - count)
  const dropped = own.flatMap((_, i) => (x.shape[i] === 1 && sizes[i] !== 1 ? [i] : []))
  return { x: o.squeeze(x, dropped), labels: [...own.filter((_, i) => !dropped.includes(i)), ...inner] }
}

/**
 * a [...B, ...K, ...M], b [...B, ...K, ...N], each in any order -> [...B, ...M, ...N]: product over the named axes, summed
 * over the contracted ones. The general form of `matmul`; axes count from 0.
 * @throws ShapeError where the named axes do not agree pairwise; DTypeError for integers.
 */
export function dotGeneral<DA extends DType, DB extends DType>(
  a: Tensor<Shape, DA> & FloatOnly<'dotGeneral'>[DA],
  b: Tensor<Shape, DB> & FloatOnly<'dotGeneral'>[DB],
  axes: Partial<DotAxes>,
): Tensor<Shape, DA & DB>
export function dotGeneral(a: Tensor, b: Tensor, axes: Partial<DotAxes>): Tensor {
  return o.dot(a, b, { lhsContract: [], rhsContract: [], lhsBatch: [], rhsBatch: [], ...axes })
}
