import { type DType, isFloat } from '../../ir/dtype.ts'
import type { ElementTypes } from '../../ir/prim.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { Arithmetic } from './arithmetic.ts'
import { castValue } from './cast.ts'
import { roundToHalf } from './half.ts'
import { i32 } from './instructions.ts'
import { divide, remainder, shiftLanes } from './math/division.ts'
import { exp, log } from './math/exp-log.ts'
import { POW } from './math/pow.ts'
import { REMAINDER, REMAINDER_LANES } from './math/remainder.ts'
import { ERF, sigmoid, tanh } from './math/saturating.ts'
import { COS, SIN } from './math/trigonometry.ts'
import type { Helper, MathContext } from './module.ts'
import type { Node } from './node.ts'
import { onLanes, type Place } from './operand.ts'

/** One primitive on lanes: operands as scalars or vectors, all of the place's lanes. */
type Lowering = (args: readonly Node[], place: Place, types: ElementTypes) => Node

/** Operations whose result on halves is a half, so that it needs no rounding. */
const EXACT_ON_HALVES = new Set(
  'neg abs sign floor ceil round max2 min2 rem select stop_gradient barrier cast'.split(' '),
)

type OfFloat = (A: Arithmetic, a: Node, b: Node) => Node
/** By the first operand's dtype: floats, then signed and unsigned integers (the same function unless given). */
const numeric =
  (float: OfFloat, signed: OfFloat, unsigned: OfFloat = signed): Lowering =>
  ([a, b], { A }, { inputs: [dtype] }) =>
    (isFloat(dtype!) ? float : dtype === 'u32' ? unsigned : signed)(A, a!, b!)

const float =
  (f: (A: Arithmetic, x: Node) => Node): Lowering =>
  ([x], { A }) =>
    f(A, x!)

/** A formula on f32 lanes. */
const formula =
  (f: (m: MathContext, x: Node) => Node): Lowering =>
  (args, { A, m }) =>
    onLanes(A, args, 'f32', (x) => f(m, x!))
const helper =
  (h: Helper): Lowering =>
  (args, { A, m }) =>
    onLanes(A, args, 'f32', (...lanes) => m.call(h, lanes))

const bits =
  (name: 'and' | 'or' | 'xor'): Lowering =>
  ([a, b], { A }) =>
    A.i32[name](a!, b!)

const shift =
  (signed: 'shl' | 'shrS', unsigned: 'shl' | 'shrU'): Lowering =>
  ([a, b], { A }, { inputs: [dtype] }) => {
    const name = dtype === 'u32' ? unsigned : signed
    return A.lanes === 4 ? shiftLanes(a!, b!, i32[name]) : i32[name](a!, b!)
  }

const same: Lowering = ([x]) => x!

const LOWERINGS: Readonly<Record<string, Lowering>> = {
  add: numeric(
    (A, a, b) => A.f32.add(a, b),
    (A, a, b) => A.i32.add(a, b),
  ),
  sub: numeric(
    (A, a, b) => A.f32.sub(a, b),
    (A, a, b) => A.i32.sub(a, b),
  ),
  mul: numeric(
    (A, a, b) => A.f32.mul(a, b),
    (A, a, b) => A.i32.mul(a, b),
  ),
  div: numeric(
    (A, a, b) => A.f32.div(a, b),
    (A, a, b) => divide(A, a, b, true),
    (A, a, b) => divide(A, a, b, false),
  ),
  rem: ([a, b], { A, m }, { inputs: [dtype] }) =>
    !isFloat(dtype!)
      ? remainder(A, a!, b!, dtype === 'i32')
      : m.call(A.lanes === 4 ? REMAINDER_LANES : REMAINDER, [a!, b!]),
  pow: helper(POW),
  max2: numeric(
    (A, a, b) => A.f32.max(a, b),
    (A, a, b) => A.i32.maxS(a, b),
    (A, a, b) => A.i32.maxU(a, b),
  ),
  min2: numeric(
    (A, a, b) => A.f32.min(a, b),
    (A, a, b) => A.i32.minS(a, b),
    (A, a, b) => A.i32.minU(a, b),
  ),
  and: bits('and'),
  or: bits('or'),
  xor: bits('xor'),
  shl: shift('shl', 'shl'),
  shr: shift('shrS', 'shrU'),
  eq: numeric(
    (A, a, b) => A.f32.eq(a, b),
    (A, a, b) => A.i32.eq(a, b),
  ),
  ne: numeric(
    (A, a, b) => A.f32.ne(a, b),
    (A, a, b) => A.i32.ne(a, b),
  ),
  lt: numeric(
    (A, a, b) => A.f32.lt(a, b),
    (A, a, b) => A.i32.ltS(a, b),
    (A, a, b) => A.i32.ltU(a, b),
  ),
  le: numeric(
    (A, a, b) => A.f32.le(a, b),
    (A, a, b) => A.i32.leS(a, b),
    (A, a, b) => A.i32.leU(a, b),
  ),
  gt: numeric(
    (A, a, b) => A.f32.gt(a, b),
    (A, a, b) => A.i32.gtS(a, b),
    (A, a, b) => A.i32.gtU(a, b),
  ),
  ge: numeric(
    (A, a, b) => A.f32.ge(a, b),
    (A, a, b) => A.i32.geS(a, b),
    (A, a, b) => A.i32.geU(a, b),
  ),
  select: ([c, a, b], { A }) => A.select(c!, a!, b!),
  neg: numeric(
    (A, x) => A.f32.neg(x),
    (A, x) => A.i32.sub(A.constI32(0), x),
  ),
  abs: numeric(
    (A, x) => A.f32.abs(x),
    (A, x) => A.i32.maxS(x, A.i32.sub(A.constI32(0), x)),
    (_, x) => x,
  ),
  sign: numeric(signOfFloat, (A, x) => A.i32.minS(A.i32.maxS(x, A.constI32(-1)), A.constI32(1))),
  floor: float((A, x) => A.f32.floor(x)),
  ceil: float((A, x) => A.f32.ceil(x)),
  round: float((A, x) => A.f32.nearest(x)),
  sqrt: float((A, x) => A.f32.sqrt(x)),
  rsqrt: float((A, x) => A.f32.div(A.constF32(1), A.f32.sqrt(x))),
  exp: formula(exp),
  log: formula(log),
  tanh: formula(tanh),
  sigmoid: formula(sigmoid),
  erf: helper(ERF),
  sin: helper(SIN),
  cos: helper(COS),
  not: ([x], { A }, { inputs: [dtype] }) => (dtype === 'bool' ? A.not(x!) : A.i32.xor(x!, A.constI32(-1))),
  stop_gradient: same,
  barrier: same,
  cast: ([x], { A }, { inputs: [from], output }) => castValue(A, x!, from!, output),
}

/** 1 with the sign of x; 0, -0 and NaN are themselves. */
function signOfFloat(A: Arithmetic, x: Node): Node {
  const sign = A.i32.and(A.asInt(x), A.constI32(-0x80000000))
  const one = A.asFloat(A.i32.or(sign, A.asInt(A.constF32(1))))
  return A.select(A.f32.gt(A.f32.abs(x), A.constF32(0)), one, x)
}

/** The elementwise primitives that have a lowering. */
export const loweredPrims: readonly string[] = Object.keys(LOWERINGS)

/** An elementwise primitive on operands of the place's lanes. @throws UnsupportedError if it has no lowering */
export function lowerPrim(name: string, args: readonly Node[], place: Place, types: ElementTypes): Node {
  const lowering = LOWERINGS[name]
  if (!lowering) throw new UnsupportedError(`${name}: the primitive has no lowering to wasm`)
  const value = lowering(args, place, types)
  return types.output === 'f16' && !EXACT_ON_HALVES.has(name) ? roundToHalf(place.A, value) : value
}

/** Two values combined as a reduction does. */
export function lowerFold(monoid: 'sum' | 'max' | 'min', a: Node, b: Node, place: Place, dtype: DType): Node {
  if (dtype === 'bool') return place.A.i32[monoid === 'min' ? 'and' : 'or'](a, b)
  const name = monoid === 'sum' ? 'add' : monoid === 'max' ? 'max2' : 'min2'
  return lowerPrim(name, [a, b], place, { inputs: [dtype, dtype], output: dtype })
}

/** A shift of every lane by one distance, which is a scalar. */
export const uniformShift = (name: string, dtype: DType): 'shl' | 'shrS' | 'shrU' =>
  name === 'shl' ? 'shl' : dtype === 'u32' ? 'shrU' : 'shrS'
