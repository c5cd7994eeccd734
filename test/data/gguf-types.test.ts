import { describe, expect, it } from 'vitest'
import type { GgufSource } from '../../src/data/gguf.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import type { QuantisedMatrix } from '../../src/data/tensor-source.ts'
import { numberToF16 } from '../../src/ir/dtype.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { ggufBytes, join } from './gguf-bytes.ts'
import { withSource } from './gguf-file.ts'
import { llamaMetadata } from './llama-gguf.ts'

const TYPES = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q5_0: 6, Q5_1: 7, Q8_0: 8, Q2_K: 10, Q3_K: 11, Q4_K: 12, Q5_K: 13 }
const ALL = { ...TYPES, Q6_K: 14, BF16: 30 }
/** Types of integers, and how many share a scale. */
const GROUPS: Readonly<Record<string, number>> = {
  ...{ Q4_0: 32, Q4_1: 32, Q5_0: 32, Q5_1: 32, Q8_0: 32 },
  ...{ Q2_K: 16, Q3_K: 16, Q4_K: 32, Q5_K: 32, Q6_K: 16 },
}
const KEPT = Object.keys(GROUPS)

const config = llamaConfig({
  vocab_size: 8,
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 1,
})
const NAME = 'model.layers.0.mlp.up_proj.weight'

/** A file of one matrix. */
const withMatrix = <T>(
  type: keyof typeof ALL,
  [rows, columns]: readonly [number, number],
  data: Uint8Array,
  use: (source: GgufSource) => Promise<T>,
): Promise<T> => {
  const tensor = { name: 'blk.0.ffn_up.weight', sizes: [columns, rows], type: ALL[type], data }
  return withSource(ggufBytes({ metadata: llamaMetadata(config), tensors: [tensor] }), use)
}

/** Element by element, as the docstring of QuantisedMatrix says. */
function unpacked({ bits, shape: [O, I], packed, scales, offsets }: QuantisedMatrix): Float32Array {
  const perWord = 32 / bits
  const group = (O * I) / scales.data.length
  return Float32Array.from({ length: O * I }, (_, at) => {
    const word = packed.data[Math.floor(at / perWord)]!
    const q = (word << (32 - bits * ((at % perWord) + 1))) >> (32 - bits)
    const g = Math.floor(at / group)
    return q * scales.data[g]! + (offsets?.data[g] ?? 0)
  })
}

const half = (value: number): Uint8Array => new Uint8Array(Uint16Array.of(numberToF16(value)).buffer)
const fill = (count: number, byte: number): Uint8Array => new Uint8Array(count).fill(byte)

describe('blocks whose values are seen by hand', () => {
  /** 32 elements: 16 of the low halves, then 16 of the high. */
  const halves = (low: number, high: number): number[] => [...Array(16).fill(low), ...Array(16).fill(high)]
  const of = (count: number, value: number): number[] => Array(count).fill(value)

  it.each([
    ['Q8_0', join(half(0.5), fill(32, 0xfe)), of(32, -1)],
    ['Q4_0', join(half(0.5), fill(16, 0x2f)), halves(3.5, -3)],
    ['Q4_1', join(half(0.5), half(10), fill(16, 0x2f)), halves(17.5, 11)],
    // The fifth bit is set for the first 16 elements alone.
    ['Q5_0', join(half(0.5), Uint8Array.of(255, 255, 0, 0), fill(16, 0x2f)), halves(7.5, -7)],
    ['Q5_1', join(half(0.5), half(10), Uint8Array.of(255, 255, 0, 0), fill(16, 0x2f)), halves(25.5, 11)],
    // Scale 3 and offset 2 for each 16, 0.5 and 0.25 their units; 2-bit elements 0, 1, 2, 3 in stretches of 32.
    [
      'Q2_K',
      join(fill(16, 0x23), fill(64, 0b11100100), half(0.5), half(0.25)),
      [0, 1, 2, 3, 0, 1, 2, 3].flatMap((q) => of(32, 1.5 * q - 0.5)),
    ],
    // Scales 0b010011 - 32 = -13; the third bit is set in the stretches 0, 2, 4 and 6 of 32, and 4 subtracted elsewhere.
    [
      'Q3_K',
      join(fill(32, 0b01010101), fill(64, 0b11100100), fill(8, 0x33), fill(4, 0b01010101), half(0.5)),
      [0, 1, 2, 3, 0, 1, 2, 3].flatMap((q, g) => of(32, -6.5 * (g % 2 ? q - 4 : q))),
    ],
    // Groups 0 to 3: scale 5, offset 9; groups 4 to 7: 0x1a and 0x2b, low halves in the last four bytes.
    [
      'Q4_K',
      join(half(0.5), half(0.25), fill(4, 0x45), fill(4, 0x89), fill(4, 0xba), fill(128, 0x2f)),
      [0, 1, 2, 3, 4, 5, 6, 7].flatMap((g) => of(32, (g < 4 ? 2.5 : 13) * (g % 2 ? 2 : 15) - (g < 4 ? 2.25 : 10.75))),
    ],
    [
      'Q5_K',
      join(half(0.5), half(0.25), fill(4, 0x45), fill(4, 0x89), fill(4, 0xba), fill(32, 0b00001111), fill(128, 0x2f)),
      [0, 1, 2, 3, 4, 5, 6, 7].flatMap((g) =>
        of(32, g < 4 ? 2.5 * (g % 2 ? 18 : 31) - 2.25 : 13 * (g % 2 ? 2 : 15) - 10.75),
      ),
    ],
    // Low halves 15 in the first two of four stretches of 32 and 2 in the others; high bits 0, 1, 2, 3.
    [
      'Q6_K',
      join(fill(128, 0x2f), fill(64, 0b11100100), fill(16, 0xfe), half(0.5)),
      [0, 1, 2, 3, 0, 1, 2, 3].flatMap((h) => of(32, -((h < 2 ? 15 : 2) + 16 * h - 32))),
    ],
  ] as const)('%s', async (type, block, values) => {
    await withMatrix(type, [1, values.length], block, async (source) => {
      expect([...(await source.read(NAME)).data]).toEqual(values)
      const kept = await source.readQuantised!(NAME)
      // Zeros may differ in sign.
      if (KEPT.includes(type)) expect([...unpacked(kept!)].map((x) => x + 0)).toEqual(values.map((x) => x + 0))
    })
  })
})

describe('blocks of random bytes', async () => {
  // Their values are what gguf-py 0.19.0, the reference in Python, makes of them.
  const { tensors } = await readSafetensors(new URL('gguf-blocks.safetensors', import.meta.url).pathname)

  it.each(Object.keys(ALL).filter((type) => type !== 'F32') as (keyof typeof ALL)[])('%s', async (type) => {
    const values = tensors.get(`${type}.values`)!.data
    const bytes = Uint8Array.from(tensors.get(`${type}.bytes`)!.data)
    await withMatrix(type, [2, values.length / 2], bytes, async (source) => {
      expect(source.tensors.get(NAME)).toEqual({ shape: [2, values.length / 2], stored: type, bytes: bytes.length })
      const read = await source.read(NAME)
      expect([read.dtype, read.shape]).toEqual(['f32', [2, values.length / 2]])
      expect(Buffer.from(read.data.buffer).equals(Buffer.from(values.slice().buffer))).toBe(true)
      expect((await source.read(NAME, { from: 1, to: 2 })).data).toEqual(values.slice(values.length / 2))
    })
  })

  it.each(KEPT as (keyof typeof ALL)[])('%s kept quantised is the same matrix', async (type) => {
    const values = tensors.get(`${type}.values`)!.data
    const bytes = Uint8Array.from(tensors.get(`${type}.bytes`)!.data)
    await withMatrix(type, [2, values.length / 2], bytes, async (source) => {
      const matrix = (await source.readQuantised!(NAME))!
      const groups = [2, values.length / 2 / GROUPS[type]!]
      expect([matrix.shape, matrix.packed.shape]).toEqual([
        [2, values.length / 2],
        [2, (values.length / 64) * matrix.bits],
      ])
      expect([matrix.scales.shape, matrix.offsets?.shape ?? groups]).toEqual([groups, groups])
      const got = unpacked(matrix)
      // Rounded are the scale, the offset and their sum, each to 24 bits; 63 is the largest integer kept with an offset.
      got.forEach((value, i) => {
        const scale = Math.abs(matrix.scales.data[Math.floor(i / GROUPS[type]!)]!)
        expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(2 ** -23 * (64 * scale + Math.abs(value)))
      })
      const second = (await source.readQuantised!(NAME, { from: 1, to: 2 }))!
      expect(second.shape).toEqual([1, values.length / 2])
      expect(unpacked(second)).toEqual(got.slice(got.length / 2))
    })
  })

  it('of floats are not kept quantised', async () => {
    await withMatrix('F32', [2, 4], new Uint8Array(32), async (source) => {
      expect(source.readQuantised!(NAME)).toBeUndefined()
    })
  })
})
