import type { Sample } from './collate.ts'
import type { Dialogue } from './dialogue.ts'
import type { EmojiSet } from './emoji.ts'
import { type SequenceOptions, toSequence } from './sequence.ts'
import type { ChatTokenizer } from './tokenizer.ts'

/**
 * A dialogue with the pixels of its drawings, ready for `collate`.
 * @throws ValueError as `toSequence` does, or when the set lacks one of the drawings.
 */
export function toSample(
  dialogue: Dialogue,
  emoji: EmojiSet,
  tokenizer: ChatTokenizer,
  options: SequenceOptions,
): Sample {
  const sequence = toSequence(dialogue, tokenizer, options)
  const images = dialogue.images.slice(0, sequence.images)
  return { sequence, images: images.map((image) => emoji.pixels(image.artist, image.concept)) }
}
