import { unsignedLeb } from './bytes.ts'
import { makeNode, type Node, saturating, simd, type ValueType } from './node.ts'

/** The instructions in use, as functions from operands to a node: `f32x4.add(a, b)`. */
type Unary = (a: Node) => Node
type Binary = (a: Node, b: Node) => Node

const one =
  (code: number, type: ValueType): Unary =>
  (a) =>
    makeNode(code, type, [a])
const two =
  (code: number, type: ValueType): Binary =>
  (a, b) =>
    makeNode(code, type, [a, b])
const vector1 = (code: number): Unary => one(simd(code), 'v128')
const vector2 = (code: number): Binary => two(simd(code), 'v128')

export const i32 = {
  eqz: one(0x45, 'i32'),
  eq: two(0x46, 'i32'),
  ne: two(0x47, 'i32'),
  ltS: two(0x48, 'i32'),
  ltU: two(0x49, 'i32'),
  gtS: two(0x4a, 'i32'),
  gtU: two(0x4b, 'i32'),
  leS: two(0x4c, 'i32'),
  leU: two(0x4d, 'i32'),
  geS: two(0x4e, 'i32'),
  geU: two(0x4f, 'i32'),
  add: two(0x6a, 'i32'),
  sub: two(0x6b, 'i32'),
  mul: two(0x6c, 'i32'),
  divS: two(0x6d, 'i32'),
  divU: two(0x6e, 'i32'),
  remS: two(0x6f, 'i32'),
  remU: two(0x70, 'i32'),
  and: two(0x71, 'i32'),
  or: two(0x72, 'i32'),
  xor: two(0x73, 'i32'),
  shl: two(0x74, 'i32'),
  shrS: two(0x75, 'i32'),
  shrU: two(0x76, 'i32'),
  reinterpretF32: one(0xbc, 'i32'),
  truncSatF32S: one(saturating(0), 'i32'),
  truncSatF32U: one(saturating(1), 'i32'),
}

export const f32 = {
  eq: two(0x5b, 'i32'),
  ne: two(0x5c, 'i32'),
  lt: two(0x5d, 'i32'),
  gt: two(0x5e, 'i32'),
  le: two(0x5f, 'i32'),
  ge: two(0x60, 'i32'),
  abs: one(0x8b, 'f32'),
  neg: one(0x8c, 'f32'),
  ceil: one(0x8d, 'f32'),
  floor: one(0x8e, 'f32'),
  nearest: one(0x90, 'f32'),
  sqrt: one(0x91, 'f32'),
  add: two(0x92, 'f32'),
  sub: two(0x93, 'f32'),
  mul: two(0x94, 'f32'),
  div: two(0x95, 'f32'),
  min: two(0x96, 'f32'),
  max: two(0x97, 'f32'),
  convertI32S: one(0xb2, 'f32'),
  convertI32U: one(0xb3, 'f32'),
  demoteF64: one(0xb6, 'f32'),
  reinterpretI32: one(0xbe, 'f32'),
}

export const f64 = {
  lt: two(0x63, 'i32'),
  gt: two(0x64, 'i32'),
  ge: two(0x66, 'i32'),
  abs: one(0x99, 'f64'),
  trunc: one(0x9d, 'f64'),
  sub: two(0xa1, 'f64'),
  mul: two(0xa2, 'f64'),
  div: two(0xa3, 'f64'),
  max: two(0xa5, 'f64'),
  copysign: two(0xa6, 'f64'),
  promoteF32: one(0xbb, 'f64'),
}

export const v128 = {
  not: vector1(0x4d),
  and: vector2(0x4e),
  /** a and not b. */
  andnot: vector2(0x4f),
  or: vector2(0x50),
  xor: vector2(0x51),
  /** Bits of `a` where the mask is set, of `b` elsewhere. */
  bitselect: (a: Node, b: Node, mask: Node): Node => makeNode(simd(0x52), 'v128', [a, b, mask]),
  /** 32-bit lanes by number: 0 to 3 of `a`, 4 to 7 of `b`. */
  shuffle: (a: Node, b: Node, lanes: readonly number[]): Node =>
    makeNode(
      simd(0x0d),
      'v128',
      [a, b],
      lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
    ),
}

const extract =
  (code: number, type: ValueType) =>
  (a: Node, lane: number): Node =>
    makeNode(simd(code), type, [a], [lane])

export const i32x4 = {
  splat: vector1(0x11),
  extract: extract(0x1b, 'i32'),
  replace: (a: Node, lane: number, value: Node): Node => makeNode(simd(0x1c), 'v128', [a, value], [lane]),
  eq: vector2(0x37),
  ne: vector2(0x38),
  ltS: vector2(0x39),
  ltU: vector2(0x3a),
  gtS: vector2(0x3b),
  gtU: vector2(0x3c),
  leS: vector2(0x3d),
  leU: vector2(0x3e),
  geS: vector2(0x3f),
  geU: vector2(0x40),
  extendLowI16U: vector1(0xa9),
  shl: vector2(0xab),
  shrS: vector2(0xac),
  shrU: vector2(0xad),
  add: vector2(0xae),
  sub: vector2(0xb1),
  mul: vector2(0xb5),
  minS: vector2(0xb6),
  minU: vector2(0xb7),
  maxS: vector2(0xb8),
  maxU: vector2(0xb9),
  truncSatF32S: vector1(0xf8),
  truncSatF32U: vector1(0xf9),
  truncSatF64SZero: vector1(0xfc),
  truncSatF64UZero: vector1(0xfd),
}

/** Both operands' lanes in 16 bits: those of the first come first. */
export const i16x8 = { narrowI32U: vector2(0x86) }

export const i64x2 = { shl: vector2(0xcb), shrU: vector2(0xcd), sub: vector2(0xd1), add: vector2(0xce) }

export const f32x4 = {
  splat: vector1(0x13),
  extract: extract(0x1f, 'f32'),
  replace: (a: Node, lane: number, value: Node): Node => makeNode(simd(0x20), 'v128', [a, value], [lane]),
  eq: vector2(0x41),
  ne: vector2(0x42),
  lt: vector2(0x43),
  gt: vector2(0x44),
  le: vector2(0x45),
  ge: vector2(0x46),
  demoteF64Zero: vector1(0x5e),
  ceil: vector1(0x67),
  floor: vector1(0x68),
  trunc: vector1(0x69),
  nearest: vector1(0x6a),
  abs: vector1(0xe0),
  neg: vector1(0xe1),
  sqrt: vector1(0xe3),
  add: vector2(0xe4),
  sub: vector2(0xe5),
  mul: vector2(0xe6),
  div: vector2(0xe7),
  min: vector2(0xe8),
  max: vector2(0xe9),
  /** b < a ? b : a: one instruction where `min` takes several; a NaN in `a` goes through. */
  pmin: vector2(0xea),
  /** a < b ? b : a. */
  pmax: vector2(0xeb),
  convertI32S: vector1(0xfa),
  convertI32U: vector1(0xfb),
  /** a * b + c, rounded once or twice as the machine likes. */
  relaxedMadd: (a: Node, b: Node, c: Node): Node => makeNode(simd(0x105), 'v128', [a, b, c]),
  /** -(a * b) + c. */
  relaxedNmadd: (a: Node, b: Node, c: Node): Node => makeNode(simd(0x106), 'v128', [a, b, c]),
}

export const f64x2 = {
  eq: vector2(0x47),
  lt: vector2(0x49),
  promoteLowF32: vector1(0x5f),
  nearest: vector1(0x94),
  add: vector2(0xf0),
  sub: vector2(0xf1),
  mul: vector2(0xf2),
  div: vector2(0xf3),
  pmin: vector2(0xf6),
  pmax: vector2(0xf7),
  convertLowI32S: vector1(0xfe),
  convertLowI32U: vector1(0xff),
}

/** Which of two values, by a scalar condition. */
export const choose = (a: Node, b: Node, condition: Node): Node =>
  a.type === 'v128' ? makeNode(0x1c, 'v128', [a, b, condition], [1, 0x7b]) : makeNode(0x1b, a.type, [a, b, condition])

const memory = (align: number, offset: number): readonly number[] => [align, ...unsignedLeb(offset)]
const loader =
  (code: number, type: ValueType, align: number) =>
  (address: Node, offset: number): Node =>
    makeNode(code, type, [address], memory(align, offset))
const laneLoader =
  (code: number, align: number) =>
  (address: Node, offset: number, into: Node, lane: number): Node =>
    makeNode(simd(code), 'v128', [address, into], [...memory(align, offset), lane])

export const load = {
  i32: loader(0x28, 'i32', 2),
  f32: loader(0x2a, 'f32', 2),
  u16: loader(0x2f, 'i32', 1),
  v128: loader(simd(0x00), 'v128', 2),
  splat32: loader(simd(0x09), 'v128', 2),
  zero32: loader(simd(0x5c), 'v128', 2),
  /** 64 bits into the lower half. */
  zero64: loader(simd(0x5d), 'v128', 1),
  lane16: laneLoader(0x55, 1),
  lane32: laneLoader(0x56, 2),
}

/** An instruction without a result: its type is what it would be as a value, never asked for. */
const storer =
  (code: number, align: number) =>
  (address: Node, offset: number, value: Node): Node =>
    makeNode(code, value.type, [address, value], memory(align, offset))
const laneStorer =
  (code: number, align: number) =>
  (address: Node, offset: number, value: Node, lane: number): Node =>
    makeNode(simd(code), 'v128', [address, value], [...memory(align, offset), lane])

export const store = {
  i32: storer(0x36, 2),
  f32: storer(0x38, 2),
  u16: storer(0x3b, 1),
  v128: storer(simd(0x0b), 2),
  lane16: laneStorer(0x59, 1),
  lane32: laneStorer(0x5a, 2),
  lane64: laneStorer(0x5b, 1),
}
