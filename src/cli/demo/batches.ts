import { type Batch, collate, type Sample } from '../../data/collate.ts'
import { type Dialogue, type DialogueSource, dialogueSource } from '../../data/dialogue.ts'
import { toSample } from '../../data/emoji-samples.ts'
import type { QuestionType } from '../../data/questions.ts'
import { Random } from '../../data/random.ts'
import type { DType, HostArray } from '../../ir/dtype.ts'
import { fromHost, type Tensor } from '../../ir/tensor.ts'
import { ValueError } from '../../util/errors.ts'
import { augment } from './augment.ts'
import type { DemoData } from './data.ts'
import { type DemoSettings, IMAGE_SIZE, MAX_IMAGES, MAX_TURNS } from './settings.ts'

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

/** Shapes that depend on the number of images only, so that few programs serve all batches. */
export interface Shapes {
  readonly batch: number
  readonly images: number
  readonly length: number
  readonly answers: number
}

/** Room for the text of a dialogue; what exceeds it is left out by whole turns. */
const TEXT = 76

/**
 * Shapes of a batch whose dialogues show so many images. `--batch` is that of the longest dialogues; of shorter ones
 * there are more, so that every step has about as many positions.
 */
export function shapesFor(images: number, { batch: fewest, patch }: Pick<DemoSettings, 'batch' | 'patch'>): Shapes {
  const perImage = (IMAGE_SIZE / patch) ** 2 + 1
  const length = TEXT + images * perImage
  const batch = Math.floor((fewest * (TEXT + MAX_IMAGES * perImage)) / length)
  return { batch, images: batch * images, length, answers: batch * MAX_TURNS * 5 }
}

/**
 * How often each type is asked. A name is one of hundreds, and so is most of the loss whenever it is asked for; the
 * others are what the decoder has to learn.
 */
const ASKED: Readonly<Record<QuestionType, number>> = {
  name: 1,
  kind: 1,
  which: 2,
  find: 2,
  tag: 1,
  count: 2,
  yesno: 2,
  same: 2,
}

/** Until so much of the steps is done, dialogues show one image, and at most two. */
const ONE_IMAGE = 0.1
const TWO_IMAGES = 0.45

/** Endless batches of questions and answers: number i is the same for equal seeds. */
export class TrainBatches {
  private readonly sources: readonly DialogueSource[]

  constructor(
    private readonly data: DemoData,
    private readonly settings: DemoSettings,
  ) {
    const { emoji, splits } = data
    this.sources = Array.from({ length: MAX_IMAGES }, (_, i) =>
      dialogueSource(splits.train, emoji.has, {
        seed: settings.seed + i,
        minImages: i + 1,
        maxImages: i + 1,
        minTurns: MAX_TURNS,
        maxTurns: MAX_TURNS,
        types: ASKED,
      }),
    )
  }

  /**
   * Dialogues of one batch show equally many images: one at first, then up to two, then up to all. Comparing an image
   * with a word is learnt within hundreds of steps where there is one image, and hardly ever where there are several.
   */
  private imagesAt(step: number): number {
    const share = step / this.settings.steps
    const most = share < ONE_IMAGE ? 1 : share < TWO_IMAGES ? 2 : MAX_IMAGES
    const numbers = Array.from({ length: most }, (_, i) => i + 1)
    return new Random(this.settings.seed).fork(`images ${step}`).weighted(numbers, numbers)
  }

  at(step: number): TrainBatch {
    const images = this.imagesAt(step)
    const shapes = shapesFor(images, this.settings)
    const random = new Random(this.settings.seed).fork(`augment ${step}`)
    const { batch } = shapesFor(1, this.settings)
    const dialogues = Array.from({ length: shapes.batch }, (_, b) => this.sources[images - 1]!.at(step * batch + b))
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
