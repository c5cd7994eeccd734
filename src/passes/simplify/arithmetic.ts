import { type DType, isFloat } from '../../ir/dtype.ts'
import type { Equation, Value } from '../../ir/graph.ts'
import type { Prim } from '../../ir/prim.ts'
import { binary, unary } from '../../ir/prims/index.ts'
import type { Rewriter } from '../rewriter.ts'
import { emitFull, producedBy, type Rule, type Rules, uniformOf } from './rule.ts'

/**
 * Algebra that holds for every float but the sign of a zero: no rule drops a NaN or an infinity, and none reorders a
 * sum. So 0 * x stays (it is NaN where x is not finite), except for integers.
 */

const same = (a: Value | undefined, b: Value | undefined): boolean => a === b
const apply = (to: Rewriter, prim: Prim, ...inputs: Value[]): Value => to.emit(prim, inputs)[0]!
const inside = (to: Rewriter, v: Value, prim: Prim): Value | undefined => producedBy(to, v, prim)?.inputs[0]
const floats = (e: Equation): boolean => isFloat(e.outputs[0]!.type.dtype)

/** A rule of a commutative primitive, tried on the operands in both orders, c being known to be uniform. */
const commutative =
  (rule: (x: Value, c: number, constant: Value, e: Equation, to: Rewriter) => Value | null): Rule =>
  (e, to) => {
    for (const [x, y] of [e.inputs, e.inputs.toReversed()]) {
      const c = uniformOf(to, y!)
      const v = c === undefined ? null : rule(x!, c, y!, e, to)
      if (v) return v
    }
    return null
  }

const neutral = (n: number): Rule => commutative((x, c) => (c === n ? x : null))
const idempotent: Rule = ({ inputs: [a, b] }) => (same(a, b) ? a! : null)

const negated: Rule = ({ inputs: [a, b] }, to) => {
  const minusB = inside(to, b!, unary.neg)
  if (minusB) return apply(to, binary.sub, a!, minusB)
  const minusA = inside(to, a!, unary.neg)
  return minusA ? apply(to, binary.sub, b!, minusA) : null
}

const add: Rule = (e, to) => neutral(0)(e, to) ?? negated(e, to)

const sub: Rule = ({ inputs: [a, b] }, to) => {
  if (uniformOf(to, b!) === 0) return a!
  if (uniformOf(to, a!) === 0) return apply(to, unary.neg, b!)
  const minusB = inside(to, b!, unary.neg)
  return minusB ? apply(to, binary.add, a!, minusB) : null
}

const mul: Rule = (e, to) => {
  const scaled = commutative((x, c, constant) => {
    if (c === 1) return x
    if (c === -1) return apply(to, unary.neg, x)
    return c === 0 && !floats(e) ? constant : null
  })(e, to)
  return scaled ?? bothNegated(e, to)
}

const bothNegated: Rule = (e, to) => {
  const [a, b] = e.inputs.map((v) => inside(to, v, unary.neg))
  return a && b ? apply(to, e.prim, a, b) : null
}

const div: Rule = (e, to) => (uniformOf(to, e.inputs[1]!) === 1 ? e.inputs[0]! : bothNegated(e, to))

const pow: Rule = (e, to) => {
  const [x, exponent] = e.inputs
  switch (uniformOf(to, exponent!)) {
    case 0:
      return emitFull(to, e.outputs[0]!.type, 1)
    case 1:
      return x!
    case 2:
      return apply(to, binary.mul, x!, x!)
    case -1:
      return apply(to, binary.div, emitFull(to, e.outputs[0]!.type, 1), x!)
    default:
      return null
  }
}

const neg: Rule = ({ inputs: [x] }, to) => {
  const difference = producedBy(to, x!, binary.sub)
  if (difference) return apply(to, binary.sub, difference.inputs[1]!, difference.inputs[0]!)
  return inside(to, x!, unary.neg) ?? null
}

const abs: Rule = ({ inputs: [x] }, to) => {
  if (producedBy(to, x!, unary.abs)) return x!
  const minus = inside(to, x!, unary.neg)
  return minus ? apply(to, unary.abs, minus) : null
}

/** `absorbing` gives the result whatever the other operand is; `neutralElement` gives the other operand. */
const bitwise = (neutralElement: (d: DType) => number, absorbing: (d: DType) => number): Rule => {
  const constants = commutative((x, c, constant) => {
    const d = x.type.dtype
    return c === neutralElement(d) ? x : c === absorbing(d) ? constant : null
  })
  return (e, to) => idempotent(e, to) ?? constants(e, to)
}
const allOnes = (d: DType): number => (d === 'bool' ? 1 : d === 'u32' ? 4294967295 : -1)
const noOnes = (): number => 0

const extremum = (neutralFloat: number): Rule => {
  const constants = commutative((x, c, _constant, e) => (c === neutralFloat && floats(e) ? x : null))
  return (e, to) => idempotent(e, to) ?? constants(e, to)
}

const select: Rule = ({ inputs: [condition, a, b] }, to) => {
  const known = uniformOf(to, condition!)
  if (known !== undefined) return known === 0 ? b! : a!
  if (same(a, b)) return a!
  const opposite = inside(to, condition!, unary.not)
  return opposite ? apply(to, binary.select, opposite, b!, a!) : null
}

/** True where every value of one dtype is a value of the other. */
const keepsAll = (from: DType, to: DType): boolean => from === to || from === 'bool' || (from === 'f16' && to === 'f32')

const cast: Rule = (e, to) => {
  const [x] = e.inputs
  const { dtype } = e.outputs[0]!.type
  if (x!.type.dtype === dtype) return x!
  const origin = inside(to, x!, unary.cast)
  if (!origin || !keepsAll(origin.type.dtype, x!.type.dtype)) return null
  return origin.type.dtype === dtype ? origin : to.emit(unary.cast, [origin], { dtype })[0]!
}

const shiftByZero: Rule = ({ inputs: [x, distance] }, to) => (uniformOf(to, distance!) === 0 ? x! : null)

export const arithmetic: Rules = [
  [binary.add, add],
  [binary.sub, sub],
  [binary.mul, mul],
  [binary.div, div],
  [binary.pow, pow],
  [binary.maximum, extremum(-Infinity)],
  [binary.minimum, extremum(Infinity)],
  [binary.and, bitwise(allOnes, noOnes)],
  [binary.or, bitwise(noOnes, allOnes)],
  [binary.xor, neutral(0)],
  [binary.shiftLeft, shiftByZero],
  [binary.shiftRight, shiftByZero],
  [binary.select, select],
  [unary.neg, neg],
  [unary.abs, abs],
  [unary.not, ({ inputs: [x] }, to) => inside(to, x!, unary.not) ?? null],
  [unary.cast, cast],
  // Differentiation is over when passes run.
  [unary.stopGradient, ({ inputs: [x] }) => x!],
]
