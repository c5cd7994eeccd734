import fc from 'fast-check'
import { key, tensor } from '../../src/ir/ops.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { initParams } from '../../src/models/init.ts'
import { llamaHidden, llamaSpec } from '../../src/models/llama.ts'
import { randomTensors } from '../nn/oracle.ts'

export const TEXT = 1
export const IMAGE = 2
export const PADDING = 0

/** A row of modalities: text and images in runs, any of them first, or only one of them, padded on one side. */
export const rows = fc
  .record({
    runs: fc.array(fc.record({ kind: fc.constantFrom(TEXT, IMAGE), length: fc.integer({ min: 1, max: 3 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
    side: fc.constantFrom('none', 'left', 'right'),
  })
  .map(({ runs, before, after, side }) => [
    ...new Array<number>(side === 'left' ? before : 0).fill(PADDING),
    ...runs.flatMap(({ kind, length }) => new Array<number>(length).fill(kind)),
    ...new Array<number>(side === 'right' ? after : 0).fill(PADDING),
  ])

/** A batch of rows, made equally long by padding on the right. */
export const batches = fc.array(rows, { minLength: 2, maxLength: 3 }).map((list) => {
  const T = Math.max(...list.map((row) => row.length))
  return list.map((row) => [...row, ...new Array<number>(T - row.length).fill(PADDING)])
})

export const seeds = fc.integer({ min: 1, max: 1e6 })
export const modalityTensor = (batch: readonly (readonly number[])[]): Tensor => tensor(batch, { dtype: 'i32' })

/** True where the paper lets a query attend to a key. */
export function allowed(row: readonly number[], query: number, key: number): boolean {
  if (row[query] === TEXT) return row[key] !== PADDING && key <= query
  return row[query] === IMAGE && key === query
}

export const config = llamaConfig({
  vocab_size: 8,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
})
/** Larger than a model starts with, so that attention is not uniform. */
const wide = (n: number): number => n * 20
const start = initParams(llamaSpec(config), key(5))
const scaled = async (t: Tensor): Promise<Tensor> => tensor((await t.read()).map(wide), { shape: t.shape })

async function scaledParams(): Promise<typeof start> {
  const layers = await Promise.all(
    start.model.layers.map(async (layer) => ({
      ...layer,
      self_attn: {
        q_proj: { weight: await scaled(layer.self_attn.q_proj.weight) },
        k_proj: { weight: await scaled(layer.self_attn.k_proj.weight) },
        v_proj: { weight: await scaled(layer.self_attn.v_proj.weight) },
        o_proj: { weight: await scaled(layer.self_attn.o_proj.weight) },
      },
    })),
  )
  return { ...start, model: { ...start.model, layers } }
}

/** A two-layer decoder with grouped-query attention. */
export const params = await scaledParams()

export const embeddings = (seed: number, B: number, T: number): Tensor => randomTensors(seed, [B, T, 8])[0]!

type Options = Parameters<typeof llamaHidden>[3]

/** The decoder's hidden states, by sample and position. */
export async function hiddenRows(
  embeds: Tensor,
  batch: readonly (readonly number[])[],
  options: Partial<Options> = {},
): Promise<number[][][]> {
  const modality = modalityTensor(batch)
  return nested(await llamaHidden(params, config, embeds, { attention: 'mmca-paper', modality, ...options }).read(), [
    batch.length,
    batch[0]!.length,
  ])
}

/** Flat elements as [b][t][...]. */
export function nested(data: ArrayLike<number>, [B, T]: readonly [number, number]): number[][][] {
  const flat = Array.from(data)
  const D = flat.length / (B * T)
  return Array.from({ length: B }, (_, b) =>
    Array.from({ length: T }, (_, t) => flat.slice((b * T + t) * D, (b * T + t + 1) * D)),
  )
}

/** Embeddings with the rows that `change` names replaced by others. */
export async function changed(
  embeds: Tensor,
  seed: number,
  change: (b: number, t: number) => boolean,
): Promise<Tensor> {
  const [B, T, D] = embeds.shape as readonly [number, number, number]
  const data = new Float32Array(await embeds.read())
  const other = await embeddings(seed + 7, B, T).read()
  for (let i = 0; i < data.length; i++) {
    const row = Math.floor(i / D)
    if (change(Math.floor(row / T), row % T)) data[i] = other[i]!
  }
  return tensor(data, { shape: embeds.shape })
}
