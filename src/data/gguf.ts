import { type LastingFile, openFile, withFile } from './file-access.ts'
import { checkArchitecture, configOf, type GgufConfig } from './gguf/config.ts'
import { fieldsOf } from './gguf/fields.ts'
import { readHeader, readMetadata } from './gguf/header.ts'
import type { Metadata } from './gguf/metadata.ts'
import { placeOf, ROPE_FACTORS } from './gguf/names.ts'
import { readDecoded } from './gguf/read-blocks.ts'
import { entryOf, readQuantisedRows, readRows } from './gguf/read-rows.ts'
import { type GgufTokenizer, tokenizerOf } from './gguf/tokenizer.ts'
import { stretchOf } from './row-range.ts'
import { found } from './tensor-name.ts'
import type { TensorSource } from './tensor-source.ts'

export type { GgufTokenizer }

/** A LLaMA in a GGUF file, as llama.cpp keeps them. */
export interface GgufSource extends TensorSource {
  /** The fields of Hugging Face's config.json: what `llamaConfig` takes. */
  readonly config: GgufConfig
  readonly tokenizer: GgufTokenizer | undefined
  /** All there is, under the file's keys. */
  readonly metadata: Metadata
}

/**
 * Opens a GGUF file of versions 2 and 3 that holds a LLaMA. Only the header is read now. All types are read as f32; the
 * rows of q and k projections come in Hugging Face's order, and `rope_freqs.weight` becomes `config.rope_scaling`.
 * @throws FileError for anything but a well-formed file; UnsupportedError, naming it, for an architecture, a tensor or a
 * type of tensor that weft lacks, and for a file that is one of several.
 *
 * Source: docs/gguf.md of ggml; `LlamaModel` of llama.cpp's convert_hf_to_gguf.py for names and the order of rows.
 */
export async function ggufSource(path: string): Promise<GgufSource> {
  const file = await openFile(path)
  try {
    return await sourceOf(file, path)
  } catch (cause) {
    await file.close()
    throw cause
  }
}

/**
 * The tokenizer that a GGUF file carries, of a model of any architecture; undefined where it has none.
 * @throws FileError for anything but a well-formed file, UnsupportedError for other versions than 2 and 3.
 */
export const readGgufTokenizer = (path: string): Promise<GgufTokenizer | undefined> =>
  withFile(path, async (file) => tokenizerOf(fieldsOf(await readMetadata(file), path)))

async function sourceOf(file: LastingFile, path: string): Promise<GgufSource> {
  const { metadata, tensors } = await readHeader(file)
  const fields = fieldsOf(metadata, path)
  checkArchitecture(fields)
  const factors = tensors.find(({ name }) => name === ROPE_FACTORS)
  const places = tensors
    .filter((tensor) => tensor !== factors)
    .map((tensor) => ({ tensor, ...placeOf(tensor.name, path) }))
  const names = places.map(({ name }) => name)
  const ropeFactors = factors && (await readDecoded(file, factors, stretchOf(factors.shape, undefined, path))).data
  const config = configOf(fields, { names, ropeFactors })
  const headsOf = { query: config.num_attention_heads, key: config.num_key_value_heads }
  const entries = new Map(
    places.map(({ tensor, name, rotated }) => [name, entryOf(tensor, rotated && headsOf[rotated], path)]),
  )
  return {
    path,
    config,
    metadata,
    tokenizer: tokenizerOf(fields),
    tensors: new Map(
      [...entries].map(([name, { tensor }]) => [
        name,
        { shape: tensor.shape, stored: tensor.type.name, bytes: tensor.bytes },
      ]),
    ),
    read: async (name, rows) => readRows(file, found(entries, name, path), rows),
    readQuantised(name, rows) {
      const entry = found(entries, name, path)
      const { packed } = entry.tensor.type
      return packed && entry.tensor.shape.length === 2 ? readQuantisedRows(file, entry, packed, rows) : undefined
    },
    close: () => file.close(),
  }
}
