import { type Compiled, type CompileOptions, compile } from '../compile.ts'
import { add, arange, cast, expandDims, ge, maximum, spec, sub, tensor } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { LlamaConfig } from '../models/config.ts'
import type { DecoderAttention } from '../models/decoder-attention.ts'
import { checkRoom, emptyCache, type KvCache, kvCacheSpec } from '../models/kv-cache.ts'
import { type LlamaParams, llamaEmbed, llamaStep } from '../models/llama.ts'
import type { Sampler } from '../models/sampling.ts'
import { rowDtype } from '../nn/weight.ts'
import { ValueError } from '../util/errors.ts'
import { likeliest, readTokens } from './next-token.ts'

export interface GeneratorOptions {
  readonly params: LlamaParams
  readonly config: LlamaConfig
  /** Positions that there is room for, prompt and continuation together. */
  readonly positions: number
  /** Texts that are continued at the same time; 1 unless said. */
  readonly batch?: number
  /**
   * `causal` unless said. What is computed once must stay right as a text grows: each position attends to itself and to
   * those before it, which `mmca-release` does not. One's own must leave out padding, of modality 0.
   */
  readonly attention?: Exclude<DecoderAttention, 'mmca-release'>
  /** `auto` unless said. */
  readonly device?: CompileOptions['device']
  /** One for each text, choosing from logits read to the host; without them the device takes the likeliest token. */
  readonly samplers?: readonly Sampler[] | undefined
}

/** Continues B texts at a time with a LLaMA decoder, compiled once for each length of prompts and once for steps. */
export interface Generator {
  /** Compiles what prompts of so many tokens at most, and their continuation, need: no later call waits for it. */
  prepare(promptLength: number): Promise<void>
  /**
   * The `count` tokens that follow each of B prompts, those at the same place together, as soon as they are chosen.
   * Prompts may differ in length: the shorter are padded on the left, which changes nothing but the last bits. Whoever
   * has enough of one text goes on for the sake of the others, and leaves the loop when it has enough of all.
   *
   * Throws ValueError for another number of prompts, an empty one, too few positions, and logits that are not finite.
   */
  continue(prompts: readonly (readonly number[])[], count: number): AsyncGenerator<readonly number[], void>
  dispose(): void
}

/** What a step leaves on the device: what the next tokens are chosen from, or are, and the cache. */
interface StepResult {
  /** i32 [B,1], or the logits f32 [B,V]. */
  readonly choice: Tensor
  readonly cache: KvCache
}
type Step = Compiled<[params: LlamaParams, ids: Tensor, padding: Tensor, cache: KvCache], StepResult>

/** A generator. Throws ValueError where samplers and texts differ in number. */
export function makeGenerator(options: GeneratorOptions): Generator {
  const { params, config, positions, batch: B = 1, attention = 'causal', device = 'auto', samplers } = options
  if (samplers && samplers.length !== B) throw new ValueError(`generation: ${samplers.length} samplers for ${B} texts`)
  // Keys and values come in the dtype that the model computes in: nothing is lost by keeping them so.
  const dtype = rowDtype(params.model.embed_tokens.weight)
  const step: Step = compile(
    (weights: LlamaParams, ids: Tensor, padding: Tensor, cache: KvCache): StepResult => {
      const at = leftPadded(padding, ids.shape[1]!, cache.length)
      const next = llamaStep(weights, config, llamaEmbed(weights, ids), cache, { attention, ...at })
      return { choice: samplers ? next.logits : likeliest(next.logits), cache: next.cache }
    },
    [params, spec([B, 'T'], 'i32'), spec([B], 'i32'), kvCacheSpec(config, B, positions, dtype)],
    // The caches of past steps are of no use, so each is written where the one before stood.
    { device, donate: [3], name: 'step' },
  )
  return {
    async prepare(promptLength) {
      await Promise.all([...new Set([promptLength, 1])].map((T) => step.prepare({ T })))
    },
    async *continue(prompts, count) {
      const { ids, padding } = padLeft(prompts, B)
      checkRoom(positions, ids.shape[1]!, count - 1)
      const contexts = prompts.map((prompt) => [...prompt])
      let result = await step(params, ids, padding, emptyCache(config, B, positions, dtype))
      for (let made = 1; made <= count; made++) {
        const { choice, cache } = result
        const isLast = made === count
        // A token that was chosen on the device is there already: the next step need not wait until it is read.
        const ahead = samplers || isLast ? undefined : step(params, choice, padding, cache)
        ahead?.catch(() => {}) // it is looked at further down, unless the caller has enough
        const tokens = await readTokens(choice, samplers, contexts)
        tokens.forEach((id, b) => contexts[b]!.push(id))
        yield tokens
        if (!isLast) result = await (ahead ?? step(params, columnOf(tokens), padding, cache))
        choice.dispose()
      }
    },
    dispose: () => step.dispose(),
  }
}

/** Where T columns behind `length` stand in their texts, each of which begins after its padding i32 [B]. */
function leftPadded(padding: Tensor, T: number, length: Tensor): Places {
  const place = sub(expandDims(add(arange(T), length), 0), expandDims(padding, 1))
  return { positions: maximum(place, 0), modality: cast(ge(place, 0), 'i32'), lengths: sub(add(length, T), padding) }
}

interface Places {
  /** i32 [B,T] */
  readonly positions: Tensor
  /** i32 [B,T] */
  readonly modality: Tensor
  /** i32 [B], that of each text after these columns */
  readonly lengths: Tensor
}

/** Prompts as ids i32 [B,T], behind padding of i32 [B] columns. */
function padLeft(
  prompts: readonly (readonly number[])[],
  B: number,
): { readonly ids: Tensor; readonly padding: Tensor } {
  if (prompts.length !== B) throw new ValueError(`generation: ${prompts.length} prompts for ${B} texts`)
  if (prompts.some((prompt) => prompt.length === 0)) {
    throw new ValueError('generation: an empty prompt', { hint: 'begin with the BOS token' })
  }
  const T = Math.max(...prompts.map((prompt) => prompt.length))
  const padding = prompts.map((prompt) => T - prompt.length)
  const rows = prompts.map((prompt, b) => [...new Array<number>(padding[b]!).fill(0), ...prompt])
  return { ids: tensor(rows, { dtype: 'i32' }), padding: tensor(padding, { dtype: 'i32' }) }
}

const columnOf = (ids: readonly number[]): Tensor =>
  tensor(
    ids.map((id) => [id]),
    { dtype: 'i32' },
  )
