import { choose, f32, f32x4, f64, i32 } from '../instructions.ts'
import type { Helper } from '../module.ts'
import { constF32, constF64, getLocal, type Node } from '../node.ts'

/** The remainder of f32 division with the sign of the dividend, exact for every quotient. */
export const REMAINDER: Helper = {
  name: 'remainder',
  params: ['f32', 'f32'],
  result: 'f32',
  body(f) {
    const [a, b] = [f.param(0), f.param(1)]
    const restLocal = f.newLocal('f64')
    const divisorLocal = f.newLocal('f64')
    const rest = getLocal(restLocal, 'f64')
    const divisor = getLocal(divisorLocal, 'f64')
    f.set(restLocal, f64.abs(f64.promoteF32(a)))
    f.set(divisorLocal, f64.abs(f64.promoteF32(b)))
    const left = (): Node => i32.and(f64.ge(rest, divisor), defined())
    const defined = (): Node => i32.and(f64.lt(rest, constF64(Number.POSITIVE_INFINITY)), f64.gt(divisor, constF64(0)))
    f.when(left(), () => {
      // A multiple of 24 bits that is not too large: its product is exact in f64, and so is what it leaves.
      const quotient = f64.mul(f64.div(rest, divisor), constF64(1 - 2 ** -23))
      const scaled = f64.mul(quotient, constF64(2 ** 29 + 1))
      const short = f64.sub(scaled, f64.sub(scaled, quotient))
      const multiple = f64.max(f64.trunc(short), constF64(1))
      f.repeat(() => f.set(restLocal, f64.sub(rest, f64.mul(multiple, divisor))), left)
    })
    const signed = f32.demoteF64(f64.copysign(rest, f64.promoteF32(a)))
    // A NaN divisor compares as not positive.
    return choose(signed, constF32(Number.NaN), defined())
  },
}

/** The same, lane by lane. */
export const REMAINDER_LANES: Helper = {
  name: 'remainder_lanes',
  params: ['v128', 'v128'],
  result: 'v128',
  body(f, m) {
    const lane = (i: number): Node => m.call(REMAINDER, [f32x4.extract(f.param(0), i), f32x4.extract(f.param(1), i)])
    return [1, 2, 3].reduce((v, i) => f32x4.replace(v, i, lane(i)), f32x4.splat(lane(0)))
  },
}
