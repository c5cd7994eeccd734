import { getElement } from '../../ir/dtype.ts'
import type { Equation, TensorType, Value } from '../../ir/graph.ts'
import type { Prim } from '../../ir/prim.ts'
import { full } from '../../ir/prims/constant.ts'
import { hostFromNumbers } from '../../ir/tensor.ts'
import type { Rewriter } from '../rewriter.ts'

/** A value that may stand for the only result of an equation, or null where the rule does not apply. */
export type Rule = (e: Equation, to: Rewriter) => Value | null

export type Rules = readonly (readonly [Prim, Rule])[]

/** The equation that defines v, if it applies this primitive. */
export function producedBy(to: Rewriter, v: Value, prim: Prim): Equation | null {
  const e = to.producer(v)
  return e?.prim === prim ? e : null
}

/** The one number that all elements of v are known to be. */
export function uniformOf(to: Rewriter, v: Value): number | undefined {
  const e = to.producer(v)
  if (e?.prim.kind !== 'constant') return undefined
  const element = e.prim.element(e.attrs)
  return element.kind === 'value' ? rounded(v.type, element.value) : undefined
}

/** As a tensor of that dtype would hold it. */
export const rounded = ({ dtype }: TensorType, x: number): number => getElement(hostFromNumbers(dtype, [1], [x]), 0)

export const emitFull = (to: Rewriter, { dtype, shape }: TensorType, value: number): Value =>
  to.emit(full, [], { dtype, shape, value })[0]!

/** Tries rules in turn. */
export const firstOf =
  (...rules: readonly Rule[]): Rule =>
  (e, to) => {
    for (const rule of rules) {
      const v = rule(e, to)
      if (v) return v
    }
    return null
  }
