import { DTYPES, type DType, f16ToNumber, isFloat, numberToF16 } from '../dtype.ts'
import { FLOATS, failDType, NUMBERS } from './common.ts'
import { defineElementwise, defineMap } from './elementwise.ts'
import { erf as erfNumber, roundHalfEven } from './scalar-math.ts'

/**
 * One operand. The derivative of each is written as t -> t * f'(x). Steps (sign, floor, ...) and stop_gradient have
 * none: their derivative is zero, so that differentiation does not even begin with what leads to them.
 */

export const neg = defineElementwise({
  name: 'neg',
  takes: NUMBERS,
  arity: 1,
  apply: (ops, [x]) => ops.neg(x!),
  scalar: ([x]) => -x!,
  wgsl: ([x], { output }) => (output === 'u32' ? `(0u - ${x})` : `(-${x})`),
  derivatives: [(t, { o }) => o.neg(t)],
})

export const abs = defineElementwise({
  name: 'abs',
  takes: NUMBERS,
  arity: 1,
  apply: (ops, [x]) => ops.abs(x!),
  scalar: ([x]) => Math.abs(x!),
  wgsl: ([x]) => `abs(${x})`,
  derivatives: [(t, { o, inputs }) => o.mul(t, o.sign(inputs[0]!))],
})

export const sign = defineElementwise({
  name: 'sign',
  takes: ['f32', 'f16', 'i32'],
  arity: 1,
  apply: (ops, [x]) => ops.sign(x!),
  scalar: ([x]) => Math.sign(x!),
  wgsl: ([x]) => `sign(${x})`,
})

export const floor = defineElementwise({
  name: 'floor',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.floor(x!),
  scalar: ([x]) => Math.floor(x!),
  wgsl: ([x]) => `floor(${x})`,
})

export const ceil = defineElementwise({
  name: 'ceil',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.ceil(x!),
  scalar: ([x]) => Math.ceil(x!),
  wgsl: ([x]) => `ceil(${x})`,
})

export const round = defineElementwise({
  name: 'round',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.round(x!),
  scalar: ([x]) => roundHalfEven(x!),
  wgsl: ([x]) => `round(${x})`,
})

export const exp = defineElementwise({
  name: 'exp',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.exp(x!),
  cost: 8,
  scalar: ([x]) => Math.exp(x!),
  wgsl: ([x]) => `exp(${x})`,
  derivatives: [(t, { o, out }) => o.mul(t, out)],
})

export const log = defineElementwise({
  name: 'log',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.log(x!),
  cost: 8,
  scalar: ([x]) => Math.log(x!),
  wgsl: ([x]) => `log(${x})`,
  derivatives: [(t, { o, inputs }) => o.div(t, inputs[0]!)],
})

export const sqrt = defineElementwise({
  name: 'sqrt',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.sqrt(x!),
  cost: 4,
  scalar: ([x]) => Math.sqrt(x!),
  wgsl: ([x]) => `sqrt(${x})`,
  derivatives: [(t, { o, out }) => o.div(o.mul(t, 0.5), out)],
})

export const rsqrt = defineElementwise({
  name: 'rsqrt',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.rsqrt(x!),
  cost: 4,
  scalar: ([x]) => 1 / Math.sqrt(x!),
  wgsl: ([x]) => `inverseSqrt(${x})`,
  derivatives: [(t, { o, inputs, out }) => o.mul(t, o.mul(-0.5, o.div(out, inputs[0]!)))],
})

/**
 * WGSL lets sin and cos be off by 2^-11, and some drivers are, which rotary embeddings would show. Range reduction by
 * pi/2 in three parts, then the polynomials of Cephes' sinf and cosf: a few units in the last place up to |x| = 1e4.
 */
const WGSL_TRIG = `fn weft_trig(x: f32, quarters: i32) -> f32 {
  let k = round(x * 0.63661977236758134);
  let r = ((x - k * 1.5703125) - k * 4.837512969970703125e-4) - k * 7.54978995489188216e-8;
  let z = r * r;
  let s = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4));
  let c = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
  let quadrant = i32(k) + quarters;
  let value = select(s, c, (quadrant & 1) == 1);
  return select(value, -value, (quadrant & 2) == 2);
}`

/** sin(x), turned on by quarters of a circle. */
const trig = (x: string, quarters: 0 | 1, output: DType): string =>
  output === 'f32' ? `weft_trig(${x}, ${quarters})` : `${output}(weft_trig(f32(${x}), ${quarters}))`

export const sin = defineElementwise({
  name: 'sin',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.sin(x!),
  cost: 8,
  scalar: ([x]) => Math.sin(x!),
  wgsl: ([x], { output }) => trig(x!, 0, output),
  wgslHelper: WGSL_TRIG,
  derivatives: [(t, { o, inputs }) => o.mul(t, o.cos(inputs[0]!))],
})

export const cos = defineElementwise({
  name: 'cos',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.cos(x!),
  cost: 8,
  scalar: ([x]) => Math.cos(x!),
  wgsl: ([x], { output }) => trig(x!, 1, output),
  wgslHelper: WGSL_TRIG,
  derivatives: [(t, { o, inputs }) => o.neg(o.mul(t, o.sin(inputs[0]!)))],
})

export const tanh = defineElementwise({
  name: 'tanh',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.tanh(x!),
  cost: 10,
  scalar: ([x]) => Math.tanh(x!),
  // Drivers may compute (e^2x - 1) / (e^2x + 1), which overflows; beyond 9 the f32 result is 1.
  wgsl: ([x], { output }) => `tanh(clamp(${x}, ${output}(-9.0), ${output}(9.0)))`,
  derivatives: [(t, { o, out }) => o.mul(t, o.sub(1, o.mul(out, out)))],
})

export const sigmoid = defineElementwise({
  name: 'sigmoid',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.sigmoid(x!),
  cost: 10,
  scalar: ([x]) => 1 / (1 + Math.exp(-x!)),
  wgsl: ([x], { output }) => `(${output}(1.0) / (${output}(1.0) + exp(-${x})))`,
  derivatives: [(t, { o, out }) => o.mul(t, o.mul(out, o.sub(1, out)))],
})

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI)

export const erf = defineElementwise({
  name: 'erf',
  takes: FLOATS,
  arity: 1,
  apply: (ops, [x]) => ops.erf(x!),
  cost: 16,
  scalar: ([x]) => erfNumber(x!),
  wgsl: ([x], { output }) => (output === 'f32' ? `weft_erf(${x})` : `${output}(weft_erf(f32(${x})))`),
  // Series near 0 (where a quotient would lose relative accuracy), Abramowitz and Stegun 7.1.28 beyond.
  wgslHelper: `fn weft_erf(x: f32) -> f32 {
  let a = abs(x);
  let t = x * x;
  let near = x * (1.1283791671 + t * (-0.3761263890 + t * (0.1128379167 + t * (-0.0268661706 + t * (0.0052239776
    + t * (-0.0008548327 + t * (0.0001205533 + t * -0.0000149257)))))));
  let p = 1.0 / (1.0 + 0.3275911 * a);
  let poly = p * (0.254829592 + p * (-0.284496736 + p * (1.421413741 + p * (-1.453152027 + p * 1.061405429))));
  let far = sign(x) * (1.0 - poly * exp(-t));
  return select(far, near, a < 1.0);
}`,
  derivatives: [(t, { o, inputs }) => o.mul(t, o.mul(TWO_OVER_SQRT_PI, o.exp(o.neg(o.mul(inputs[0]!, inputs[0]!)))))],
})

export const not = defineElementwise({
  name: 'not',
  takes: ['bool', 'i32', 'u32'],
  arity: 1,
  apply: (ops, [x]) => ops.not(x!),
  scalar: ([x], { output }) => (output === 'bool' ? Number(x === 0) : ~x!),
  wgsl: ([x], { output }) => (output === 'bool' ? `(!${x})` : `(~${x})`),
})

export const stopGradient = defineElementwise({
  name: 'stop_gradient',
  takes: DTYPES,
  arity: 1,
  apply: (ops, [x]) => ops.same(x!),
  cost: 0,
  scalar: ([x]) => x!,
  wgsl: ([x]) => x!,
})

export const barrier = defineElementwise({
  name: 'barrier',
  takes: DTYPES,
  arity: 1,
  apply: (ops, [x]) => ops.same(x!),
  cost: 0,
  scalar: ([x]) => x!,
  wgsl: ([x]) => x!,
  derivatives: [(t) => t],
})

/** attrs: {dtype}. Float to integer truncates and saturates; anything to bool is x != 0. */
export const cast = defineMap({
  name: 'cast',
  arity: 1,
  isExact: (from, to) => to === 'f32' && (from === 'f16' || from === 'bool'),
  apply: (ops, [x]) => ops.cast(x!),
  infer(_inputs, { dtype }) {
    if (!DTYPES.includes(dtype as DType))
      failDType(`cast: unknown dtype ${String(dtype)}`, `one of ${DTYPES.join(', ')}`)
    return dtype as DType
  },
  scalar([x], { inputs, output }) {
    if (output === 'bool') return Number(x !== 0)
    if (output === 'f16') return f16ToNumber(numberToF16(x!))
    if (isFloat(output) || !isFloat(inputs[0]!)) return x!
    const whole = Number.isNaN(x) ? 0 : Math.trunc(x!)
    const [low, high] = output === 'i32' ? [-2147483648, 2147483647] : [0, 4294967295]
    return Math.min(Math.max(whole, low), high)
  },
  wgsl: ([x], { inputs, output }) =>
    output === 'bool' ? `(${x} != ${inputs[0] === 'bool' ? 'false' : `${inputs[0]}(0)`})` : `${output}(${x})`,
  // A cotangent comes in the result's dtype and a tangent in the operand's; each goes to the other.
  derivatives: [(t, { o, inputs, out }) => o.cast(t, t.dtype === out.dtype ? inputs[0]!.dtype : out.dtype)],
})
