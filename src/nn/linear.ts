import { add, dotGeneral, take } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { type Init, type ParamSpec, param, uniform, zeros } from './param.ts'

/** weight [O,I], as PyTorch stores it, and optionally bias [O]. */
export interface LinearParams {
  readonly weight: Tensor
  readonly bias?: Tensor
}

/**
 * x [..., I] times the transpose of weight [O,I], plus bias [O]: [..., O].
 *
 * Throws ShapeError where I differs.
 */
export function linear(x: Tensor, { weight, bias }: LinearParams): Tensor {
  if (weight.rank !== 2 || x.rank === 0 || x.shape.at(-1) !== weight.shape[1]) {
    failShape(
      `linear: ${formatShape(x.shape)} by a weight of ${formatShape(weight.shape)}`,
      'the weight is [out, in], and the last dimension of x is in',
    )
  }
  const product = dotGeneral(x, weight, { lhsContract: [x.rank - 1], rhsContract: [1] })
  return bias ? add(product, bias) : product
}

/** PyTorch's start for a linear layer of I inputs. */
export const linearInit = (I: number): Init => uniform(1 / Math.sqrt(I))

/** The parameters of a linear layer from I to O without bias. */
export const linearSpec = (I: number, O: number, init: Init = linearInit(I)): { readonly weight: ParamSpec } => ({
  weight: param([O, I], init),
})

/** The parameters of a linear layer from I to O with a bias that starts at 0. */
export const biasedLinearSpec = (I: number, O: number, init: Init = linearInit(I)) => ({
  ...linearSpec(I, O, init),
  bias: param([O], zeros),
})

/** Rows of weight [V,D] for i32 ids [...]: [..., D]. Ids outside 0..V-1 are clamped: check them on the host. */
export const embedding = (ids: Tensor, { weight }: { readonly weight: Tensor }): Tensor => take(weight, ids)
