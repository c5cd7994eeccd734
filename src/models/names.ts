import { CheckpointError, TraceError } from '../util/errors.ts'

/** A tree whose leaves have dotted names: `layers.0.norm.weight` is layers[0].norm.weight. */
export type NameTree<L> = L | readonly NameTree<L>[] | { readonly [name: string]: NameTree<L> }

/**
 * The leaves of a tree under dotted names, in the tree's order.
 * The inverse of `unflattenNames`. Empty arrays and objects leave no trace.
 *
 * Throws TraceError where something is neither a leaf, an array nor an object.
 */
export function flattenNames<L>(tree: unknown, isLeaf: (x: unknown) => x is L): Map<string, L> {
  const out = new Map<string, L>()
  const visit = (node: unknown, path: readonly string[]): void => {
    if (isLeaf(node)) out.set(path.join('.'), node)
    else if (typeof node === 'object' && node !== null) {
      for (const [name, child] of Object.entries(node)) visit(child, [...path, name])
    } else throw new TraceError(`${path.join('.') || 'the tree'} is ${String(node)}, not a leaf`)
  }
  visit(tree, [])
  return out
}

type Building<L> = Map<string, L | Building<L>>

/**
 * The tree behind dotted names: 'model.layers.0.self_attn.q_proj.weight' goes to
 * {model: {layers: [{self_attn: {q_proj: {weight}}}]}}. Children named 0, 1, ..., n-1 become an array, whatever their
 * order; with a gap among them they stay an object.
 *
 * Throws CheckpointError if one name is a prefix of another (`a` and `a.b`).
 */
export function unflattenNames<L>(leaves: Iterable<readonly [string, L]>): NameTree<L> {
  const root: Building<L> = new Map()
  for (const [name, leaf] of leaves) {
    const parts = name.split('.')
    const last = parts.pop()!
    let node = root
    for (const part of parts) {
      const child = node.get(part) ?? new Map<string, L | Building<L>>()
      if (!(child instanceof Map)) throw nested(name)
      node.set(part, child)
      node = child
    }
    if (node.has(last)) throw nested(name)
    node.set(last, leaf)
  }
  return settle(root)
}

const nested = (name: string): CheckpointError =>
  new CheckpointError(`parameter ${name}: a part of this name, or all of it, is the name of another parameter`)

function settle<L>(node: Building<L>): NameTree<L> {
  const child = (value: L | Building<L>): NameTree<L> => (value instanceof Map ? settle(value) : value)
  const isList = node.size > 0 && [...node.keys()].every((key) => /^(0|[1-9]\d*)$/.test(key) && Number(key) < node.size)
  if (isList) return Array.from({ length: node.size }, (_, i) => child(node.get(String(i))!))
  return Object.fromEntries([...node].map(([name, value]) => [name, child(value)] as const))
}
