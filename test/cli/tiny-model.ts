import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLlama2cTokenizer } from '../../src/data/llama2c-tokenizer.ts'
import { Random } from '../../src/data/random.ts'
import type { Tokenizer } from '../../src/data/tokenizer.ts'
import { llamaConfig } from '../../src/models/config.ts'
import { f32s, type GgufParts, ggufBytes, i32s, text, texts, u32 } from '../data/gguf-bytes.ts'
import { llamaGguf } from '../data/llama-gguf.ts'
import { checkpointBytes, type Llama2cHeader, tokenizerBytes } from '../data/llama2c-bytes.ts'
import { plainLlama } from '../data/llama2c-reference.ts'
import { readLlama2c } from '../data/read-llama2c.ts'

const HEADER: Llama2cHeader = { dim: 16, hidden: 24, layers: 2, heads: 4, kvHeads: 2, vocab: 285, positions: 24 }
const LETTERS = Array.from(' abcdefghijklmnopqrstuvwxy')

/** A checkpoint of random weights, so that something is tested where there are no real ones. */
export interface TinyModel {
  readonly model: string
  readonly tokenizer: string
  readonly positions: number
  /** The same as one GGUF file, the tokenizer in it. */
  asGguf(): Promise<string>
  /** The likeliest continuation of a prompt up to `steps` positions, by plain loops. */
  expected(prompt: string, steps: number): Promise<string>
}

export async function writeTinyModel(): Promise<TinyModel> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-tiny-'))
  const [model, tokenizer] = [join(folder, 'model.bin'), join(folder, 'tokenizer.bin')]
  await writeFile(model, randomWeights())
  await writeFile(tokenizer, tokenizerBytes(LETTERS))
  return {
    model,
    tokenizer,
    positions: HEADER.positions,
    async asGguf() {
      const path = join(folder, 'model.gguf')
      const { config, tensors } = await readLlama2c(model)
      const { metadata = [], ...parts } = llamaGguf(llamaConfig({ ...config }), tensors)
      await writeFile(path, ggufBytes({ ...parts, metadata: [...metadata, ...(await tokenizerMetadata(tokenizer))] }))
      return path
    },
    async expected(prompt, steps) {
      const vocabulary = await readLlama2cTokenizer(tokenizer)
      const next = plainLlama(await readLlama2c(model))
      return vocabulary.decode(continued(next, vocabulary, prompt, steps))
    },
  }
}

async function tokenizerMetadata(path: string): Promise<NonNullable<GgufParts['metadata']>> {
  const vocabulary = await readLlama2cTokenizer(path)
  const ids = Array.from({ length: vocabulary.vocabSize }, (_, id) => id)
  const isByte = (id: number): boolean => id >= 3 && id < 259
  return [
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.tokens', texts(ids.map((id) => vocabulary.tokenName(id).replace(' ', '\u2581')))],
    ['tokenizer.ggml.scores', f32s(ids.map(() => 0))],
    ['tokenizer.ggml.token_type', i32s(ids.map((id) => (id < 3 ? (id === 0 ? 2 : 3) : isByte(id) ? 6 : 1)))],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
  ]
}

function randomWeights(): Uint8Array {
  const { bytes } = checkpointBytes({ ...HEADER, vocab: 259 + LETTERS.length })
  const random = new Random('tiny model')
  const floats = new Float32Array(bytes.buffer, 28)
  for (let i = 0; i < floats.length; i++) floats[i] = random.normal()
  return bytes
}

function continued(
  next: (token: number) => Float32Array,
  tokenizer: Tokenizer,
  prompt: string,
  steps: number,
): number[] {
  const ids = tokenizer.encode(prompt, { bos: true })
  for (let at = 0; at < steps; at++) {
    const logits = next(ids[at]!)
    if (at < ids.length - 1) continue
    const best = logits.indexOf(Math.max(...logits))
    if (best === tokenizer.bosId || best === tokenizer.eosId) break
    ids.push(best)
  }
  return ids
}
