import type { FunctionWriter } from '../function-writer.ts'
import { f32x4, f64x2, i32x4, v128 } from '../instructions.ts'
import type { Helper, MathContext } from '../module.ts'
import { constF32x4, constF64x2, constI32, constI32x4, type Node } from '../node.ts'
import { polynomial } from './polynomial.ts'

/** pi / 2 in two parts; the first has 33 bits, so that its multiples up to 2^20 are exact in f64. */
const HALF_PI_HIGH = 1.5707963267341256
const HALF_PI_LOW = 6.077100506506192e-11

/** Two lanes of x >= 0, in f64, less the nearest multiple of pi / 2; and which multiple that is. */
function reduce(x: Node): { rest: Node; multiple: Node } {
  const k = f64x2.nearest(f64x2.mul(x, constF64x2(2 / Math.PI)))
  const rest = f64x2.sub(f64x2.sub(x, f64x2.mul(k, constF64x2(HALF_PI_HIGH))), f64x2.mul(k, constF64x2(HALF_PI_LOW)))
  return { rest: f32x4.demoteF64Zero(rest), multiple: i32x4.truncSatF64SZero(k) }
}

/** The sine of |x|, turned on by quarters of a circle; both polynomials are those of Cephes' sinf and cosf. */
function turned(f: FunctionWriter, m: MathContext, quarters: number): Node {
  const a = f32x4.abs(f.param(0))
  const low = reduce(f64x2.promoteLowF32(a))
  const high = reduce(f64x2.promoteLowF32(v128.shuffle(a, a, [2, 3, 2, 3])))
  // Where x is so large that its neighbours lie turns apart, the rest may be anything: keep it in range.
  const joined = v128.shuffle(low.rest, high.rest, [0, 1, 4, 5])
  const r = f32x4.pmax(f32x4.pmin(joined, constF32x4(0.7854)), constF32x4(-0.7854))
  const z = f32x4.mul(r, r)
  const s = m.madd(f32x4.mul(polynomial(m, z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]), z), r, r)
  const even = polynomial(m, z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2])
  const c = m.madd(f32x4.mul(even, z), z, m.nmadd(constF32x4(0.5), z, constF32x4(1)))
  const quadrant = i32x4.add(v128.shuffle(low.multiple, high.multiple, [0, 1, 4, 5]), constI32x4(quarters))
  const odd = i32x4.ne(v128.and(quadrant, constI32x4(1)), constI32x4(0))
  const negative = i32x4.shl(v128.and(quadrant, constI32x4(2)), constI32(30))
  return v128.xor(v128.bitselect(c, s, odd), negative)
}

/**
 * sin and cos on f32 lanes: within 4 units in the last place up to |x| = 2^20, since the multiple of pi / 2 is taken
 * away in f64; beyond that a value from [-1, 1]. NaN for infinities.
 */
export const SIN: Helper = {
  name: 'sin',
  params: ['v128'],
  result: 'v128',
  body: (f, m) => v128.xor(turned(f, m, 0), v128.and(f.param(0), constI32x4(-0x80000000))),
}
export const COS: Helper = { name: 'cos', params: ['v128'], result: 'v128', body: (f, m) => turned(f, m, 1) }
