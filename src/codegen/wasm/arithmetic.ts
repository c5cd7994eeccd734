import type { Lanes } from '../kernel-ir.ts'
import { choose, f32, f32x4, i32, i32x4, v128 } from './instructions.ts'
import { constF32, constF32x4, constI32, constI32x4, type Node } from './node.ts'

/**
 * Arithmetic under the same names for scalars and for vectors, so that what is defined lane by lane is written once.
 * A scalar bool is 0 or 1; a vector of bools has all bits of a lane set or none.
 */
export interface Arithmetic {
  readonly lanes: Lanes
  readonly f32: Record<'abs' | 'neg' | 'ceil' | 'floor' | 'nearest' | 'sqrt', (a: Node) => Node> &
    Record<'add' | 'sub' | 'mul' | 'div' | 'min' | 'max' | Comparison, (a: Node, b: Node) => Node>
  readonly i32: Record<'add' | 'sub' | 'mul' | Bitwise | Extrema | IntComparison | Shift, (a: Node, b: Node) => Node>
  constF32(value: number): Node
  constI32(value: number): Node
  not(bool: Node): Node
  select(condition: Node, a: Node, b: Node): Node
  boolToInt(bool: Node): Node
  boolToFloat(bool: Node): Node
  toFloatS(a: Node): Node
  toFloatU(a: Node): Node
  truncateS(a: Node): Node
  truncateU(a: Node): Node
  /** The same bits, read as the other type. */
  asInt(a: Node): Node
  asFloat(a: Node): Node
}

type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'
type Bitwise = 'and' | 'or' | 'xor'
type Extrema = 'minS' | 'minU' | 'maxS' | 'maxU'
/** By a distance that is a scalar in both. */
type Shift = 'shl' | 'shrS' | 'shrU'
type IntComparison = 'eq' | 'ne' | 'ltS' | 'ltU' | 'leS' | 'leU' | 'gtS' | 'gtU' | 'geS' | 'geU'

export const SCALAR: Arithmetic = {
  lanes: 1,
  f32,
  i32: {
    ...i32,
    minS: (a, b) => choose(a, b, i32.ltS(a, b)),
    minU: (a, b) => choose(a, b, i32.ltU(a, b)),
    maxS: (a, b) => choose(a, b, i32.gtS(a, b)),
    maxU: (a, b) => choose(a, b, i32.gtU(a, b)),
  },
  constF32,
  constI32,
  not: i32.eqz,
  select: (condition, a, b) => choose(a, b, condition),
  boolToInt: (a) => a,
  boolToFloat: f32.convertI32S,
  toFloatS: f32.convertI32S,
  toFloatU: f32.convertI32U,
  truncateS: i32.truncSatF32S,
  truncateU: i32.truncSatF32U,
  asInt: i32.reinterpretF32,
  asFloat: f32.reinterpretI32,
}

export const VECTOR: Arithmetic = {
  lanes: 4,
  f32: f32x4,
  i32: { ...i32x4, and: v128.and, or: v128.or, xor: v128.xor },
  constF32: constF32x4,
  constI32: constI32x4,
  not: v128.not,
  select: (condition, a, b) => v128.bitselect(a, b, condition),
  boolToInt: (a) => v128.and(a, constI32x4(1)),
  boolToFloat: (a) => v128.and(a, constF32x4(1)),
  toFloatS: f32x4.convertI32S,
  toFloatU: f32x4.convertI32U,
  truncateS: i32x4.truncSatF32S,
  truncateU: i32x4.truncSatF32U,
  asInt: (a) => a,
  asFloat: (a) => a,
}
