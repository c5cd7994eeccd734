import type { HostArray } from '../ir/dtype.ts'
import { FileError } from '../util/errors.ts'
import { type OpenFile, openFile } from './file-access.ts'
import { readElements } from './read-elements.ts'
import { unitReading } from './row-units.ts'
import { found, tensorOf } from './tensor-name.ts'
import type { RowRange, TensorSource } from './tensor-source.ts'

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

export interface Llama2cSource extends TensorSource {
  readonly config: Llama2cConfig
  read(name: string, rows?: RowRange): Promise<HostArray<'f32'>>
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
 * Opens a checkpoint of llama2.c (the `.bin` of its first export version, f32). Only the header is read now. The rows of
 * q and k projections come in Hugging Face's order, whole or by ranges.
 * Throws FileError when the header makes no sense or the file's size is not exactly what the header asks for.
 */
export async function llama2cSource(path: string): Promise<Llama2cSource> {
  const file = await openFile(path)
  try {
    const config = await readConfig(file)
    const sections = layout(config)
    checkSize(file, sections, config)
    const places = placesOf(sections, config)
    return {
      path,
      config,
      tensors: new Map(
        [...places].map(([name, { section }]) => [
          name,
          { shape: section.shape, stored: 'F32', bytes: 4 * elements(section) },
        ]),
      ),
      async read(name, rows) {
        return readPlace(file, found(places, name, path), rows, tensorOf(path, name))
      },
      close: () => file.close(),
    }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

/** Where in the file one tensor is. */
interface Place {
  readonly section: Section
  /** Byte of the file. */
  readonly position: number
}

/** The tensors of use by name, in the file's order. */
function placesOf(sections: readonly Section[], config: Llama2cConfig): Map<string, Place> {
  const places = new Map<string, Place>()
  let position = HEADER_BYTES
  for (const section of sections) {
    for (let layer = 0; layer < repeats(section, config); layer++) {
      if (!section.skipped) places.set(section.name.replace('*', String(layer)), { section, position })
      position += elements(section) * 4
    }
  }
  return places
}

async function readPlace(
  file: OpenFile,
  { section, position }: Place,
  rows: RowRange | undefined,
  what: string,
): Promise<HostArray<'f32'>> {
  const { shape, ropeHeads } = section
  const headDim = ropeHeads === undefined ? undefined : shape[0]! / ropeHeads
  const { stretch, settle } = unitReading({ shape, headDim, unit: headDim ?? 1 }, rows, what)
  return settle(await readElements(file, 'F32', position, stretch, what))
}

async function readConfig(file: OpenFile): Promise<Llama2cConfig> {
  const fail = (what: string) =>
    new FileError(`${file.path}: not a llama2.c checkpoint: ${what}`, {
      hint: 'the file is damaged or of another format; tokenizers are files of their own',
    })
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
