import { f32Bytes, f64Bytes, i32Bytes, signedLeb, unsignedLeb } from './bytes.ts'

export type ValueType = 'i32' | 'f32' | 'f64' | 'v128'

/**
 * One instruction and the values it takes: a formula, before it is written down. A node that several others take
 * is computed once and kept in a local. Nodes belong to one statement, whose instructions run in a straight line.
 */
export interface Node {
  /** Opcode; one behind a prefix byte is (prefix << 16) + code, as `simd` and `saturating` make it. */
  readonly code: number
  readonly type: ValueType
  readonly args: readonly Node[]
  /** Encoded immediates. */
  readonly immediate: readonly number[]
  /** How many nodes take it, and the local it is kept in: notes of the writer. */
  uses: number
  local: number
}

const NO_IMMEDIATE: readonly number[] = []

export const makeNode = (
  code: number,
  type: ValueType,
  args: readonly Node[],
  immediate: readonly number[] = NO_IMMEDIATE,
): Node => ({ code, type, args, immediate, uses: 0, local: -1 })

/** Opcodes of the SIMD (0xfd) and saturating (0xfc) groups, told from single bytes by their size. */
export const simd = (code: number): number => 0xfd_0000 + code
export const saturating = (code: number): number => 0xfc_0000 + code

export const LOCAL_GET = 0x20

export const getLocal = (index: number, type: ValueType): Node => makeNode(LOCAL_GET, type, [], unsignedLeb(index))
export const callFunction = (index: number, args: readonly Node[], type: ValueType): Node =>
  makeNode(0x10, type, args, unsignedLeb(index))

const I32_CONST = 0x41
export const constI32 = (value: number): Node => makeNode(I32_CONST, 'i32', [], signedLeb(value))
export const constF32 = (value: number): Node => makeNode(0x43, 'f32', [], f32Bytes(value))
export const constF64 = (value: number): Node => makeNode(0x44, 'f64', [], f64Bytes(value))

const V128_CONST = simd(0x0c)
const repeat = (bytes: readonly number[], times: number): number[] => {
  const out: number[] = []
  for (let i = 0; i < times; i++) out.push(...bytes)
  return out
}
/** The same value in every lane. */
export const constF32x4 = (value: number): Node => makeNode(V128_CONST, 'v128', [], repeat(f32Bytes(value), 4))
export const constI32x4 = (value: number): Node => makeNode(V128_CONST, 'v128', [], repeat(i32Bytes(value), 4))
export const constF64x2 = (value: number): Node => makeNode(V128_CONST, 'v128', [], repeat(f64Bytes(value), 2))
export const constLanes = (lanes: readonly number[]): Node => makeNode(V128_CONST, 'v128', [], lanes.flatMap(i32Bytes))

/** May it be written again wherever it is wanted, instead of being kept? */
export const isLeaf = (n: Node): boolean => n.args.length === 0
