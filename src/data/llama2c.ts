import type { HostArray } from '../ir/dtype.ts'
import { FileError } from '../util/errors.ts'
import { type OpenFile, withFile } from './file-access.ts'
import { pairHalves } from './rotary-rows.ts'

/** The architecture of a checkpoint, under the names of Hugging Face's LLaMA configuration. */
export interface Llama2cConfig {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly vocab_size: number
  readonly max_position_embeddings: number
  readonly rms_norm_eps: number
  readonly rope_theta: number
  /** True when the classifier is the token embedding; there is then no `lm_head.weight`. */
  readonly tie_word_embeddings: boolean
}

export interface Llama2cCheckpoint {
  readonly config: Llama2cConfig
  /** Under Hugging Face's names (`model.layers.0.self_attn.q_proj.weight`), weights [out, in]. */
  readonly tensors: Map<string, HostArray<'f32'>>
}

const HEADER_FIELDS = ['dim', 'hidden_dim', 'n_layers', 'n_heads', 'n_kv_heads', 'vocab_size', 'seq_len'] as const
const HEADER_BYTES = HEADER_FIELDS.length * 4

/** One array of the file. A `*` in the name stands for the layer: the file holds one such array after the other. */
interface Section {
  readonly name: string
  readonly shape: readonly number[]
  /** Rows are q or k vectors of this many heads, whose order depends on how RoPE pairs them. */
  readonly ropeHeads?: number
  /** In the file but of no use. */
  readonly skipped?: boolean
}

/**
 * Reads a checkpoint of llama2.c (the `.bin` of its first export version, f32).
 * Memory: the tensors and one head of a q or k projection again.
 * Throws FileError when the header makes no sense or the file's size is not exactly what the header asks for.
 */
export async function readLlama2c(path: string): Promise<Llama2cCheckpoint> {
  return withFile(path, async (file) => {
    const config = await readConfig(file)
    const sections = layout(config)
    checkSize(file, sections, config)
    const tensors = new Map<string, HostArray<'f32'>>()
    let position = HEADER_BYTES
    for (const section of sections) {
      for (let layer = 0; layer < repeats(section, config); layer++) {
        if (!section.skipped) {
          const data = new Float32Array(elements(section))
          await file.readInto(new Uint8Array(data.buffer), position)
          const name = section.name.replace('*', String(layer))
          const tensor = { dtype: 'f32', shape: section.shape, data } as const
          if (section.ropeHeads !== undefined) pairHalves(tensor, section.shape[0]! / section.ropeHeads)
          tensors.set(name, tensor)
        }
        position += elements(section) * 4
      }
    }
    return { config, tensors }
  })
}

async function readConfig(file: OpenFile): Promise<Llama2cConfig> {
  const fail = (what: string) => new FileError(`${file.path}: not a llama2.c checkpoint: ${what}`)
  if (file.size < HEADER_BYTES) throw fail(`only ${file.size} bytes long`)
  const bytes = new Uint8Array(HEADER_BYTES)
  await file.readInto(bytes, 0)
  const view = new DataView(bytes.buffer)
  HEADER_FIELDS.forEach((field, i) => {
    const value = view.getInt32(i * 4, true)
    if (value === 0 || (value < 0 && field !== 'vocab_size')) throw fail(`${field} is ${value}`)
  })
  const header = (field: (typeof HEADER_FIELDS)[number]) => view.getInt32(HEADER_FIELDS.indexOf(field) * 4, true)
  const [dim, heads, kvHeads, signedVocab] = [
    header('dim'),
    header('n_heads'),
    header('n_kv_heads'),
    header('vocab_size'),
  ]
  if (dim % heads !== 0 || (dim / heads) % 2 !== 0) throw fail(`dim ${dim} does not give ${heads} heads of even size`)
  if (heads % kvHeads !== 0) throw fail(`n_heads ${heads} is not a multiple of n_kv_heads ${kvHeads}`)
  return {
    hidden_size: dim,
    intermediate_size: header('hidden_dim'),
    num_hidden_layers: header('n_layers'),
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    vocab_size: Math.abs(signedVocab),
    max_position_embeddings: header('seq_len'),
    rms_norm_eps: 1e-5, // not in the file: the constants of llama2.c
    rope_theta: 10000,
    tie_word_embeddings: signedVocab > 0, // a negative size is how the format says "separate classifier"
  }
}

/** The arrays in the file's order. */
function layout(config: Llama2cConfig): readonly Section[] {
  const { hidden_size: dim, intermediate_size: hidden, vocab_size: vocab } = config
  const { num_attention_heads: heads, num_key_value_heads: kvHeads } = config
  const headDim = dim / heads
  const ropeTable = { name: 'rope', shape: [config.max_position_embeddings, headDim / 2], skipped: true }
  const inLayer = (name: string, ...shape: number[]): Section => ({ name: `model.layers.*.${name}.weight`, shape })
  return [
    { name: 'model.embed_tokens.weight', shape: [vocab, dim] },
    inLayer('input_layernorm', dim),
    { ...inLayer('self_attn.q_proj', dim, dim), ropeHeads: heads },
    { ...inLayer('self_attn.k_proj', kvHeads * headDim, dim), ropeHeads: kvHeads },
    inLayer('self_attn.v_proj', kvHeads * headDim, dim),
    inLayer('self_attn.o_proj', dim, dim),
    inLayer('post_attention_layernorm', dim),
    inLayer('mlp.gate_proj', hidden, dim),
    inLayer('mlp.down_proj', dim, hidden),
    inLayer('mlp.up_proj', hidden, dim),
    { name: 'model.norm.weight', shape: [dim] },
    ropeTable, // cosines
    ropeTable, // sines
    ...(config.tie_word_embeddings ? [] : [{ name: 'lm_head.weight', shape: [vocab, dim] }]),
  ]
}

const elements = ({ shape }: Section): number => shape.reduce((product, dim) => product * dim, 1)
const repeats = ({ name }: Section, config: Llama2cConfig): number =>
  name.includes('*') ? config.num_hidden_layers : 1

/** Sizes past 2^53 are inexact here, and still larger than any file. */
function checkSize(file: OpenFile, sections: readonly Section[], config: Llama2cConfig): void {
  const expected = sections.reduce(
    (sum, section) => sum + 4 * elements(section) * repeats(section, config),
    HEADER_BYTES,
  )
  if (file.size === expected) return
  throw new FileError(
    `${file.path}: ${file.size} bytes long, but a llama2.c checkpoint of its header takes ${expected}`,
    {
      hint:
        file.size < expected
          ? 'the file is truncated or of another format'
          : 'the file is of another format or version',
    },
  )
}
