import { isTensor } from '../../src/ir/tensor.ts'
import { applyUpdates, type Optimizer } from '../../src/train/index.ts'
import { flatten } from '../../src/util/tree.ts'

/** All numbers of a tree of tensors, leaf after leaf. */
export async function numbersOf(tree: unknown): Promise<number[]> {
  const all = await Promise.all(flatten(tree, isTensor).leaves.map((t) => t.read()))
  return all.flatMap((data) => Array.from(data))
}

export const structureOf = (tree: unknown): string => flatten(tree, isTensor).structure

/** The parameters after a step along each of the gradients. */
export function follow<P, S>(optimizer: Optimizer<S>, params: P, gradients: readonly P[]): { params: P; state: S } {
  let at = { params, state: optimizer.init(params) }
  for (const g of gradients) {
    const { updates, state } = optimizer.update(g, at.state, at.params)
    at = { params: applyUpdates(at.params, updates), state }
  }
  return at
}
