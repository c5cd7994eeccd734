import { type ArtistId, type Concept, KINDS } from '../../data/emoji.ts'
import { TAG_PHRASES } from '../../data/emoji-kinds.ts'
import { epochOrder, Random } from '../../data/random.ts'
import type { WordTokenizer } from '../../data/word-tokenizer.ts'
import { fromHost, type Tensor } from '../../ir/tensor.ts'
import { augment } from './augment.ts'
import type { DemoData } from './data.ts'
import { type DemoSettings, IMAGE_SIZE } from './settings.ts'

/** A batch of drawings with the words that go with each. */
export interface WordsBatch {
  /** f32 [N,3,S,S] */
  readonly images: Tensor
  /** f32 [N,V]: the share of each word in what is to be said; rows sum to 1. */
  readonly words: Tensor
  /** i32 [N]: the token of the drawing's kind. */
  readonly kinds: Tensor
}

/** Training drawings in an order that changes from epoch to epoch: number i is the same for equal seeds. */
export class WordsBatches {
  private readonly drawings: readonly { readonly artist: ArtistId; readonly concept: Concept }[]
  private readonly shares: ReadonlyMap<Concept, Float32Array>
  private order: { readonly epoch: number; readonly of: readonly number[] } = { epoch: -1, of: [] }

  constructor(
    private readonly data: DemoData,
    private readonly settings: DemoSettings,
  ) {
    const { emoji, splits, tokenizer } = data
    const { artists, concepts } = splits.train
    this.drawings = concepts.flatMap((concept) =>
      artists.filter((a) => emoji.has(a, concept)).map((artist) => ({ artist, concept })),
    )
    this.shares = new Map(concepts.map((concept) => [concept, wordShares(concept, tokenizer)]))
  }

  at(step: number): WordsBatch {
    const { emoji, tokenizer } = this.data
    const { seed, drawings: N } = this.settings
    const each = 3 * IMAGE_SIZE * IMAGE_SIZE
    const V = tokenizer.vocabSize
    const random = new Random(seed).fork(`drawings ${step}`)
    const pixels = new Float32Array(N * each)
    const words = new Float32Array(N * V)
    const kinds = new Int32Array(N)
    const perEpoch = Math.max(1, Math.floor(this.drawings.length / N))
    const order = this.orderOf(Math.floor(step / perEpoch))
    for (let n = 0; n < N; n++) {
      const { artist, concept } = this.drawings[order[((step % perEpoch) * N + n) % order.length]!]!
      pixels.set(augment(emoji.pixels(artist, concept), random), n * each)
      words.set(this.shares.get(concept)!, n * V)
      kinds[n] = tokenizer.encode(concept.kind)[0]!
    }
    return {
      images: fromHost({ dtype: 'f32', shape: [N, 3, IMAGE_SIZE, IMAGE_SIZE], data: pixels }),
      words: fromHost({ dtype: 'f32', shape: [N, V], data: words }),
      kinds: fromHost({ dtype: 'i32', shape: [N], data: kinds }),
    }
  }

  private orderOf(epoch: number): readonly number[] {
    if (this.order.epoch !== epoch) {
      this.order = { epoch, of: epochOrder(this.drawings.length, this.settings.seed, epoch) }
    }
    return this.order.of
  }
}

/** Words that say nothing about a drawing. */
const FILLERS = [' a', ' an', ' the', ' or']

/**
 * f32 [V]: what may be said of a drawing: its kind, as answers and as questions put it, the sort of thing within the
 * kind, and its name. A word that begins an answer and the same word within a question are two tokens; here both come
 * to lie near the drawing, so that a question's word and an image can be matched.
 */
export function wordShares(concept: Concept, tokenizer: WordTokenizer): Float32Array {
  const shares = new Float32Array(tokenizer.vocabSize)
  const fillers = new Set(FILLERS.flatMap((word) => tokenizer.encode(word)))
  const kind = KINDS.find(({ noun }) => noun === concept.kind)!
  const sorts = TAG_PHRASES.filter((t) => t.kind === concept.kind && concept.tags.includes(t.tag))
  const said: (readonly [text: string, weight: number])[] = [
    [kind.noun, 2],
    [` ${kind.one}`, 1],
    [` ${kind.many}`, 1],
    ...sorts.map(({ one }) => [` ${one}`, 1] as const),
    [concept.label, 2],
    [` ${concept.label}`, 2],
  ]
  const total = said.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [text, weight] of said) {
    const ids = tokenizer.encode(text).filter((id) => !fillers.has(id))
    for (const id of ids) shares[id]! += weight / total / ids.length
  }
  return shares
}
