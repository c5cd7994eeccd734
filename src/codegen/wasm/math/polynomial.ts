import type { MathContext } from '../module.ts'
import { constF32x4, type Node } from '../node.ts'

/** c0 x^n + c1 x^(n-1) + ... + cn, on f32 lanes, by Horner's scheme. */
export function polynomial(m: MathContext, x: Node, coefficients: readonly number[]): Node {
  return coefficients.slice(1).reduce((sum, c) => m.madd(sum, x, constF32x4(c)), constF32x4(coefficients[0]!))
}
