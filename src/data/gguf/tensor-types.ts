import { widenBf16 } from '../bf16.ts'
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from './k-blocks.ts'
import {
  type DecodeBlock,
  decodeQ4_0,
  decodeQ4_1,
  decodeQ5_0,
  decodeQ5_1,
  decodeQ8_0,
  type Widen,
  widenF16,
} from './legacy-blocks.ts'
import {
  type PackBlock,
  packQ2_K,
  packQ3_K,
  packQ4_0,
  packQ4_1,
  packQ4_K,
  packQ5_0,
  packQ5_1,
  packQ5_K,
  packQ6_K,
  packQ8_0,
} from './pack-blocks.ts'

/** How ggml stores the elements of a tensor: in blocks, each within a row. */
export interface TensorType {
  readonly name: string
  /** Elements of a block, and the bytes that they take. */
  readonly block: number
  readonly bytes: number
  /** How they become f32; F32 has neither. */
  readonly decode?: DecodeBlock
  readonly widen?: Widen
  /** How they are kept as integers of 4 or 8 bits with a scale, and perhaps an offset, for each group. */
  readonly packed?: Packed
}

export interface Packed {
  readonly bits: 4 | 8
  /** Elements that share a scale. */
  readonly group: 16 | 32
  readonly offsets: boolean
  readonly pack: PackBlock
}

/** By the number in the file (`enum ggml_type`). */
export const TENSOR_TYPES: ReadonlyMap<number, TensorType> = new Map<number, TensorType>([
  [0, { name: 'F32', block: 1, bytes: 4 }],
  [1, { name: 'F16', block: 1, bytes: 2, widen: widenF16 }],
  [2, { name: 'Q4_0', block: 32, bytes: 18, decode: decodeQ4_0, packed: plain(4, 32, packQ4_0) }],
  [3, { name: 'Q4_1', block: 32, bytes: 20, decode: decodeQ4_1, packed: shifted(4, 32, packQ4_1) }],
  [6, { name: 'Q5_0', block: 32, bytes: 22, decode: decodeQ5_0, packed: plain(8, 32, packQ5_0) }],
  [7, { name: 'Q5_1', block: 32, bytes: 24, decode: decodeQ5_1, packed: shifted(8, 32, packQ5_1) }],
  [8, { name: 'Q8_0', block: 32, bytes: 34, decode: decodeQ8_0, packed: plain(8, 32, packQ8_0) }],
  [10, { name: 'Q2_K', block: 256, bytes: 84, decode: decodeQ2_K, packed: shifted(4, 16, packQ2_K) }],
  [11, { name: 'Q3_K', block: 256, bytes: 110, decode: decodeQ3_K, packed: plain(4, 16, packQ3_K) }],
  [12, { name: 'Q4_K', block: 256, bytes: 144, decode: decodeQ4_K, packed: shifted(4, 32, packQ4_K) }],
  [13, { name: 'Q5_K', block: 256, bytes: 176, decode: decodeQ5_K, packed: shifted(8, 32, packQ5_K) }],
  [14, { name: 'Q6_K', block: 256, bytes: 210, decode: decodeQ6_K, packed: plain(8, 16, packQ6_K) }],
  [30, { name: 'BF16', block: 1, bytes: 2, widen: widenBf16 }],
])

function plain(bits: 4 | 8, group: 16 | 32, pack: PackBlock): Packed {
  return { bits, group, offsets: false, pack }
}

function shifted(bits: 4 | 8, group: 16 | 32, pack: PackBlock): Packed {
  return { bits, group, offsets: true, pack }
}

export const TYPE_NAMES = [...TENSOR_TYPES.values()].map(({ name }) => name).join(', ')

/** Types that ggml has and weft does not read, so that a message can name them. */
export const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [9, 'Q8_1'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
  [40, 'NVFP4'],
  [41, 'Q1_0'],
])
