import { getElement, setElement } from '../dtype.ts'
import { definePrim, type PlainPrim } from '../prim.ts'
import { sizeOf } from '../shape.ts'
import { emptyArray, NUMBERS, requireDType } from './common.ts'

type Cumulative = { readonly axis: number; readonly reverse: boolean }

/** Running sum along an axis, from the end if `reverse`. */
export const cumsum = definePrim<PlainPrim<Cumulative>>({
  name: 'cumsum',
  kind: 'cumulative',
  infer([x]) {
    requireDType('cumsum', x!, NUMBERS)
    return [x!]
  },
  evaluate([x], { axis, reverse }, [type]) {
    const out = emptyArray(type!)
    const n = type!.shape[axis]!
    const inner = sizeOf(type!.shape.slice(axis + 1))
    const outer = sizeOf(type!.shape.slice(0, axis))
    for (let p = 0; p < outer; p++) {
      for (let q = 0; q < inner; q++) {
        let total = 0
        for (let k = 0; k < n; k++) {
          const at = (p * n + (reverse ? n - 1 - k : k)) * inner + q
          total += getElement(x!, at)
          setElement(out, at, total)
        }
      }
    }
    return [out]
  },
  vjp: ({ o, cts, attrs: { axis, reverse } }) => [o.cumsum(cts[0]!, axis, !reverse)],
  jvp: ({ o, tangents, attrs: { axis, reverse } }) => [o.cumsum(tangents[0]!, axis, reverse)],
  batch: ({ o, inputs, attrs: { axis, reverse } }) => [o.cumsum(inputs[0]!, axis + 1, reverse)],
})
