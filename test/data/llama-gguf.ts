import type { HostArray } from '../../src/ir/dtype.ts'
import type { LlamaConfig } from '../../src/models/config.ts'
import { f32, type GgufParts, type TensorBytes, text, u32, type Value } from './gguf-bytes.ts'

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens/, 'token_embd'],
  [/^model\.norm/, 'output_norm'],
  [/^lm_head/, 'output'],
  [/^model\.layers/, 'blk'],
  [/input_layernorm/, 'attn_norm'],
  [/post_attention_layernorm/, 'ffn_norm'],
  [/self_attn\.(.)_proj/, 'attn_$1'],
  [/attn_o\./, 'attn_output.'],
  [/mlp\.(\w+)_proj/, 'ffn_$1'],
]

/** What llama.cpp's conversion makes of a LLaMA under Hugging Face's names: F32, rows of q and k in pairs. */
export function llamaGguf(config: LlamaConfig, tensors: ReadonlyMap<string, HostArray>): GgufParts {
  return {
    metadata: llamaMetadata(config),
    tensors: [...tensors].map(([name, { shape, data }]): TensorBytes => {
      const heads = name.includes('q_proj')
        ? config.num_attention_heads
        : name.includes('k_proj')
          ? config.num_key_value_heads
          : undefined
      const values = heads === undefined ? Float32Array.from(data) : inPairs(data, shape, heads)
      return {
        name: NAMES.reduce((renamed, [from, to]) => renamed.replace(from, to), name),
        sizes: [...shape].reverse(),
        type: 0,
        data: new Uint8Array(values.buffer),
      }
    }),
  }
}

export function llamaMetadata(config: LlamaConfig): readonly (readonly [string, Value])[] {
  const scaling = config.rope_scaling
  return [
    ['general.architecture', text('llama')],
    ['llama.vocab_size', u32(config.vocab_size)],
    ['llama.block_count', u32(config.num_hidden_layers)],
    ['llama.context_length', u32(config.max_position_embeddings)],
    ['llama.embedding_length', u32(config.hidden_size)],
    ['llama.feed_forward_length', u32(config.intermediate_size)],
    ['llama.attention.head_count', u32(config.num_attention_heads)],
    ['llama.attention.head_count_kv', u32(config.num_key_value_heads)],
    ['llama.attention.layer_norm_rms_epsilon', f32(config.rms_norm_eps)],
    ['llama.attention.key_length', u32(config.head_dim)],
    ['llama.rope.dimension_count', u32(config.head_dim)],
    ['llama.rope.freq_base', f32(config.rope_theta)],
    ...(scaling
      ? ([
          ['llama.rope.scaling.type', text(scaling.type)],
          ['llama.rope.scaling.factor', f32(scaling.factor)],
        ] as const)
      : []),
  ]
}

/** Row half * headDim/2 + i of a head becomes row 2i + half. */
export function inPairs(data: ArrayLike<number>, shape: readonly number[], heads: number): Float32Array<ArrayBuffer> {
  const [rows, columns] = shape as [number, number]
  const headDim = rows / heads
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns]
    const inHead = row % headDim
    const source = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2)
    return data[source * columns + column]!
  })
}
