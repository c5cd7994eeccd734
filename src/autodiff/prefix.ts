import { isTensor, type Tensor } from '../ir/tensor.ts'
import { TraceError } from '../util/errors.ts'
import { userLocation } from '../util/source.ts'
import { flatten } from '../util/tree.ts'

/** Axes for a tree of tensors: one for all of it, or a tree of axes whose leaves may stand for whole subtrees. */
export type AxesPrefix = number | null | readonly AxesPrefix[] | { readonly [key: string]: AxesPrefix }

/**
 * The axis for each leaf of a tree, in the order of `flatten`.
 * @throws TraceError where the prefix names children that the tree does not have, or lacks some.
 */
export function spreadAxes(what: string, prefix: AxesPrefix, tree: unknown, path = ''): (number | null)[] {
  if (typeof prefix === 'number' || prefix === null) return flatten(tree, isTensor).leaves.map(() => prefix)
  const at = path ? ` at ${path}` : ''
  const fail = (expected: string): never => {
    throw new TraceError(`${what}${at}: ${JSON.stringify(prefix)} does not fit ${expected}`, {
      at: userLocation(),
      hint: 'give one axis (or null) for all, or a tree of axes that begins like the tree of tensors',
    })
  }
  if (isTensor(tree) || typeof tree !== 'object' || tree === null) return fail('one tensor')
  const children = Object.entries(tree)
  const axes = new Map<string, AxesPrefix>(Object.entries(prefix))
  const sameKind = Array.isArray(prefix) === Array.isArray(tree)
  if (!sameKind || axes.size !== children.length || children.some(([key]) => !axes.has(key))) {
    fail(`${Array.isArray(tree) ? 'an array' : 'an object'} with ${children.map(([key]) => key).join(', ')}`)
  }
  return children.flatMap(([key, child]) =>
    spreadAxes(what, axes.get(key)!, child, Array.isArray(tree) ? `${path}[${key}]` : path ? `${path}.${key}` : key),
  )
}

/** The common size of the batch. @throws TraceError where none is given, or two leaves disagree. */
export function batchSize(
  what: string,
  leaves: readonly Tensor[],
  axes: readonly (number | null)[],
  paths: readonly string[],
): number {
  let found: { size: number; path: string } | undefined
  leaves.forEach((t, i) => {
    const axis = axes[i]!
    if (axis === null) return
    const size = t.shape[axis < 0 ? axis + t.rank : axis]
    if (size === undefined) {
      throw new TraceError(`${what}: argument${paths[i]} has rank ${t.rank} and no axis ${axis}`, {
        at: userLocation(),
        hint: 'give the axis of the batch in inAxes, or null for what all elements share',
      })
    }
    if (found && found.size !== size) {
      throw new TraceError(
        `${what}: argument${found.path} has a batch of ${found.size}, argument${paths[i]} one of ${size}`,
        { at: userLocation(), hint: 'all batched arguments must have the same size along their batch axis' },
      )
    }
    found ??= { size, path: paths[i]! }
  })
  if (found) return found.size
  throw new TraceError(`${what}: no argument is batched`, {
    at: userLocation(),
    hint: 'give an axis in inAxes for at least one argument',
  })
}
