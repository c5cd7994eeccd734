import { add, cast, div, full, maximum, mul, sqrt, square, sum } from '../ir/ops.ts'
import { ValueError } from '../util/errors.ts'
import type { Optimizer, Scalar } from './optimizer.ts'
import { leavesOf, mapTree } from './tree-map.ts'

/** Euclidean norm of all elements of a tree together, f32 []. @throws TraceError where something is not a tensor. */
export function globalNorm(tree: unknown): Scalar {
  const squares = leavesOf(tree).map((x): Scalar => sum(square(cast(x, 'f32'))))
  return sqrt(squares.reduce((a, b) => add(a, b), full([], 0)))
}

/** The tree, scaled down to norm `max` if its `norm` is greater; unchanged, bit for bit, if it is not. */
export function clipTo<T>(tree: T, norm: Scalar, max: number): T {
  // max / max is exactly 1, and nothing divides by a norm of 0.
  const factor = div(max, maximum(norm, max))
  return mapTree((x) => cast(mul(cast(x, 'f32'), factor), x.dtype), tree)
}

/**
 * Gradients scaled down together where their global norm is above `max`. Source: Pascanu et al., arXiv:1211.5063.
 * @throws ValueError unless `max` is a positive number.
 */
export function clipByGlobalNorm(max: number): Optimizer<Record<string, never>> {
  checkMax('clipByGlobalNorm', max)
  return {
    init: () => ({}),
    update: (grads, state) => ({ updates: clipTo(grads, globalNorm(grads), max), state }),
  }
}

/** @throws ValueError unless `max` is a positive number. */
export function checkMax(what: string, max: number): void {
  if (!(max > 0 && Number.isFinite(max))) {
    throw new ValueError(`${what}: the greatest norm is ${max}`, { hint: 'it must be a positive number, such as 1' })
  }
}
