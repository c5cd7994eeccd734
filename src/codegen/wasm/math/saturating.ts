import { f32x4, v128 } from '../instructions.ts'
import type { Helper, MathContext } from '../module.ts'
import { constF32x4, constI32x4, type Node } from '../node.ts'
import { exp } from './exp-log.ts'
import { polynomial } from './polynomial.ts'

/** Functions that level off: sigmoid, tanh, erf. */

const SIGN = -0x80000000

/** 1 / (1 + e^-x) on f32 lanes within 4 units in the last place; 0 where it would be below 2^-126. */
export function sigmoid(m: MathContext, x: Node): Node {
  const one = constF32x4(1)
  return f32x4.div(one, f32x4.add(one, exp(m, f32x4.neg(x))))
}

/**
 * tanh on f32 lanes within 4 units in the last place: Cephes' polynomial below 0.625, 1 - 2 / (e^2x + 1) above.
 */
export function tanh(m: MathContext, x: Node): Node {
  const sign = v128.and(x, constI32x4(SIGN))
  const a = f32x4.abs(x)
  const z = f32x4.mul(x, x)
  const p = polynomial(
    m,
    z,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  )
  const near = m.madd(f32x4.mul(p, z), x, x)
  const one = constF32x4(1)
  const growth = exp(m, f32x4.add(a, a))
  const far = f32x4.sub(one, f32x4.div(constF32x4(2), f32x4.add(growth, one)))
  // The polynomial loses the sign of -0.
  return v128.or(v128.bitselect(near, far, f32x4.lt(a, constF32x4(0.625))), sign)
}

/**
 * The error function on f32 lanes within 4 units in the last place: an odd polynomial near 0, and
 * 1 - e^polynomial beyond, both after N. Juffa's erff.
 */
export const ERF: Helper = {
  name: 'erf',
  params: ['v128'],
  result: 'v128',
  body(f, m) {
    const x = f.param(0)
    // From 4 on the result is 1.
    const t = f32x4.pmin(f32x4.abs(x), constF32x4(4))
    const s = f32x4.mul(x, x)
    const p = polynomial(
      m,
      t,
      [-1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1],
    )
    const far = f32x4.sub(constF32x4(1), exp(m, m.madd(p, t, f32x4.neg(t))))
    const q = polynomial(
      m,
      s,
      [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1],
    )
    const near = m.madd(q, x, x)
    const sign = v128.and(x, constI32x4(SIGN))
    return v128.bitselect(v128.or(far, sign), near, f32x4.gt(t, constF32x4(0.927734375)))
  },
}
