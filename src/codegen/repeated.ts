import type { Equation } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'

/**
 * How often a broadcast repeats each element of its input in a row: then the number of the row is that of the element.
 * Undefined for views of other kinds.
 */
export function timesRepeated(e: Equation): number | undefined {
  if (e.prim.kind !== 'view') return undefined
  const input = e.inputs[0]!.type
  const out = e.outputs[0]!.type.shape
  let behind = 0
  for (const [axis, m] of e.prim.axisMaps(input, e.attrs).entries()) {
    const size = input.shape[axis]!
    if (size === 1) continue
    // In order, whole, and leaving out none of the leading axes.
    if (m.from === null || m.start !== 0 || m.step !== 1 || out[m.from] !== size) return undefined
    if (out.slice(behind, m.from).some((n) => n !== 1)) return undefined
    behind = m.from + 1
  }
  return sizeOf(out.slice(behind))
}
