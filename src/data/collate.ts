import type { HostArray } from '../ir/dtype.ts'
import { ShapeError, ValueError } from '../util/errors.ts'
import { IGNORED, type Sequence } from './sequence.ts'
import { MODALITY, splice } from './splice.ts'
import type { ChatTokenizer } from './tokenizer.ts'

/** One conversation, ready to be put into a batch. */
export interface Sample {
  readonly sequence: Sequence
  /** [3, size, size] each, in the order of the conversation; at least as many as the sequence holds. */
  readonly images: readonly Float32Array[]
}

export interface CollateOptions {
  /** Positions that an image takes. */
  readonly imageTokens: number
  /** Pixels on a side. */
  readonly imageSize: number
  /** Lengths are rounded up to a multiple of this; default 8. */
  readonly multipleOf?: number
  /**
   * Pads every batch to the same T and number of images, so that shapes, and with them compiled kernels, never vary.
   * Unused images are zeros that no position refers to.
   */
  readonly fixed?: { readonly length: number; readonly images: number }
}

/** A batch of B conversations of at most T positions, with N images in all. */
export interface Batch {
  /** i32 [B, U]: before splicing, one token per image, padded with the pad id. */
  readonly inputIds: HostArray<'i32'>
  /** i32 [B, T]: token ids; the pad id at images and padding. */
  readonly tokenIds: HostArray<'i32'>
  /** i32 [B, T]: row of the position's feature among [N * imageTokens]; -1 at text and padding. */
  readonly imageSlot: HostArray<'i32'>
  /** i32 [B, T]: 0 padding, 1 text, 2 image. */
  readonly modality: HostArray<'i32'>
  /** i32 [B, T]: the id to be learnt at the position (the loss shifts them), -100 where there is none. */
  readonly labels: HostArray<'i32'>
  /** f32 [N, 3, size, size]: all images, sample after sample, each in the order of its conversation. */
  readonly pixels: HostArray<'f32'>
  /** Images of each sample. */
  readonly imageCount: readonly number[]
  /** Labels that the shifted loss counts. */
  readonly labelCount: number
}

/**
 * Puts conversations into one batch, padded on the right.
 * @throws ValueError for no samples, or a batch without any label: its mean loss would be 0/0, NaN, and spoil every
 * weight. @throws ShapeError when a sample lacks an image or one has another size, or the batch exceeds `fixed`.
 */
export function collate(samples: readonly Sample[], tokenizer: ChatTokenizer, options: CollateOptions): Batch {
  const { imageTokens, imageSize, multipleOf = 8, fixed } = options
  if (samples.length === 0) throw new ValueError('a batch of no samples', { hint: 'give at least one' })
  const layouts = samples.map(({ sequence }) => splice(sequence.ids, sequence.labels, tokenizer, imageTokens))
  const imageCount = samples.map((s) => s.sequence.images)
  const total = imageCount.reduce((a, b) => a + b, 0)
  const longest = Math.max(...layouts.map((l) => l.tokenIds.length))
  const T = fixed?.length ?? roundUp(longest, multipleOf)
  const N = fixed?.images ?? total
  if (longest > T || total > N) {
    throw new ShapeError(`a batch of length ${longest} with ${total} images exceeds the fixed ${T} and ${N}`, {
      hint: 'raise `fixed`, or give toSequence a smaller maxLength',
    })
  }
  const labels = grid(
    layouts.map((l) => l.labels),
    T,
    IGNORED,
  )
  const labelCount = countShifted(labels)
  if (labelCount === 0) {
    throw new ValueError('no position of the batch has a label, so its loss has no value', {
      hint: 'every answer is empty or was cut off: look at the data or raise maxTurnTokens',
    })
  }
  // A sample's slots start after the images of the samples before it.
  const offsets = imageCount.map((_, b) => imageCount.slice(0, b).reduce((a, n) => a + n, 0) * imageTokens)
  const slots = layouts.map((l, b) => l.imageSlot.map((slot) => (slot < 0 ? -1 : slot + offsets[b]!)))
  const ids = samples.map((s) => s.sequence.ids)
  const U = fixed ? T : roundUp(Math.max(...ids.map((row) => row.length)), multipleOf)
  return {
    inputIds: grid(ids, U, tokenizer.padId),
    tokenIds: grid(
      layouts.map((l) => l.tokenIds),
      T,
      tokenizer.padId,
    ),
    imageSlot: grid(slots, T, -1),
    modality: grid(
      layouts.map((l) => l.modality),
      T,
      MODALITY.padding,
    ),
    labels,
    pixels: stack(samples, N, imageSize),
    imageCount,
    labelCount,
  }
}

const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple

function grid(rows: readonly (readonly number[])[], width: number, padding: number): HostArray<'i32'> {
  const data = new Int32Array(rows.length * width).fill(padding)
  rows.forEach((row, i) => data.set(row, i * width))
  return { dtype: 'i32', shape: [rows.length, width], data }
}

/** A label at a row's first position has no position before it to predict it. */
function countShifted({ data, shape }: HostArray<'i32'>): number {
  return data.reduce((n, label, i) => (label !== IGNORED && i % shape[1]! !== 0 ? n + 1 : n), 0)
}

function stack(samples: readonly Sample[], count: number, size: number): HostArray<'f32'> {
  const each = 3 * size * size
  const data = new Float32Array(count * each)
  let at = 0
  samples.forEach(({ sequence, images }, b) => {
    if (images.length < sequence.images) {
      throw new ShapeError(`sample ${b} has ${images.length} images for ${sequence.images} places`, {
        hint: 'give the images of a conversation in its order',
      })
    }
    for (const image of images.slice(0, sequence.images)) {
      if (image.length !== each) {
        throw new ShapeError(`an image of sample ${b} has ${image.length} values, not 3 x ${size} x ${size}`, {
          hint: 'decode images at the size that the batch has',
        })
      }
      data.set(image, at++ * each)
    }
  })
  return { dtype: 'f32', shape: [count, 3, size, size], data }
}
