import { DTYPES, type DType, isFloat } from '../dtype.ts'
import { FLOATS, failDType, formatTypes, INTS, NUMBERS } from './common.ts'
import { type Derivative, defineElementwise, defineMap } from './elementwise.ts'

/** Two operands of one shape and dtype; broadcasting is an equation of its own. */

export const add = defineElementwise({
  name: 'add',
  arithmetic: 'sum',
  takes: NUMBERS,
  arity: 2,
  apply: (ops, [a, b]) => ops.add(a!, b!),
  scalar: ([a, b]) => a! + b!,
  wgsl: ([a, b]) => `(${a} + ${b})`,
  derivatives: [(t) => t, (t) => t],
})

export const sub = defineElementwise({
  name: 'sub',
  takes: NUMBERS,
  arity: 2,
  apply: (ops, [a, b]) => ops.sub(a!, b!),
  scalar: ([a, b]) => a! - b!,
  wgsl: ([a, b]) => `(${a} - ${b})`,
  derivatives: [(t) => t, (t, { o }) => o.neg(t)],
})

export const mul = defineElementwise({
  name: 'mul',
  arithmetic: 'product',
  takes: NUMBERS,
  arity: 2,
  apply: (ops, [a, b]) => ops.mul(a!, b!),
  scalar: ([a, b], { output }) => (isFloat(output) ? a! * b! : Math.imul(a!, b!)),
  wgsl: ([a, b]) => `(${a} * ${b})`,
  derivatives: [(t, { o, inputs }) => o.mul(t, inputs[1]!), (t, { o, inputs }) => o.mul(t, inputs[0]!)],
})

const isZero = (literal: string): boolean => /^0u?$/.test(literal)

/** Integer division truncates; by zero it gives the dividend, as WGSL does. */
export const div = defineElementwise({
  name: 'div',
  takes: NUMBERS,
  arity: 2,
  apply: (ops, [a, b]) => ops.div(a!, b!),
  cost: 4,
  scalar: ([a, b], { output }) => (isFloat(output) ? a! / b! : b === 0 ? a! : Math.trunc(a! / b!)),
  // A literal integer zero does not compile: the result is known then.
  wgsl: ([a, b]) => (isZero(b!) ? a! : `(${a} / ${b})`),
  derivatives: [
    (t, { o, inputs }) => o.div(t, inputs[1]!),
    (t, { o, inputs, out }) => o.neg(o.div(o.mul(t, out), inputs[1]!)),
  ],
})

/** Remainder with the sign of the dividend; integers by zero give 0, as WGSL does. */
export const rem = defineElementwise({
  name: 'rem',
  takes: NUMBERS,
  arity: 2,
  apply: (ops, [a, b]) => ops.rem(a!, b!),
  cost: 4,
  scalar: ([a, b], { output }) => (b === 0 && !isFloat(output) ? 0 : a! % b!),
  wgsl: ([a, b]) => (isZero(b!) ? `(${a} - ${a})` : `(${a} % ${b})`),
  derivatives: [(t) => t, (t, { o, inputs: [a, b], out }) => o.neg(o.mul(t, o.div(o.sub(a!, out), b!)))],
})

export const pow = defineElementwise({
  name: 'pow',
  takes: FLOATS,
  arity: 2,
  apply: (ops, [a, b]) => ops.pow(a!, b!),
  cost: 16,
  scalar: ([a, b]) => a! ** b!,
  wgsl: ([a, b], { output }) =>
    output === 'f32' ? `weft_pow(${a}, ${b})` : `${output}(weft_pow(f32(${a}), f32(${b})))`,
  // WGSL's pow is undefined for a negative base; a whole exponent gives a signed power.
  wgslHelper: `fn weft_pow(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return 1.0; }
  if (a == 0.0 && b > 0.0) { return 0.0; }
  let p = pow(abs(a), b);
  let odd = abs(b) % 2.0 == 1.0;
  return select(p, -p, a < 0.0 && odd);
}`,
  derivatives: [
    // Where b is 0 the derivative is 0, also at a = 0, where b * a^(b - 1) would be 0 * infinity.
    (t, { o, inputs: [a, b] }) => o.mul(t, o.mul(b!, o.pow(a!, o.where(o.eq(b!, 0), 1, o.sub(b!, 1))))),
    // log of a non-positive base is not defined; the derivative with respect to the exponent is then taken as 0.
    (t, { o, inputs: [a], out }) => {
      const positive = o.gt(a!, 0)
      return o.where(positive, o.mul(t, o.mul(out, o.log(o.where(positive, a!, 1)))), 0)
    },
  ],
})

/** At ties half of the cotangent goes to each operand. */
const tieShare =
  (beats: 'gt' | 'lt', operand: 0 | 1): Derivative =>
  (t, { o, inputs: [a, b] }) => {
    const wins = operand === 0 ? o[beats](a!, b!) : o[beats](b!, a!)
    return o.where(wins, t, o.where(o.eq(a!, b!), o.mul(t, 0.5), 0))
  }

export const maximum = defineElementwise({
  name: 'max2',
  takes: NUMBERS,
  arity: 2,
  apply: (ops, [a, b]) => ops.max(a!, b!),
  scalar: ([a, b]) => Math.max(a!, b!),
  wgsl: ([a, b]) => `max(${a}, ${b})`,
  derivatives: [tieShare('gt', 0), tieShare('gt', 1)],
})

export const minimum = defineElementwise({
  name: 'min2',
  takes: NUMBERS,
  arity: 2,
  apply: (ops, [a, b]) => ops.min(a!, b!),
  scalar: ([a, b]) => Math.min(a!, b!),
  wgsl: ([a, b]) => `min(${a}, ${b})`,
  derivatives: [tieShare('lt', 0), tieShare('lt', 1)],
})

const LOGICAL: readonly DType[] = ['bool', ...INTS]

export const and = defineElementwise({
  name: 'and',
  takes: LOGICAL,
  arity: 2,
  apply: (ops, [a, b]) => ops.and(a!, b!),
  scalar: ([a, b]) => a! & b!,
  wgsl: ([a, b], { output }) => (output === 'bool' ? `(${a} && ${b})` : `(${a} & ${b})`),
})

export const or = defineElementwise({
  name: 'or',
  takes: LOGICAL,
  arity: 2,
  apply: (ops, [a, b]) => ops.or(a!, b!),
  scalar: ([a, b]) => a! | b!,
  wgsl: ([a, b], { output }) => (output === 'bool' ? `(${a} || ${b})` : `(${a} | ${b})`),
})

export const xor = defineElementwise({
  name: 'xor',
  takes: LOGICAL,
  arity: 2,
  apply: (ops, [a, b]) => ops.xor(a!, b!),
  scalar: ([a, b]) => a! ^ b!,
  wgsl: ([a, b], { output }) => (output === 'bool' ? `(${a} != ${b})` : `(${a} ^ ${b})`),
})

/** Shifts take their distance modulo 32. */
export const shiftLeft = defineElementwise({
  name: 'shl',
  takes: INTS,
  arity: 2,
  apply: (ops, [a, b]) => ops.shl(a!, b!),
  scalar: ([a, b]) => a! << b!,
  wgsl: ([a, b]) => `(${a} << (u32(${b}) & 31u))`,
})

export const shiftRight = defineElementwise({
  name: 'shr',
  takes: INTS,
  arity: 2,
  apply: (ops, [a, b]) => ops.shr(a!, b!),
  scalar: ([a, b], { output }) => (output === 'u32' ? a! >>> b! : a! >> b!),
  wgsl: ([a, b]) => `(${a} >> (u32(${b}) & 31u))`,
})

const comparison = (
  name: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge',
  symbol: string,
  takes: readonly DType[],
  test: (a: number, b: number) => boolean,
) =>
  defineElementwise({
    name,
    takes,
    gives: 'bool',
    arity: 2,
    apply: (ops, [a, b]) => ops[name](a!, b!),
    scalar: ([a, b]) => Number(test(a!, b!)),
    wgsl: ([a, b]) => `(${a} ${symbol} ${b})`,
  })

export const eq = comparison('eq', '==', DTYPES, (a, b) => a === b)
export const ne = comparison('ne', '!=', DTYPES, (a, b) => a !== b)
export const lt = comparison('lt', '<', NUMBERS, (a, b) => a < b)
export const le = comparison('le', '<=', NUMBERS, (a, b) => a <= b)
export const gt = comparison('gt', '>', NUMBERS, (a, b) => a > b)
export const ge = comparison('ge', '>=', NUMBERS, (a, b) => a >= b)

/** where(condition, a, b): a where the condition holds, else b. */
export const select = defineMap({
  name: 'select',
  arity: 3,
  apply: (ops, [condition, a, b]) => ops.select(condition!, a!, b!),
  infer(inputs) {
    if (inputs[0]!.dtype !== 'bool' || inputs[1]!.dtype !== inputs[2]!.dtype) {
      failDType(
        `where: needs a bool condition and two operands of one dtype, got ${formatTypes(inputs)}`,
        'compare to get a bool, and cast the operands to one dtype',
      )
    }
    return inputs[1]!.dtype
  },
  scalar: ([c, a, b]) => (c !== 0 ? a! : b!),
  wgsl: ([c, a, b]) => `select(${b}, ${a}, ${c})`,
  derivatives: [null, (t, { o, inputs }) => o.where(inputs[0]!, t, 0), (t, { o, inputs }) => o.where(inputs[0]!, 0, t)],
})
