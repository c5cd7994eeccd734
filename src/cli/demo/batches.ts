import { type Batch, collate, type Sample } from '../../data/collate.ts'
import { type Dialogue, type DialogueSource, dialogueSource } from '../../data/dialogue.ts'
import { type ArtistId, type Concept, type EmojiSet, loadEmoji } from '../../data/emoji.ts'
import { toSample } from '../../data/emoji-samples.ts'
import { epochOrder, Random } from '../../data/random.ts'
import { makeSplits, type Split, type SplitName } from '../../data/splits.ts'
import { emojiTokenizer } from '../../data/vocabulary.ts'
import type { WordTokenizer } from '../../data/word-tokenizer.ts'
import type { DType, HostArray } from '../../ir/dtype.ts'
import { fromHost, type Tensor } from '../../ir/tensor.ts'
import { ValueError } from '../../util/errors.ts'
import { showProgress } from '../progress.ts'
import { type DemoSettings, IMAGE_SIZE, MAX_IMAGES, MAX_TURNS } from './settings.ts'

/** Drawings, splits and tokenizer. */
export interface DemoData {
  readonly emoji: EmojiSet
  readonly splits: Readonly<Record<SplitName, Split>>
  readonly tokenizer: WordTokenizer
}

export async function prepareData({ cache, seed }: DemoSettings): Promise<DemoData> {
  let progress: ReturnType<typeof showProgress> | undefined
  const emoji = await loadEmoji({
    cacheDir: cache,
    size: IMAGE_SIZE,
    onProgress(done, total) {
      progress ??= showProgress({ label: 'drawing emoji', total })
      progress.update(done)
    },
  })
  progress?.stop()
  return { emoji, splits: makeSplits(emoji.concepts, { seed }), tokenizer: emojiTokenizer(emoji.concepts) }
}

/** A batch as the compiled functions take it: T positions of B dialogues, N images, K answer tokens. */
export interface TrainBatch {
  /** f32 [N,3,S,S] */
  readonly images: Tensor
  /** i32 [B,T] */
  readonly tokenIds: Tensor
  readonly imageSlot: Tensor
  readonly modality: Tensor
  /** i32 [K]: the row of [B*T] from which each answer token is predicted. */
  readonly answerAt: Tensor
  /** i32 [K]: the answer tokens, -100 where there are fewer. */
  readonly answers: Tensor
}

/** Shapes that never vary within a stage, so that one program serves all its batches. */
export interface Shapes {
  readonly batch: number
  readonly images: number
  readonly length: number
  readonly answers: number
}

/**
 * Two kinds of batches: single drawings with one question, from which the encoder learns most per second, and whole
 * dialogues. Both have as many positions, so that a step of either takes about as long.
 */
export function stageShapes({ batch, patch }: Pick<DemoSettings, 'batch' | 'patch'>): {
  single: Shapes
  dialogue: Shapes
} {
  const perImage = (IMAGE_SIZE / patch) ** 2 + 1
  const dialogue = 80 + MAX_IMAGES * perImage
  const single = 24 + perImage
  const singles = Math.floor((batch * dialogue) / single)
  return {
    dialogue: { batch, images: batch * MAX_IMAGES, length: dialogue, answers: batch * MAX_TURNS * 4 },
    single: { batch: singles, images: singles, length: single, answers: singles * 5 },
  }
}

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

  constructor(
    private readonly data: DemoData,
    private readonly settings: DemoSettings,
  ) {
    const { emoji, splits } = data
    this.drawings = splits.train.concepts.flatMap((concept) =>
      splits.train.artists.filter((a) => emoji.has(a, concept)).map((artist) => ({ artist, concept })),
    )
  }

  at(step: number): WordsBatch {
    const { emoji, tokenizer } = this.data
    const { seed, drawings: N } = this.settings
    const each = 3 * IMAGE_SIZE * IMAGE_SIZE
    const random = new Random(seed).fork(`drawings ${step}`)
    const pixels = new Float32Array(N * each)
    const words = new Float32Array(N * tokenizer.vocabSize)
    const kinds: number[] = []
    const perEpoch = Math.max(1, Math.floor(this.drawings.length / N))
    const order = epochOrder(this.drawings.length, seed, Math.floor(step / perEpoch))
    for (let n = 0; n < N; n++) {
      const { artist, concept } = this.drawings[order[((step % perEpoch) * N + n) % order.length]!]!
      pixels.set(augment(emoji.pixels(artist, concept), random), n * each)
      const kind = tokenizer.encode(concept.kind)
      const name = tokenizer.encode(concept.label)
      for (const id of kind) words[n * tokenizer.vocabSize + id]! += 0.5 / kind.length
      for (const id of name) words[n * tokenizer.vocabSize + id]! += 0.5 / name.length
      kinds.push(kind[0]!)
    }
    return {
      images: fromHost({ dtype: 'f32', shape: [N, 3, IMAGE_SIZE, IMAGE_SIZE], data: pixels }),
      words: fromHost({ dtype: 'f32', shape: [N, tokenizer.vocabSize], data: words }),
      kinds: fromHost(i32(kinds)),
    }
  }
}

/** Endless batches of questions and answers: number i is the same for equal seeds. */
export class TrainBatches {
  private readonly single: DialogueSource
  private readonly dialogues: DialogueSource
  private readonly shapes: ReturnType<typeof stageShapes>

  constructor(
    private readonly data: DemoData,
    private readonly settings: DemoSettings,
  ) {
    const { emoji, splits } = data
    const { seed } = settings
    const types = { kind: 3, name: 1, yesno: 1 }
    this.single = dialogueSource(splits.train, emoji.has, { seed, maxImages: 1, maxTurns: 1, types })
    this.dialogues = dialogueSource(splits.train, emoji.has, {
      seed: seed + 1,
      maxImages: MAX_IMAGES,
      maxTurns: MAX_TURNS,
    })
    this.shapes = stageShapes(settings)
  }

  /** Single drawings at first, from which "what kind of thing" is learnt fastest; then as many dialogues. */
  private isSingle(step: number): boolean {
    if (step < 0.3 * this.settings.steps) return true
    return new Random(this.settings.seed).fork(`mix ${step}`).chance()
  }

  at(step: number): TrainBatch {
    const single = this.isSingle(step)
    const shapes = single ? this.shapes.single : this.shapes.dialogue
    const source = single ? this.single : this.dialogues
    const random = new Random(this.settings.seed).fork(`augment ${step}`)
    const dialogues = Array.from({ length: shapes.batch }, (_, b) => source.at(step * shapes.batch + b))
    return toTrainBatch(dialogues, this.data, this.settings, shapes, (pixels) => augment(pixels, random))
  }
}

/** Collates dialogues to fixed shapes, pixels changed by `change`. */
export function toTrainBatch(
  dialogues: readonly Dialogue[],
  { emoji, tokenizer }: DemoData,
  { patch }: Pick<DemoSettings, 'patch'>,
  shapes: Shapes,
  change: (pixels: Float32Array) => Float32Array = (pixels) => pixels,
): TrainBatch {
  const imageTokens = (IMAGE_SIZE / patch) ** 2 + 1
  const samples = dialogues.map((d): Sample => {
    const sample = toSample(d, emoji, tokenizer, { imageTokens, maxLength: shapes.length })
    return { ...sample, images: sample.images.map(change) }
  })
  const fixed = { length: shapes.length, images: shapes.images }
  const batch = collate(samples, tokenizer, { imageTokens, imageSize: IMAGE_SIZE, fixed })
  const { answerAt, answers } = answerRows(batch, shapes.answers)
  return {
    images: fromHost(batch.pixels),
    tokenIds: fromHost(batch.tokenIds),
    imageSlot: fromHost(batch.imageSlot),
    modality: fromHost(batch.modality),
    answerAt: fromHost(i32(answerAt)),
    answers: fromHost(i32(answers)),
  }
}

const i32 = (numbers: readonly number[]): HostArray<Extract<DType, 'i32'>> => ({
  dtype: 'i32',
  shape: [numbers.length],
  data: Int32Array.from(numbers),
})

/**
 * Where answers are predicted from. Only these rows need logits: with a vocabulary much larger than the model is wide,
 * the rest would take most of the time and teach nothing.
 */
function answerRows({ labels }: Batch, count: number): { answerAt: number[]; answers: number[] } {
  const T = labels.shape[1]!
  const answerAt: number[] = []
  const answers: number[] = []
  labels.data.forEach((label, i) => {
    if (label < 0 || i % T === 0) return
    answerAt.push(i - 1)
    answers.push(label)
  })
  if (answers.length > count) {
    throw new ValueError(`a batch has ${answers.length} answer tokens, room is for ${count}`, {
      hint: 'the answers are longer than the demo expects; this is a bug in its shapes',
    })
  }
  while (answers.length < count) {
    answerAt.push(0)
    answers.push(-100)
  }
  return { answerAt, answers }
}

/** Shifts a drawing by up to 3 pixels and mirrors every second one: what it shows stays the same. */
function augment(pixels: Float32Array, random: Random): Float32Array {
  const S = IMAGE_SIZE
  const [dx, dy] = [random.int(7) - 3, random.int(7) - 3]
  const mirrored = random.chance()
  const out = new Float32Array(pixels.length).fill(1)
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < S; y++) {
      for (let x = 0; x < S; x++) {
        const [fromX, fromY] = [(mirrored ? S - 1 - x : x) - dx, y - dy]
        if (fromX < 0 || fromX >= S || fromY < 0 || fromY >= S) continue
        out[(c * S + y) * S + x] = pixels[(c * S + fromY) * S + fromX]!
      }
    }
  }
  return out
}
