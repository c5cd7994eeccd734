import { type DType, isFloat } from '../../ir/dtype.ts'
import type { ElementOps, ElementTypes, MonoidName } from '../../ir/prim.ts'
import type { Lanes } from '../kernel-ir.ts'
import type { Arithmetic } from './arithmetic.ts'
import { castValue } from './cast.ts'
import { roundToHalf } from './half.ts'
import { choose, i32, i32x4 } from './instructions.ts'
import { divide, remainder, shiftLanes } from './math/division.ts'
import { exp, log } from './math/exp-log.ts'
import { POW } from './math/pow.ts'
import { REMAINDER, REMAINDER_LANES } from './math/remainder.ts'
import { ERF, sigmoid, tanh } from './math/saturating.ts'
import { COS, SIN } from './math/trigonometry.ts'
import type { Helper, MathContext } from './module.ts'
import type { Node } from './node.ts'
import { onLanes, type Place } from './operand.ts'

/** A value that can be had in one lane or in four. */
export interface Operand {
  readonly lanes: Lanes
  at(lanes: Lanes): Node
}

/** A value that is at hand in the lanes in which it is wanted. */
export const ready = (value: Node, lanes: Lanes): Operand => ({ lanes, at: () => value })

type Binary = (a: Node, b: Node) => Node

/** The elementwise primitives on scalars or on vectors of four, as the place says. */
export class LaneOps implements ElementOps<Operand, Node> {
  private readonly A: Arithmetic
  private readonly m: MathContext
  private readonly dtype: DType

  constructor(
    { A, m }: Place,
    private readonly types: ElementTypes,
  ) {
    this.A = A
    this.m = m
    this.dtype = types.inputs[0]!
  }

  private of(x: Operand): Node {
    return x.at(this.A.lanes)
  }

  /** What arithmetic on halves gives need not be a half. */
  private rounded(value: Node): Node {
    return this.types.output === 'f16' ? roundToHalf(this.A, value) : value
  }

  /** By the operands' dtype: floats, then signed and unsigned integers (the same function unless given). */
  private numeric(a: Operand, b: Operand, float: Binary, signed: Binary, unsigned = signed): Node {
    const f = isFloat(this.dtype) ? float : this.dtype === 'u32' ? unsigned : signed
    return f(this.of(a), this.of(b))
  }

  /** A formula on f32 lanes. */
  private formula(x: Operand, f: (m: MathContext, x: Node) => Node): Node {
    return this.rounded(onLanes(this.A, [this.of(x)], 'f32', (v) => f(this.m, v!)))
  }

  private helper(h: Helper, ...args: readonly Operand[]): Node {
    return this.rounded(
      onLanes(
        this.A,
        args.map((x) => this.of(x)),
        'f32',
        (...lanes) => this.m.call(h, lanes),
      ),
    )
  }

  add(a: Operand, b: Operand): Node {
    return this.rounded(this.numeric(a, b, this.A.f32.add, this.A.i32.add))
  }
  sub(a: Operand, b: Operand): Node {
    return this.rounded(this.numeric(a, b, this.A.f32.sub, this.A.i32.sub))
  }
  mul(a: Operand, b: Operand): Node {
    return this.rounded(this.numeric(a, b, this.A.f32.mul, this.A.i32.mul))
  }

  div(a: Operand, b: Operand): Node {
    const { A } = this
    return this.rounded(
      this.numeric(
        a,
        b,
        A.f32.div,
        (p, q) => divide(A, p, q, true),
        (p, q) => divide(A, p, q, false),
      ),
    )
  }

  rem(a: Operand, b: Operand): Node {
    const [p, q] = [this.of(a), this.of(b)]
    if (!isFloat(this.dtype)) return remainder(this.A, p, q, this.dtype === 'i32')
    return this.m.call(this.A.lanes === 4 ? REMAINDER_LANES : REMAINDER, [p, q])
  }

  pow(a: Operand, b: Operand): Node {
    return this.helper(POW, a, b)
  }
  max(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.max, this.A.i32.maxS, this.A.i32.maxU)
  }
  min(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.min, this.A.i32.minS, this.A.i32.minU)
  }

  and(a: Operand, b: Operand): Node {
    return this.A.i32.and(this.of(a), this.of(b))
  }
  or(a: Operand, b: Operand): Node {
    return this.A.i32.or(this.of(a), this.of(b))
  }
  xor(a: Operand, b: Operand): Node {
    return this.A.i32.xor(this.of(a), this.of(b))
  }
  shl(a: Operand, b: Operand): Node {
    return this.shift(a, b, 'shl')
  }
  shr(a: Operand, b: Operand): Node {
    return this.shift(a, b, this.dtype === 'u32' ? 'shrU' : 'shrS')
  }

  /** Vectors are shifted by one distance in all lanes, or lane by lane. */
  private shift(a: Operand, by: Operand, name: 'shl' | 'shrS' | 'shrU'): Node {
    if (this.A.lanes === 1) return i32[name](a.at(1), by.at(1))
    return by.lanes === 1 ? i32x4[name](a.at(4), by.at(1)) : shiftLanes(a.at(4), by.at(4), i32[name])
  }

  eq(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.eq, this.A.i32.eq)
  }
  ne(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.ne, this.A.i32.ne)
  }
  lt(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.lt, this.A.i32.ltS, this.A.i32.ltU)
  }
  le(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.le, this.A.i32.leS, this.A.i32.leU)
  }
  gt(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.gt, this.A.i32.gtS, this.A.i32.gtU)
  }
  ge(a: Operand, b: Operand): Node {
    return this.numeric(a, b, this.A.f32.ge, this.A.i32.geS, this.A.i32.geU)
  }

  select(condition: Operand, a: Operand, b: Operand): Node {
    const [yes, no] = [this.of(a), this.of(b)]
    return condition.lanes === 1 ? choose(yes, no, condition.at(1)) : this.A.select(this.of(condition), yes, no)
  }

  neg(x: Operand): Node {
    return isFloat(this.dtype) ? this.A.f32.neg(this.of(x)) : this.negated(this.of(x))
  }
  private negated(x: Node): Node {
    return this.A.i32.sub(this.A.constI32(0), x)
  }

  abs(x: Operand): Node {
    const v = this.of(x)
    if (isFloat(this.dtype)) return this.A.f32.abs(v)
    return this.dtype === 'u32' ? v : this.A.i32.maxS(v, this.negated(v))
  }

  /** 1 with the sign of x; of floats 0, -0 and NaN are themselves. */
  sign(x: Operand): Node {
    const { A } = this
    const v = this.of(x)
    if (!isFloat(this.dtype)) return A.i32.minS(A.i32.maxS(v, A.constI32(-1)), A.constI32(1))
    const one = A.asFloat(A.i32.or(A.i32.and(A.asInt(v), A.constI32(-0x80000000)), A.asInt(A.constF32(1))))
    return A.select(A.f32.gt(A.f32.abs(v), A.constF32(0)), one, v)
  }

  floor(x: Operand): Node {
    return this.A.f32.floor(this.of(x))
  }
  ceil(x: Operand): Node {
    return this.A.f32.ceil(this.of(x))
  }
  round(x: Operand): Node {
    return this.A.f32.nearest(this.of(x))
  }
  sqrt(x: Operand): Node {
    return this.rounded(this.A.f32.sqrt(this.of(x)))
  }
  rsqrt(x: Operand): Node {
    return this.rounded(this.A.f32.div(this.A.constF32(1), this.A.f32.sqrt(this.of(x))))
  }
  exp(x: Operand): Node {
    return this.formula(x, exp)
  }
  log(x: Operand): Node {
    return this.formula(x, log)
  }
  tanh(x: Operand): Node {
    return this.formula(x, tanh)
  }
  sigmoid(x: Operand): Node {
    return this.formula(x, sigmoid)
  }
  erf(x: Operand): Node {
    return this.helper(ERF, x)
  }
  sin(x: Operand): Node {
    return this.helper(SIN, x)
  }
  cos(x: Operand): Node {
    return this.helper(COS, x)
  }
  not(x: Operand): Node {
    return this.dtype === 'bool' ? this.A.not(this.of(x)) : this.A.i32.xor(this.of(x), this.A.constI32(-1))
  }
  same(x: Operand): Node {
    return this.of(x)
  }
  cast(x: Operand): Node {
    return castValue(this.A, this.of(x), this.dtype, this.types.output)
  }

  /** Two values combined as a reduction does. */
  fold(monoid: MonoidName, a: Operand, b: Operand): Node {
    if (this.dtype === 'bool') return monoid === 'min' ? this.and(a, b) : this.or(a, b)
    return monoid === 'sum' ? this.add(a, b) : this[monoid](a, b)
  }
}
