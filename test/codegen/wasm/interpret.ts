import type { BinaryFn, Expr } from '../../../src/codegen/kernel-ir.ts'
import { type DType, f16ToNumber, isFloat, numberToF16 } from '../../../src/ir/dtype.ts'
import { threefry2x32 } from '../../../src/ir/prims/random.ts'

/** What an expression may read, besides itself. */
export interface Environment {
  readonly params: Readonly<Record<string, number>>
  /** Elements of the buffers, as numbers. */
  readonly buffers: readonly (readonly number[])[]
  readonly group: number
}

/** A number as a dtype holds it. */
export function held(dtype: DType, value: number): number {
  if (dtype === 'f32') return Math.fround(value)
  if (dtype === 'f16') return f16ToNumber(numberToF16(value))
  return dtype === 'i32' ? value | 0 : dtype === 'u32' ? value >>> 0 : Number(value !== 0)
}

const BINARY: Record<BinaryFn, (a: number, b: number, integer: boolean) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b, integer) => (integer ? Math.imul(a, b) : a * b),
  '/': (a, b, integer) => (integer ? Math.trunc(a / b) : a / b),
  '%': (a, b) => a % b,
  '<': (a, b) => Number(a < b),
  '>=': (a, b) => Number(a >= b),
  '==': (a, b) => Number(a === b),
  '&&': (a, b) => a & b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
}

/** The meaning of an expression, lane by lane: one number for a scalar, four for a vector. */
export function interpret(e: Expr, env: Environment): readonly number[] {
  const lanes = (x: Expr): readonly number[] => interpret(x, env)
  const each = (args: readonly Expr[], f: (...values: number[]) => number): readonly number[] => {
    const values = args.map(lanes)
    return Array.from({ length: e.lanes }, (_, i) => held(e.dtype, f(...values.map((v) => v[i % v.length]!))))
  }
  switch (e.op) {
    case 'const':
      return [held(e.dtype, e.value)]
    case 'param':
      return [env.params[e.name]!]
    case 'builtin':
      return [env.group]
    case 'load':
      return each([e.index], (i) => env.buffers[e.buffer]![i]!)
    case 'binary':
      return each([e.a, e.b], (a, b) => BINARY[e.fn](a, b, e.dtype === 'i32' || e.dtype === 'u32'))
    case 'select':
      return each([e.condition, e.a, e.b], (c, a, b) => (c ? a : b))
    case 'cast':
      return each([e.x], (x) => (isFloat(e.x.dtype) && e.dtype === 'i32' ? saturated(x) : x))
    case 'prim':
      return each(e.args, (...values) => e.prim.scalar(values, { inputs: e.args.map((a) => a.dtype), output: e.dtype }))
    case 'random':
      return each(e.args, (k0, k1, c) => threefry2x32(k0!, k1!, c!, 0))
    case 'fold':
      return each([e.a, e.b], (a, b) => combine(e.monoid, a, b))
    case 'ramp':
      return [0, 1, 2, 3].map((lane) => lanes(e.base)[0]! + lane)
    case 'fma':
      return each([e.a, e.b, e.c], (a, b, c) => Math.fround(a * b) + c)
    case 'across': {
      const [a, b, c, d] = lanes(e.x)
      const fold = (x: number, y: number): number => held(e.dtype, combine(e.monoid, x, y))
      return [fold(fold(a!, c!), fold(b!, d!))]
    }
    default:
      throw new Error(`interpret: ${e.op}`)
  }
}

const saturated = (x: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x) || 0))

const combine = (monoid: 'sum' | 'max' | 'min', a: number, b: number): number =>
  monoid === 'sum' ? a + b : monoid === 'max' ? Math.max(a, b) : Math.min(a, b)
