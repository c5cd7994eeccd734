import { scanAttrs } from '../../ir/attrs.ts'
import { type Equation, makeGraph, type Value } from '../../ir/graph.ts'
import { full } from '../../ir/prims/constant.ts'
import { range } from '../../ir/shape.ts'
import { type Rewriter, substitute } from '../rewriter.ts'
import { uniformOf } from './rule.ts'

/**
 * A loop with fewer inputs, or itself: consts and xs known to be one number are made constants of the body, where they
 * simplify further, and the body reads one value given twice under one name. Carries stay: they change.
 */
export function leanInputs(e: Equation, to: Rewriter): Equation {
  const attrs = scanAttrs(e)
  const { body, consts, carries } = attrs
  const constants: Equation[] = []
  const renamed = new Map<Value, Value>()
  const kept = range(e.inputs.length).filter((i) => {
    const isConst = i < consts
    if (!isConst && i < consts + carries) return true
    const inner = body.inputs[i]!
    const value = uniformOf(to, e.inputs[i]!)
    if (value !== undefined) {
      constants.push({ prim: full, inputs: [], attrs: { ...inner.type, value }, outputs: [inner], source: e.source })
      return false
    }
    const twin = body.inputs.findIndex(
      (_, k) => k < i && e.inputs[k] === e.inputs[i] && (isConst ? k < consts : k >= consts + carries),
    )
    if (twin >= 0) renamed.set(inner, body.inputs[twin]!)
    return twin < 0
  })
  if (kept.length === e.inputs.length) return e
  const inputs = kept.map((i) => body.inputs[i]!)
  const lean = substitute(makeGraph(body.name, inputs, [...constants, ...body.equations], body.outputs), renamed)
  return {
    ...e,
    inputs: kept.map((i) => e.inputs[i]!),
    attrs: { ...attrs, body: lean, consts: kept.filter((i) => i < consts).length },
  }
}

/** Results of a loop, where two ys that the body gives as one value are one. */
export function sharedResults(e: Equation): readonly Value[] {
  const { body, carries } = scanAttrs(e)
  return e.outputs.map((v, i) => {
    const twin = i < carries ? -1 : body.outputs.indexOf(body.outputs[i]!, carries)
    return twin >= 0 ? e.outputs[twin]! : v
  })
}
