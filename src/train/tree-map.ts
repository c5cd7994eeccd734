import { isTensor, type Tensor } from '../ir/tensor.ts'
import { TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import { type Flat, flatten } from '../util/tree.ts'

/** Nested plain objects and arrays of tensors, where the nesting itself is not known to the type. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [key: string]: TensorTree }

/** One tensor from each of several trees. */
type LeavesOf<R extends readonly unknown[]> = { readonly [I in keyof R]: Tensor }

/**
 * `f` of the leaves that stand at the same place in every tree; a tree of the structure of the first.
 *
 * @throws TraceError where something is not a tensor, or the trees differ in structure; the message names the paths.
 */
export function mapTree<T, R extends readonly unknown[]>(
  f: (leaf: Tensor, ...others: LeavesOf<R>) => Tensor,
  tree: T,
  ...others: R
): T {
  return mapTreeWithPath((_, leaf, ...rest) => f(leaf, ...rest), tree, ...others)
}

/** `mapTree`, with the path of the leaves, such as `layers[0].norm.weight`, as the first argument of `f`. */
export function mapTreeWithPath<T, R extends readonly unknown[]>(
  f: (path: string, leaf: Tensor, ...others: LeavesOf<R>) => Tensor,
  tree: T,
  ...others: R
): T {
  const first = flatten(tree, isTensor, 'mapTree: a leaf')
  const rest = others.map((other, i) => matching(first, other, i + 2))
  const mapped = first.leaves.map((leaf, i) => {
    // One leaf for each of `others`, which is what the type says.
    const along = rest.map((flat) => flat.leaves[i]) as unknown as LeavesOf<R>
    return f(first.paths[i]!, leaf, ...along)
  })
  return first.rebuild(mapped) as T
}

/** The same tree, its leaves known to be tensors. @throws TraceError where one is not; the message names its path. */
export function tensorTree(tree: unknown): TensorTree {
  flatten(tree, isTensor, 'tree: a leaf')
  return tree as TensorTree
}

/** The leaves of a tree of tensors, in its order. @throws TraceError where something is not a tensor. */
export const leavesOf = (tree: unknown): Tensor[] => flatten(tree, isTensor, 'tree: a leaf').leaves

function matching(first: Flat<Tensor>, tree: unknown, position: number): Flat<Tensor> {
  const flat = flatten(tree, isTensor, `mapTree: a leaf of tree ${position}`)
  if (flat.structure === first.structure) return flat
  throw new TraceError(`mapTree: tree ${position} differs in structure from the first`, {
    at: userLocation(),
    hint: difference(first.paths, flat.paths),
  })
}

function difference(expected: readonly string[], got: readonly string[]): string {
  const list = (paths: readonly string[]): string => paths.slice(0, 5).join(', ') + (paths.length > 5 ? ', ...' : '')
  const missing = expected.filter((p) => !got.includes(p))
  const extra = got.filter((p) => !expected.includes(p))
  const parts = [
    ...(missing.length > 0 ? [`it lacks ${list(missing)}`] : []),
    ...(extra.length > 0 ? [`only it has ${list(extra)}`] : []),
  ]
  return parts.length > 0 ? parts.join('; ') : 'both have the same leaves: give the keys in the same order'
}
