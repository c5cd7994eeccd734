import { describe, expect, test } from 'vitest'
import type { HostArray } from '../../src/ir/dtype.ts'
import { f16ToNumber, numberToF16 } from '../../src/ir/dtype.ts'
import { key } from '../../src/ir/ops.ts'
import { isTensor } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { initParams } from '../../src/models/init.ts'
import { llamaSpec } from '../../src/models/llama.ts'
import { flattenNames } from '../../src/models/names.ts'
import { resizeEmbedding, resizeRows } from '../../src/models/resize-embedding.ts'
import { ShapeError, UnsupportedError, ValueError } from '../../src/util/errors.ts'

const table: HostArray = { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 3, 6, -5) }

describe('resizeRows', () => {
  test('new rows are the mean of the old, which stay', async () => {
    const { shape, data } = await resizeRows(table, 4)
    expect(shape).toEqual([4, 3])
    expect([...data]).toEqual([1, 2, 3, 3, 6, -5, 2, 4, -1, 2, 4, -1])
    expect(await resizeRows(table, 2)).toEqual(table)
  })

  test('f16 stays f16', async () => {
    const half: HostArray = { dtype: 'f16', shape: [2, 1], data: Uint16Array.of(numberToF16(0.5), numberToF16(1.5)) }
    const { dtype, data } = await resizeRows(half, 3)
    expect([dtype, ...Array.from(data, f16ToNumber)]).toEqual(['f16', 0.5, 1.5, 1])
  })

  test('or they are drawn from N(0, 0.02), alike for equal keys', async () => {
    const drawn = async (seed: number) => (await resizeRows(table, 502, { newRows: { key: key(seed) } })).data.slice(6)
    const values = [...(await drawn(1))]
    expect(Math.abs(values.reduce((a, b) => a + b) / values.length)).toBeLessThan(0.003)
    expect(Math.sqrt(values.reduce((a, b) => a + b * b) / values.length)).toBeCloseTo(0.02, 2)
    expect([...(await drawn(1))]).toEqual(values)
    expect([...(await drawn(2))]).not.toEqual(values)
  })

  test('rows are dropped only where asked', async () => {
    await expect(resizeRows(table, 1)).rejects.toThrow(ValueError)
    await expect(resizeRows(table, 1)).rejects.toThrow("1 rows would drop 1 of the table's 2")
    expect([...(await resizeRows(table, 1, { dropRows: true })).data]).toEqual([1, 2, 3])
    for (const rows of [0, 1.5, -1]) await expect(resizeRows(table, rows)).rejects.toThrow(ValueError)
    await expect(resizeRows({ ...table, shape: [6] }, 7)).rejects.toThrow(ShapeError)
  })
})

describe('resizeEmbedding', () => {
  const config = llamaConfig({
    vocab_size: 5,
    hidden_size: 4,
    intermediate_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 1,
  })
  const decoder = initParams(llamaSpec(config), key(1))
  const params = { lang_decoder: decoder, lang_embed: { weight: decoder.model.embed_tokens.weight } }

  test('resizes every table of tokens, and nothing else', async () => {
    const resized = await resizeEmbedding(params, 8)
    const [before, after] = [flattenNames(params, isTensor), flattenNames(resized, isTensor)]
    expect([...after.keys()]).toEqual([...before.keys()])
    const changed = [...after].filter(([name, tensor]) => tensor !== before.get(name))
    expect(changed.map(([name, { shape }]) => [name, ...shape])).toEqual([
      ['lang_decoder.model.embed_tokens.weight', 8, 4],
      ['lang_decoder.lm_head.weight', 8, 4],
      ['lang_embed.weight', 8, 4],
    ])
  })

  test('draws for each table by a key of its own', async () => {
    const resized = flattenNames(await resizeEmbedding(params, 8, { newRows: { key: key(3) } }), isTensor)
    const names = ['lang_decoder.model.embed_tokens.weight', 'lang_decoder.lm_head.weight']
    const rows = await Promise.all(names.map(async (name) => [...(await resized.get(name)!.read())].slice(20)))
    expect(rows[0]).not.toEqual(rows[1])
  })

  test('says what it cannot do', async () => {
    await expect(resizeEmbedding(params, 3)).rejects.toThrow(ValueError)
    await expect(resizeEmbedding({ norm: decoder.model.norm }, 8)).rejects.toThrow('no embed_tokens')
    const split = { lang_embed: { weight: { parts: [decoder.model.embed_tokens.weight] } } }
    await expect(resizeEmbedding(split, 8)).rejects.toThrow(UnsupportedError)
  })
})
