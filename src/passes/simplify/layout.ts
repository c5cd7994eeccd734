import { numberAttr, numbersAttr } from '../../ir/attrs.ts'
import type { Equation, Value } from '../../ir/graph.ts'
import { constant, contract, cumulative, index, piecewise, reduce, update, view } from '../../ir/prims/index.ts'
import { range, sameShape, sizeOf } from '../../ir/shape.ts'
import type { Rewriter } from '../rewriter.ts'
import { productOfTransposed, transposedProduct } from './product.ts'
import { emitFull, firstOf, producedBy, type Rule, type Rules, uniformOf } from './rule.ts'

const shapeOf = (v: Value): readonly number[] => v.type.shape
const outShape = (e: Equation): readonly number[] => shapeOf(e.outputs[0]!)

/** A view that changes nothing: every axis is read as it stands. By kind, so that it holds for all views. */
export const identityView: Rule = (e) => {
  if (e.prim.kind !== 'view') return null
  const x = e.inputs[0]!
  if (!sameShape(shapeOf(x), outShape(e))) return null
  const maps = e.prim.axisMaps(x.type, e.attrs)
  const plain = maps.every((m, axis) => shapeOf(x)[axis] === 1 || (m.start === 0 && m.step === 1 && m.from === axis))
  return plain ? x : null
}

const transpose: Rule = (e, to) => {
  const inner = producedBy(to, e.inputs[0]!, view.transpose)
  if (!inner) return null
  const first = numbersAttr(inner, 'perm')
  return to.emit(view.transpose, inner.inputs, { perm: numbersAttr(e, 'perm').map((a) => first[a]!) })[0]!
}

const reshape: Rule = (e, to) => {
  const x = e.inputs[0]!
  if (sameShape(shapeOf(x), outShape(e))) return x
  const inner = producedBy(to, x, view.reshape)
  return inner ? to.emit(view.reshape, inner.inputs, { shape: outShape(e) })[0]! : null
}

/** Of broadcasts one after the other, or of one after a reshape that only adds axes of size 1, a single broadcast. */
const broadcast: Rule = (e, to) => {
  const [x] = e.inputs
  const dims = numbersAttr(e, 'dims')
  const inner = producedBy(to, x!, view.broadcast)
  const places = inner ? numbersAttr(inner, 'dims') : addedAxes(producedBy(to, x!, view.reshape))
  const origin = (inner ?? producedBy(to, x!, view.reshape))?.inputs
  return places && origin
    ? to.emit(view.broadcast, origin, { shape: outShape(e), dims: places.map((d) => dims[d]!) })[0]!
    : null
}

/** Where the axes of a reshape's operand went, if the reshape did nothing but put axes of size 1 between them. */
function addedAxes(e: Equation | null): number[] | null {
  if (!e) return null
  const from = shapeOf(e.inputs[0]!)
  const places: number[] = []
  for (const [axis, n] of outShape(e).entries()) {
    if (n === from[places.length] && places.length < from.length) places.push(axis)
    else if (n !== 1) return null
  }
  return places.length === from.length ? places : null
}

const slice: Rule = (e, to) => {
  const [starts, stops, steps] = [numbersAttr(e, 'starts'), numbersAttr(e, 'stops'), numbersAttr(e, 'steps')]
  const inner = producedBy(to, e.inputs[0]!, view.slice)
  if (inner) return sliceOfSlice(e, inner, to)
  const joined = producedBy(to, e.inputs[0]!, piecewise.concat)
  if (!joined) return null
  const axis = numberAttr(joined, 'axis')
  let at = 0
  for (const piece of joined.inputs) {
    const end = at + shapeOf(piece)[axis]!
    if (starts[axis]! >= at && stops[axis]! <= end) {
      const moved = (list: readonly number[]): number[] => list.map((n, a) => (a === axis ? n - at : n))
      return to.emit(view.slice, [piece], { starts: moved(starts), stops: moved(stops), steps })[0]!
    }
    at = end
  }
  return null
}

function sliceOfSlice(e: Equation, inner: Equation, to: Rewriter): Value {
  const [first, stride] = [numbersAttr(inner, 'starts'), numbersAttr(inner, 'steps')]
  const [starts, steps] = [numbersAttr(e, 'starts'), numbersAttr(e, 'steps')]
  const from = starts.map((s, a) => first[a]! + s * stride[a]!)
  const by = steps.map((s, a) => s * stride[a]!)
  // The last element taken lies at start + (n - 1) * step; the stop is just behind it. No result here is empty.
  const stops = outShape(e).map((n, a) => from[a]! + (n - 1) * by[a]! + 1)
  return to.emit(view.slice, inner.inputs, { starts: from, stops, steps: by })[0]!
}

const flip: Rule = (e, to) => {
  const inner = producedBy(to, e.inputs[0]!, view.flip)
  if (!inner) return null
  const [a, b] = [numbersAttr(e, 'axes'), numbersAttr(inner, 'axes')]
  const axes = [...a.filter((x) => !b.includes(x)), ...b.filter((x) => !a.includes(x))].sort((x, y) => x - y)
  return to.emit(view.flip, inner.inputs, { axes })[0]!
}

const pad: Rule = (e) => (sameShape(shapeOf(e.inputs[0]!), outShape(e)) ? e.inputs[0]! : null)

const concat: Rule = (e, to) => {
  const parts = e.inputs.filter((v) => sizeOf(shapeOf(v)) > 0)
  if (parts.length === e.inputs.length && parts.length > 1) return null
  return parts.length === 1 ? parts[0]! : to.emit(piecewise.concat, parts, e.attrs)[0]!
}

/** A fold over axes of size 1 moves elements only; a fold of a fold by the same monoid is one fold. */
const fold: Rule = (e, to) => {
  const [x] = e.inputs
  const axes = numbersAttr(e, 'axes')
  if (axes.every((a) => shapeOf(x!)[a] === 1)) return to.emit(view.reshape, [x!], { shape: outShape(e) })[0]!
  const inner = producedBy(to, x!, e.prim)
  // Where others read the inner fold, it is there already, and smaller than what it folds.
  if (!inner || to.usesOf(x!) > 1) return null
  const before = numbersAttr(inner, 'axes')
  const rest = range(shapeOf(inner.inputs[0]!).length).filter((a) => !before.includes(a))
  const all = [...before, ...axes.map((a) => rest[a]!)].sort((a, b) => a - b)
  return to.emit(e.prim, inner.inputs, { axes: all })[0]!
}

const wholeWindow: Rule = (e) => (sameShape(shapeOf(e.inputs[0]!), outShape(e)) ? e.inputs[0]! : null)
const wholeUpdate: Rule = (e) => (sameShape(shapeOf(e.inputs[1]!), outShape(e)) ? e.inputs[1]! : null)

const onlyIndexZero: Rule = (e, to) =>
  outShape(e)[numberAttr(e, 'axis')]! <= 1 ? emitFull(to, e.outputs[0]!.type, 0) : null

export const layout: Rules = [
  [constant.iota, onlyIndexZero],
  [view.transpose, firstOf(transpose, transposedProduct)],
  [contract.dot, productOfTransposed],
  [view.reshape, reshape],
  [view.broadcast, broadcast],
  [view.slice, slice],
  [view.flip, flip],
  [piecewise.pad, pad],
  [piecewise.concat, concat],
  [reduce.sum, fold],
  [reduce.max, fold],
  [reduce.min, fold],
  [cumulative.cumsum, (e) => (shapeOf(e.inputs[0]!)[numberAttr(e, 'axis')]! <= 1 ? e.inputs[0]! : null)],
  // A window as large as the whole can only start at 0.
  [index.dynamicSlice, wholeWindow],
  [update.dynamicUpdateSlice, wholeUpdate],
  [update.scatterAdd, ({ inputs: [x, , updates] }, to) => (uniformOf(to, updates!) === 0 ? x! : null)],
]
