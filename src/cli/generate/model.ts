import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { endTokens } from '../../checkpoint/end-tokens.ts'
import { loadLlama } from '../../checkpoint/load-llama.ts'
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts'
import type { Tokenizer } from '../../data/tokenizer.ts'
import { openTokenizer } from '../../data/tokenizers/open-tokenizer.ts'
import type { LlamaConfig } from '../../models/config.ts'
import type { LlamaParams } from '../../models/llama.ts'
import { chooseDevice } from '../../runtime/choose.ts'
import type { Device } from '../../runtime/device.ts'
import { ValueError } from '../../util/errors.ts'
import type { Io } from '../io.ts'
import { showProgress } from '../progress.ts'
import type { GenerateFlags } from './flags.ts'

/** A model that is ready to write. */
export interface Writer {
  readonly config: LlamaConfig
  readonly params: LlamaParams
  readonly tokenizer: Tokenizer
  /** Tokens that end a text: EOS, and BOS, which begins another. */
  readonly ends: ReadonlySet<number>
  readonly device: Device | 'reference'
}

/** Checkpoints of fewer bytes are read in no time. */
const WORTH_SHOWING = 64e6

/**
 * Opens what the flags name. The tokenizer comes first: whether it is there is known soon, and a large model takes long.
 * @throws FileError, CheckpointError, UnsupportedError as the readers do; ValueError for a tokenizer that the model's
 * vocabulary does not hold.
 */
export async function openWriter(flags: GenerateFlags, { err }: Io): Promise<Writer> {
  const checkpoint = await openCheckpoint(flags.model)
  await checkpoint.source.close()
  const tokenizer = await openTokenizer(flags.tokenizer ?? (await carried(flags.model)))
  const [embeddings] = checkpoint.source.tensors.get('model.embed_tokens.weight')?.shape ?? []
  if (embeddings !== undefined && tokenizer.vocabSize > embeddings) {
    throw new ValueError(`a tokenizer of ${tokenizer.vocabSize} ids for a model of ${embeddings}`, {
      hint: 'use the tokenizer that the model was trained with',
    })
  }
  const device = await chooseDevice(flags.device)
  const bytes = [...checkpoint.source.tensors.values()].reduce((sum, t) => sum + t.bytes, 0)
  const progress =
    bytes < WORTH_SHOWING ? undefined : showProgress({ label: 'reading weights', total: bytes, stream: err })
  const { config, params } = await loadLlama(flags.model, {
    device,
    store: flags.weights,
    ...(flags.compute === undefined ? {} : { compute: flags.compute }),
    onProgress: (done) => progress?.update(done),
  }).finally(() => progress?.stop())
  const ends = [...endTokens(checkpoint.config), tokenizer.bosId, tokenizer.eosId].filter((id) => id !== undefined)
  return { config, params, tokenizer, ends: new Set(ends), device }
}

/** Where the tokenizer of a model is, if it has one with it. */
async function carried(model: string): Promise<string> {
  if (extname(model) === '.gguf' || (await stat(model)).isDirectory()) return model
  throw new ValueError(`${model} carries no tokenizer`, { hint: 'name one: --tokenizer tokenizer.bin, or llama-2' })
}
