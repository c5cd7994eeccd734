import type { DType } from '../../ir/dtype.ts'
import { type Arithmetic, SCALAR, VECTOR } from './arithmetic.ts'
import { fromHalfBits, toHalfBits } from './half.ts'
import { i16x8, i32, i32x4, load, store } from './instructions.ts'
import { constI32, type Node } from './node.ts'

/** Loads and stores of every dtype, at byte addresses: one element, four in a row, or four anywhere. */

/** Where an access begins: `address + offset`. */
export interface Address {
  readonly address: Node
  readonly offset: number
}
/** Four of them. */
export type LaneAddresses = readonly Address[]

/** What the bits in memory stand for. */
function decode(A: Arithmetic, bits: Node, dtype: DType): Node {
  if (dtype === 'f16') return fromHalfBits(A, bits)
  return dtype === 'bool' ? A.i32.ne(bits, A.constI32(0)) : bits
}

function encode(A: Arithmetic, value: Node, dtype: DType): Node {
  if (dtype === 'f16') return toHalfBits(A, value)
  return dtype === 'bool' ? A.boolToInt(value) : value
}

export function loadScalar({ address, offset }: Address, dtype: DType): Node {
  if (dtype === 'f32') return load.f32(address, offset)
  return decode(SCALAR, (dtype === 'f16' ? load.u16 : load.i32)(address, offset), dtype)
}

export function loadRow({ address, offset }: Address, dtype: DType): Node {
  const bits = dtype === 'f16' ? i32x4.extendLowI16U(load.zero64(address, offset)) : load.v128(address, offset)
  return decode(VECTOR, bits, dtype)
}

/** One element in all lanes; undefined where that is no cheaper than a scalar that is repeated. */
export function loadRepeated({ address, offset }: Address, dtype: DType): Node | undefined {
  return dtype === 'f16' ? undefined : decode(VECTOR, load.splat32(address, offset), dtype)
}

export function gather(lanes: LaneAddresses, dtype: DType): Node {
  const [first, ...rest] = lanes
  if (dtype === 'f16') {
    const start = i32x4.splat(load.u16(first!.address, first!.offset))
    const halves = rest.reduce((v, { address, offset }, i) => load.lane16(address, offset, v, i + 1), start)
    return decode(VECTOR, i32x4.extendLowI16U(halves), dtype)
  }
  const start = load.zero32(first!.address, first!.offset)
  return decode(
    VECTOR,
    rest.reduce((v, { address, offset }, i) => load.lane32(address, offset, v, i + 1), start),
    dtype,
  )
}

export function storeScalar({ address, offset }: Address, value: Node, dtype: DType): Node {
  const bits = encode(SCALAR, value, dtype)
  if (dtype === 'f32') return store.f32(address, offset, bits)
  return (dtype === 'f16' ? store.u16 : store.i32)(address, offset, bits)
}

export function storeRow({ address, offset }: Address, value: Node, dtype: DType): Node {
  const bits = encode(VECTOR, value, dtype)
  return dtype === 'f16'
    ? store.lane64(address, offset, i16x8.narrowI32U(bits, bits), 0)
    : store.v128(address, offset, bits)
}

export function scatter(lanes: LaneAddresses, value: Node, dtype: DType): readonly Node[] {
  const bits = encode(VECTOR, value, dtype)
  const packed = dtype === 'f16' ? i16x8.narrowI32U(bits, bits) : bits
  const storeLane = dtype === 'f16' ? store.lane16 : store.lane32
  return lanes.map(({ address, offset }, i) => storeLane(address, offset, packed, i))
}

/** Lanes a scalar distance apart, in bytes. */
export function stridedLanes({ address, offset }: Address, bytes: number | Node): LaneAddresses {
  if (typeof bytes === 'number' && bytes >= 0) {
    return [0, 1, 2, 3].map((lane) => ({ address, offset: offset + lane * bytes }))
  }
  const step = typeof bytes === 'number' ? constI32(bytes) : bytes
  const second = i32.add(address, step)
  const third = i32.add(second, step)
  return [address, second, third, i32.add(third, step)].map((a) => ({ address: a, offset }))
}

/** Lanes at the byte addresses in a vector. */
export const scatteredLanes = (addresses: Node): LaneAddresses =>
  [0, 1, 2, 3].map((lane) => ({ address: i32x4.extract(addresses, lane), offset: 0 }))
