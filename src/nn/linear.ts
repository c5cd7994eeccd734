import { add } from '../ir/ops.ts'
import { failShape, formatShape } from '../ir/shape.ts'
import type { Tensor } from '../ir/tensor.ts'
import { type Init, type MatrixSpec, matrix, param, uniform, zeros } from './param.ts'
import { multiply, rows, type Weight, weightShape } from './weight.ts'

/** weight [O,I], as PyTorch stores it, and optionally bias [O]. */
export interface LinearParams {
  readonly weight: Weight
  readonly bias?: Tensor
}

/**
 * x [..., I] times the transpose of weight [O,I], plus bias [O]: [..., O], in x's dtype.
 *
 * Throws ShapeError where I differs.
 */
export function linear(x: Tensor, { weight, bias }: LinearParams): Tensor {
  const [, I] = weightShape(weight)
  if (x.rank === 0 || x.shape.at(-1) !== I) {
    failShape(
      `linear: ${formatShape(x.shape)} by a weight of ${formatShape(weightShape(weight))}`,
      'the weight is [out, in], and the last dimension of x is in',
    )
  }
  const product = multiply(x, weight)
  return bias ? add(product, bias) : product
}

/** PyTorch's start for a linear layer of I inputs. */
export const linearInit = (I: number): Init => uniform(1 / Math.sqrt(I))

/** The parameters of a linear layer from I to O without bias. */
export const linearSpec = (I: number, O: number, init: Init = linearInit(I)): { readonly weight: MatrixSpec } => ({
  weight: matrix(O, I, init),
})

/** The parameters of a linear layer from I to O with a bias that starts at 0. */
export const biasedLinearSpec = (I: number, O: number, init: Init = linearInit(I)) => ({
  ...linearSpec(I, O, init),
  bias: param([O], zeros),
})

/** Rows of weight [V,D] for i32 ids [...]: [..., D]. Ids outside 0..V-1 are clamped: check them on the host. */
export const embedding = (ids: Tensor, { weight }: { readonly weight: Weight }): Tensor => rows(weight, ids)
