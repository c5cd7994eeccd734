import { type InputArray, type Inputs, integers, uniform } from './inputs.ts'
import { IMAGE, TEXT, type VisualChatProblem } from './problem.ts'

export const IMAGE_SIZE = 32
export const PATCH = 8

/** Positions that an image takes: its patches and the class token. */
export const IMAGE_TOKENS = (IMAGE_SIZE / PATCH) ** 2 + 1

/** A batch as src/models/visualchat.ts takes it, every dialogue with its images first. Every text token is learnt. */
export function visualChatBatch({ dialogues: B, images, text, vocab }: VisualChatProblem): Inputs {
  const seen = images * IMAGE_TOKENS
  const T = seen + text
  const perPosition = (at: (row: number, column: number) => number): InputArray => ({
    shape: [B, T],
    data: Int32Array.from({ length: B * T }, (_, i) => at(Math.floor(i / T), i % T)),
  })
  const ids = integers('tokenIds', B * T, vocab)
  const pixels = [B * images, 3, IMAGE_SIZE, IMAGE_SIZE]
  return {
    images: { shape: pixels, data: uniform('images', pixels, -1, 1) },
    tokenIds: perPosition((row, column) => (column < seen ? 0 : ids[row * T + column]!)),
    imageSlot: perPosition((row, column) => (column < seen ? row * seen + column : -1)),
    modality: perPosition((_, column) => (column < seen ? IMAGE : TEXT)),
    labels: perPosition((row, column) => (column < seen ? -100 : ids[row * T + column]!)),
  }
}
