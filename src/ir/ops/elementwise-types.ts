import type { DType } from '../dtype.ts'
import type { Operand } from '../ops-interface.ts'
import type { Tensor } from '../tensor.ts'
import type { Shape } from '../types.ts'
import type { Arithmetic, BinaryCheck, Broadcast, DTypeIn, ShapeIn } from './broadcast-types.ts'
import type { AnyDType, BitsOnly, FloatOnly, IntOnly, NumberOnly, SignedOnly } from './dtype-rules.ts'

/** The types of the elementwise operations: one operand, two operands, and comparisons. */
type Rule = { readonly [D in DType]: unknown }

export type Unary<R extends Rule> = <S extends Shape, D extends DType>(x: Tensor<S, D> & R[D]) => Tensor<S, D>

/** The dtype rule of an operand; a number takes the dtype of the tensor beside it. */
type OperandRule<R extends Rule, X> = R[DTypeIn<X>]

export type Binary<Op extends string, R extends Rule> = <A extends Operand, B extends Operand>(
  a: A & OperandRule<R, A>,
  b: B & OperandRule<R, B> & BinaryCheck<Op, A, B>,
) => Arithmetic<A, B>

export type Compare<Op extends string, R extends Rule> = <A extends Operand, B extends Operand>(
  a: A & OperandRule<R, A>,
  b: B & OperandRule<R, B> & BinaryCheck<Op, A, B>,
) => Tensor<Broadcast<ShapeIn<A>, ShapeIn<B>>, 'bool'>

/** The operations of `rawOps`, as users see them. */
export interface ElementwiseOps {
  readonly neg: Unary<NumberOnly<'neg'>>
  readonly abs: Unary<NumberOnly<'abs'>>
  readonly sign: Unary<SignedOnly<'sign'>>
  readonly floor: Unary<FloatOnly<'floor'>>
  readonly ceil: Unary<FloatOnly<'ceil'>>
  readonly round: Unary<FloatOnly<'round'>>
  readonly exp: Unary<FloatOnly<'exp'>>
  readonly log: Unary<FloatOnly<'log'>>
  readonly sqrt: Unary<FloatOnly<'sqrt'>>
  readonly rsqrt: Unary<FloatOnly<'rsqrt'>>
  readonly sin: Unary<FloatOnly<'sin'>>
  readonly cos: Unary<FloatOnly<'cos'>>
  readonly tanh: Unary<FloatOnly<'tanh'>>
  readonly erf: Unary<FloatOnly<'erf'>>
  readonly sigmoid: Unary<FloatOnly<'sigmoid'>>
  readonly not: Unary<BitsOnly<'not'>>
  readonly stopGradient: Unary<AnyDType>
  readonly cast: <S extends Shape, D extends DType>(x: Tensor<S>, dtype: D) => Tensor<S, D>
  readonly add: Binary<'add', NumberOnly<'add'>>
  readonly sub: Binary<'sub', NumberOnly<'sub'>>
  readonly mul: Binary<'mul', NumberOnly<'mul'>>
  readonly div: Binary<'div', NumberOnly<'div'>>
  readonly pow: Binary<'pow', FloatOnly<'pow'>>
  readonly rem: Binary<'rem', NumberOnly<'rem'>>
  readonly maximum: Binary<'maximum', NumberOnly<'maximum'>>
  readonly minimum: Binary<'minimum', NumberOnly<'minimum'>>
  readonly and: Binary<'and', BitsOnly<'and'>>
  readonly or: Binary<'or', BitsOnly<'or'>>
  readonly xor: Binary<'xor', BitsOnly<'xor'>>
  readonly shiftLeft: Binary<'shiftLeft', IntOnly<'shiftLeft'>>
  readonly shiftRight: Binary<'shiftRight', IntOnly<'shiftRight'>>
  readonly eq: Compare<'eq', AnyDType>
  readonly ne: Compare<'ne', AnyDType>
  readonly lt: Compare<'lt', NumberOnly<'lt'>>
  readonly le: Compare<'le', NumberOnly<'le'>>
  readonly gt: Compare<'gt', NumberOnly<'gt'>>
  readonly ge: Compare<'ge', NumberOnly<'ge'>>
}
