import type { HostArray } from '../ir/dtype.ts'
import { IGNORE } from '../nn/losses.ts'
import { ValueError } from '../util/errors.ts'

/** What a position holds. */
export const MODALITY = { padding: 0, text: 1, image: 2 } as const

/** One tokenised sample: one `imageToken` where an image stands. */
export interface Sample {
  readonly inputIds: ArrayLike<number>
  /** As long as inputIds; IGNORE where nothing is to be learned. Without it nothing is. */
  readonly labels?: ArrayLike<number>
  /** How many images come with the sample, checked against the image tokens in it. */
  readonly imageCount?: number
}

export interface LayoutOptions {
  readonly imageToken: number
  /** Features that the projection gives per image. */
  readonly featuresPerImage: number
  readonly padToken: number
  /** The padded length is a multiple of this; 8 unless said. */
  readonly multipleOf?: number
  /** Longest sample allowed once images are expanded. */
  readonly maxLength?: number
}

/**
 * Where everything goes once images stand in the place of their tokens. B samples of T positions, right-padded.
 */
export interface Layout {
  /** [B,T] ids to embed; the image token under image features, the pad token under padding. */
  readonly tokenIds: HostArray<'i32'>
  /** [B,T] row of the flattened features [images * featuresPerImage, D] that stands here; -1 where none does. */
  readonly imageSlot: HostArray<'i32'>
  /** [B,T] 0 padding, 1 text, 2 image. */
  readonly modality: HostArray<'i32'>
  /** [B,T] ids to predict; IGNORE on images and padding. */
  readonly labels: HostArray<'i32'>
  /** Positions of each sample that are not padding. */
  readonly lengths: readonly number[]
}

/**
 * Expands every image token of B samples to the image's features and pads to T, the longest sample rounded up to
 * `multipleOf`. Images are numbered through the batch in the order of their tokens: the first token of the first
 * sample takes the first image.
 *
 * Throws ValueError for a sample whose images and image tokens differ in number, whose labels differ from its ids in
 * length, or which exceeds `maxLength` after expansion.
 * Source: DeepSpeed-VisualChat, section 4 (the splice) and its released modeling_dsvl.py, which reverses the images of
 * a sample; here image 1 takes the first slot.
 */
export function layOut(samples: readonly Sample[], options: LayoutOptions): Layout {
  const { imageToken, featuresPerImage, padToken, multipleOf = 8 } = options
  const lengths = samples.map((sample, i) => expandedLength(sample, i, options))
  const B = samples.length
  const T = Math.ceil(Math.max(0, ...lengths) / multipleOf) * multipleOf
  const filled = (value: number): HostArray<'i32'> => ({
    dtype: 'i32',
    shape: [B, T],
    data: new Int32Array(B * T).fill(value),
  })
  const layout = {
    tokenIds: filled(padToken),
    imageSlot: filled(-1),
    modality: filled(MODALITY.padding),
    labels: filled(IGNORE),
  }
  let slot = 0
  samples.forEach(({ inputIds, labels }, b) => {
    let at = b * T
    for (let i = 0; i < inputIds.length; i++) {
      const isImage = inputIds[i] === imageToken
      for (let k = 0; k < (isImage ? featuresPerImage : 1); k++, at++) {
        layout.tokenIds.data[at] = inputIds[i]!
        layout.modality.data[at] = isImage ? MODALITY.image : MODALITY.text
        if (isImage) layout.imageSlot.data[at] = slot++
        else if (labels) layout.labels.data[at] = labels[i]!
      }
    }
  })
  return { ...layout, lengths }
}

function expandedLength({ inputIds, labels, imageCount }: Sample, index: number, options: LayoutOptions): number {
  const { imageToken, featuresPerImage, maxLength = Number.POSITIVE_INFINITY } = options
  const images = Array.from(inputIds).filter((id) => id === imageToken).length
  if (imageCount !== undefined && imageCount !== images) {
    throw new ValueError(`sample ${index}: ${imageCount} images come with ${images} image tokens`, {
      hint: `write one image token (id ${imageToken}) per image`,
    })
  }
  if (labels && labels.length !== inputIds.length) {
    throw new ValueError(`sample ${index}: ${labels.length} labels for ${inputIds.length} tokens`)
  }
  const length = inputIds.length + images * (featuresPerImage - 1)
  if (length > maxLength) {
    throw new ValueError(`sample ${index}: ${length} positions with its ${images} images expanded, over ${maxLength}`, {
      hint: 'shorten the text, use fewer images, or raise the maximum length',
    })
  }
  return length
}
