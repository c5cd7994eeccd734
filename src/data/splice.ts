import { ShapeError } from '../util/errors.ts'
import { IGNORED } from './sequence.ts'

/** What each position of a spliced sequence is. */
export const MODALITY = { padding: 0, text: 1, image: 2 } as const

/** A sequence after splicing, one entry per position, without padding. */
export interface Layout {
  /** Token ids; the pad id where an image's features stand. */
  readonly tokenIds: readonly number[]
  /** Row among the image features [images * imageTokens], counted from the sequence's first; -1 for text. */
  readonly imageSlot: readonly number[]
  readonly modality: readonly number[]
  readonly labels: readonly number[]
}

/**
 * Gives each `<image>` token the positions of its image's features: the first such token the first image, and so on
 * (the released code had them reversed).
 * @throws ShapeError when ids and labels differ in number.
 */
export function splice(
  ids: readonly number[],
  labels: readonly number[],
  special: { readonly imageId: number; readonly padId: number },
  imageTokens: number,
): Layout {
  if (ids.length !== labels.length) {
    throw new ShapeError(`splice: ${ids.length} ids with ${labels.length} labels`, { hint: 'one label for each id' })
  }
  const tokenIds: number[] = []
  const imageSlot: number[] = []
  const modality: number[] = []
  const outLabels: number[] = []
  const push = (id: number, slot: number, mode: number, label: number): void => {
    tokenIds.push(id)
    imageSlot.push(slot)
    modality.push(mode)
    outLabels.push(label)
  }
  let slot = 0
  ids.forEach((id, i) => {
    if (id !== special.imageId) push(id, -1, MODALITY.text, labels[i]!)
    else for (let j = 0; j < imageTokens; j++) push(special.padId, slot++, MODALITY.image, IGNORED)
  })
  return { tokenIds, imageSlot, modality, labels: outLabels }
}
