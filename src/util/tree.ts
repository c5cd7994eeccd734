import { TraceError } from './errors.ts'

/**
 * Trees: nested plain objects and arrays whose leaves are tensors (or specs). Parameters, optimiser state and
 * KV caches are trees; every transformation maps over them.
 */
export interface Flat<L> {
  readonly leaves: L[]
  /** Path of each leaf, such as `layers[0].w`. */
  readonly paths: string[]
  /** Rebuilds a tree of the same structure around other leaves. */
  rebuild(leaves: readonly unknown[]): unknown
  /** Equal strings mean equal structure. */
  readonly structure: string
}

/**
 * Flattens a tree, object keys in the order of their insertion.
 * @throws TraceError where something is neither a leaf, an array, nor a plain object; the message names its path.
 */
export function flatten<L>(tree: unknown, isLeaf: (x: unknown) => x is L, what = 'value'): Flat<L> {
  const leaves: L[] = []
  const paths: string[] = []
  const structure: string[] = []
  const visit = (node: unknown, path: string): void => {
    if (isLeaf(node)) {
      leaves.push(node)
      paths.push(path)
      structure.push('*')
    } else if (Array.isArray(node)) {
      structure.push('[')
      node.forEach((child, i) => visit(child, `${path}[${i}]`))
      structure.push(']')
    } else if (isPlainObject(node)) {
      structure.push('{')
      for (const [key, child] of Object.entries(node)) {
        structure.push(`${JSON.stringify(key)}:`)
        visit(child, path === '' ? key : `${path}.${key}`)
      }
      structure.push('}')
    } else {
      throw new TraceError(`${what}${path ? ` at ${path}` : ''} is ${describe(node)}, not a tensor`, {
        hint: 'trees are nested arrays and plain objects of tensors; wrap numbers with tensor(...)',
      })
    }
  }
  visit(tree, '')
  return {
    leaves,
    paths,
    structure: structure.join(''),
    rebuild(replacements) {
      let next = 0
      return mapStructure(tree, isLeaf, () => replacements[next++])
    },
  }
}

function mapStructure<L>(node: unknown, isLeaf: (x: unknown) => x is L, f: (leaf: L) => unknown): unknown {
  if (isLeaf(node)) return f(node)
  if (Array.isArray(node)) return node.map((child) => mapStructure(child, isLeaf, f))
  return Object.fromEntries(
    Object.entries(node as object).map(([k, child]) => [k, mapStructure(child, isLeaf, f)] as const),
  )
}

function isPlainObject(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null) return false
  const proto: unknown = Object.getPrototypeOf(x)
  return proto === Object.prototype || proto === null
}

function describe(x: unknown): string {
  if (x === null || x === undefined) return String(x)
  if (typeof x === 'object') return `a ${x.constructor?.name ?? 'object'}`
  return `the ${typeof x} ${String(x).slice(0, 40)}`
}
