import { likeliest, readToken } from '../chat/next-token.ts'
import { type Compiled, compile } from '../compile.ts'
import { spec, tensor } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { LlamaConfig } from '../models/config.ts'
import { emptyCache, type KvCache, kvCacheSpec } from '../models/kv-cache.ts'
import { type LlamaParams, llamaEmbed, llamaStep } from '../models/llama.ts'
import type { Sampler } from '../models/sampling.ts'
import type { DeviceChoice } from '../runtime/choose.ts'
import type { Device } from '../runtime/device.ts'

export interface DecoderOptions {
  readonly params: LlamaParams
  readonly config: LlamaConfig
  /** Positions that there is room for. */
  readonly positions: number
  readonly device: DeviceChoice | Device
  /** Chooses from logits that are read to the host; without it the likeliest token is chosen on the device. */
  readonly sample?: Sampler | undefined
}

/** Continues one text with a LLaMA decoder, compiled once for a prompt and once for single tokens. */
export interface Decoder {
  /** Compiles what a prompt of so many tokens and its continuation need, so that no later call waits for it. */
  prepare(promptLength: number): Promise<void>
  /**
   * The `count` tokens that follow the prompt, each as soon as it is chosen.
   * @throws ValueError when the logits are not finite.
   */
  continue(prompt: readonly number[], count: number): AsyncGenerator<number, void>
}

/** What a step leaves on the device: what the next token is chosen from, or is, and the cache. */
interface StepResult {
  /** i32 [1,1], or the logits f32 [1,V]. */
  readonly choice: Tensor
  readonly cache: KvCache
}
type Step = Compiled<[params: LlamaParams, ids: Tensor, cache: KvCache], StepResult>

export function makeDecoder({ params, config, positions, device, sample }: DecoderOptions): Decoder {
  const step: Step = compile(
    (weights: LlamaParams, ids: Tensor, cache: KvCache): StepResult => {
      const next = llamaStep(weights, config, llamaEmbed(weights, ids), cache, { attention: 'causal' })
      return { choice: sample ? next.logits : likeliest(next.logits), cache: next.cache }
    },
    [params, spec([1, 'T'], 'i32'), kvCacheSpec(config, 1, positions)],
    // The caches of past steps are of no use, so each is written where the one before stood.
    { device, donate: [2], name: 'step' },
  )
  return {
    async prepare(promptLength) {
      await Promise.all([...new Set([promptLength, 1])].map((T) => step.prepare({ T })))
    },
    async *continue(prompt, count) {
      let result = await step(params, idTensor(prompt), emptyCache(config, 1, positions))
      for (let made = 1; made <= count; made++) {
        const { choice, cache } = result
        const isLast = made === count
        // A token that was chosen on the device is there already: the next step need not wait until it is read.
        const ahead = sample || isLast ? undefined : step(params, choice, cache)
        ahead?.catch(() => {}) // it is looked at further down, unless the caller has enough
        const id = await readToken(choice, sample)
        yield id
        if (!isLast) result = await (ahead ?? step(params, idTensor([id]), cache))
        choice.dispose()
      }
    },
  }
}

const idTensor = (ids: readonly number[]): Tensor => tensor([ids], { dtype: 'i32' })
