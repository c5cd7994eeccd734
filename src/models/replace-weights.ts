import { isTensor } from '../ir/tensor.ts'
import type { Weight } from '../nn/weight.ts'
import { ValueError } from '../util/errors.ts'
import { didYouMean } from '../util/suggest.ts'

/** Whether something is a matrix in one of the forms of `Weight`: a leaf of a model's parameters. */
export const isWeight = (x: unknown): x is Weight =>
  isTensor(x) ||
  (typeof x === 'object' && x !== null && ('int4' in x || 'int8' in x || 'parts' in x || ('base' in x && 'down' in x)))

/**
 * Parameters in which `replace` has been applied to the `weight` of each named layer; all others are the same tensors.
 *
 * Throws ValueError for a name that is no layer with a weight.
 */
export function replaceWeights<P, A>(
  params: P,
  byLayer: { readonly [module: string]: A },
  replace: (weight: Weight, argument: A, module: string) => Weight,
): P {
  const layers = new Set<string>()
  const visit = (node: unknown, name: string): unknown => {
    if (typeof node !== 'object' || node === null || isWeight(node)) return node
    const within = (key: string): string => (name === '' ? key : `${name}.${key}`)
    if (Array.isArray(node)) return node.map((child: unknown, i) => visit(child, within(String(i))))
    const children = Object.entries(node).map(([key, child]: [string, unknown]) => [key, visit(child, within(key))])
    if (!('weight' in node) || !isWeight(node.weight)) return Object.fromEntries(children)
    layers.add(name)
    const argument = Object.hasOwn(byLayer, name) ? byLayer[name] : undefined
    if (argument === undefined) return Object.fromEntries(children)
    return { ...Object.fromEntries(children), weight: replace(node.weight, argument, name) }
  }
  const replaced = visit(params, '')
  const unknown = Object.keys(byLayer).filter((name) => !layers.has(name))
  if (unknown.length > 0) {
    const more = unknown.length > 1 ? ` (and ${unknown.length - 1} more)` : ''
    throw new ValueError(`the model has no layer ${unknown[0]}${more}`, { hint: didYouMean(unknown[0]!, layers) })
  }
  // The same nesting, with weights in the place of weights.
  return replaced as P
}
