import { type Compiled, type CompileOptions, compile } from '../compile.ts'
import { forbid, likeliest } from '../generate/next-token.ts'
import { cast, dynamicUpdateSlice, iota, lt, slice, spec, tensor, where, zeros } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { emptyCache, type KvCache, kvCacheSpec } from '../models/kv-cache.ts'
import { llamaStep } from '../models/llama.ts'
import { splice } from '../models/splice.ts'
import { imageShape } from '../models/vision.ts'
import {
  embedText,
  featuresPerImage,
  imageFeatures,
  type VisualChatConfig,
  type VisualChatParams,
} from '../models/visualchat.ts'
import { rowDtype } from '../nn/weight.ts'
import type { Turn } from './turn.ts'

export interface EngineOptions {
  readonly params: VisualChatParams
  readonly config: VisualChatConfig
  readonly device: NonNullable<CompileOptions['device']>
  /** Positions that the cache has room for. */
  readonly positions: number
  /** Images that there is room for. */
  readonly maxImages: number
  /** Tokens that may be chosen: ids below this. */
  readonly vocabSize: number
  /** Ids below it that may not. */
  readonly forbidden: readonly number[]
  /** Whether passes give the likeliest token i32 [1,1], or the logits f32 [1,vocabSize] for the host to draw from. */
  readonly greedy: boolean
}

/** What a pass leaves on the device. */
interface PassResult {
  /** i32 [1,1], or the logits f32 [1,V]. */
  readonly choice: Tensor
  readonly cache: KvCache
}

/**
 * The passes of a conversation, compiled: one program encodes an image, one for each number of rows takes in a turn,
 * one makes a step. What they remember, the KV cache and the features of all images, stays on the device, each written
 * where the one before stood. Positions past the given length are left-overs, which no query sees since attention is
 * causal.
 */
export class ChatEngine {
  private readonly params: VisualChatParams
  private readonly config: VisualChatConfig
  private readonly encoder: Compiled<[VisualChatParams, pixels: Tensor, features: Tensor, index: Tensor], Tensor>
  private readonly prefillPass: Compiled<
    [VisualChatParams, features: Tensor, turn: TurnTensors, cache: KvCache],
    PassResult
  >
  private readonly stepPass: Compiled<[VisualChatParams, ids: Tensor, cache: KvCache], PassResult>
  private readonly rewindPass: Compiled<[cache: KvCache], KvCache>
  /** [maxImages,P,D], in the dtype that the decoder computes in; so is the cache. */
  private features: Tensor
  private cache: KvCache

  constructor({ params, config, device, positions, maxImages, vocabSize, forbidden, greedy }: EngineOptions) {
    this.params = params
    this.config = config
    const table = [maxImages, featuresPerImage(config), config.language.hidden_size] as const
    const dtype = rowDtype(params.lang_embed.weight)
    const choose = (logits: Tensor): Tensor => {
      const allowed = forbid(slice(logits, [0, 0], [1, vocabSize]), forbidden)
      return greedy ? likeliest(allowed) : allowed
    }
    this.encoder = compile(
      (p: VisualChatParams, pixels: Tensor, features: Tensor, index: Tensor): Tensor =>
        dynamicUpdateSlice(features, cast(imageFeatures(p, config, pixels), dtype), [index, 0, 0]),
      [params, spec([1, ...imageShape(config.vision)]), spec(table, dtype), spec([], 'i32')],
      { device, donate: [2], name: 'encode image' },
    )
    const row = spec([1, 'T'], 'i32')
    const cacheSpec = kvCacheSpec(config.language, 1, positions, dtype)
    this.prefillPass = compile(
      (p: VisualChatParams, features: Tensor, turn: TurnTensors, cache: KvCache): PassResult => {
        const embeds = splice(embedText(p, turn.tokenIds), features, turn.imageSlot)
        const { modality, count } = turn
        const options = { attention: config.attention, modality, count }
        const next = llamaStep(p.lang_decoder, config.language, embeds, cache, options)
        return { choice: choose(next.logits), cache: next.cache }
      },
      [params, spec(table, dtype), { tokenIds: row, imageSlot: row, modality: row, count: spec([], 'i32') }, cacheSpec],
      { device, donate: [3], name: 'take in turn' },
    )
    this.stepPass = compile(
      (p: VisualChatParams, ids: Tensor, cache: KvCache): PassResult => {
        const options = { attention: config.attention }
        const next = llamaStep(p.lang_decoder, config.language, embedText(p, ids), cache, options)
        return { choice: choose(next.logits), cache: next.cache }
      },
      [params, spec([1, 1], 'i32'), cacheSpec],
      { device, donate: [2], name: 'step' },
    )
    this.rewindPass = compile((cache: KvCache): KvCache => truncated(cache), [cacheSpec], {
      device,
      donate: [0],
      name: 'rewind',
    })
    this.features = zeros([...table], dtype)
    this.cache = emptyCache(config.language, 1, positions, dtype)
  }

  /** Encodes pixels f32 [C,S,S] as the conversation's image `index`, counted from 0. */
  async encodeImage(pixels: Float32Array, index: number): Promise<void> {
    const image = tensor(pixels, { shape: [1, ...imageShape(this.config.vision)] })
    this.features = await this.encoder(this.params, image, this.features, i32(index))
  }

  /** Takes in a turn behind the first `length` positions; what to choose the token after it from. */
  async prefill({ count, ...turn }: Turn, length: number): Promise<Tensor> {
    this.cache.length.dispose()
    const cache = { ...this.cache, length: i32(length) }
    const result = await this.prefillPass(this.params, this.features, { ...turn, count: i32(count) }, cache)
    this.cache = result.cache
    return result.choice
  }

  /** Takes in one token, an id or what a greedy pass chose, behind the last position; what to choose the next from. */
  async step(token: Tensor | number): Promise<Tensor> {
    const ids = typeof token === 'number' ? tensor([[token]], { dtype: 'i32' }) : token
    const result = await this.stepPass(this.params, ids, this.cache)
    this.cache = result.cache
    return result.choice
  }

  /**
   * Takes back all but the first `length` positions after a pass that failed. What it left must go, if it was not
   * finite: attention gives it a weight of 0, and 0 times infinity is not 0.
   */
  async rewind(length: number): Promise<void> {
    this.cache.length.dispose()
    this.cache = await this.rewindPass({ ...this.cache, length: i32(length) })
  }

  /** Frees what the engine holds on the device. The parameters are the caller's. */
  dispose(): void {
    for (const pass of [this.encoder, this.prefillPass, this.stepPass, this.rewindPass]) pass.dispose()
    const { k, v, modality, length } = this.cache
    for (const t of [this.features, ...k, ...v, modality, length]) t.dispose()
  }
}

interface TurnTensors extends Omit<Turn, 'count'> {
  /** i32 [] */
  readonly count: Tensor
}

/** A cache with zeros behind its length. */
function truncated(cache: KvCache): KvCache {
  const keep = (x: Tensor, axis: number): Tensor => where(lt(iota(x.shape, axis), cache.length), x, 0)
  return {
    k: cache.k.map((x) => keep(x, 2)),
    v: cache.v.map((x) => keep(x, 2)),
    modality: keep(cache.modality, 1),
    length: cache.length,
  }
}

const i32 = (value: number): Tensor => tensor(value, { dtype: 'i32' })
