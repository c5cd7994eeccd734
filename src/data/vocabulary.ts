import type { Concept } from './emoji-concepts.ts'
import { questionTexts } from './questions.ts'
import { ANSWER_HEADING, imageHeading, MAX_IMAGES, QUESTION_HEADING, SYSTEM_TEXT } from './template.ts'
import { WordTokenizer } from './word-tokenizer.ts'

/**
 * Pieces of the template that are one token each, which keeps sequences short. The line break after an image stays a
 * token of its own, the same after every image: under MMCA it is the first text that can gather up the image, and
 * all images should be gathered by the same token.
 */
export const TEMPLATE_PIECES: readonly string[] = [
  `${SYSTEM_TEXT}\n\n`,
  ...Array.from({ length: MAX_IMAGES }, (_, k) => imageHeading(k + 1)),
  QUESTION_HEADING,
  `\n${QUESTION_HEADING}`,
  ANSWER_HEADING,
  '\n',
]

/** A word with the space before it, if any; or one other character that is not a space. */
const WORD = / ?[\p{L}\p{N}]+| ?[^\p{L}\p{N}\s]/gu

/**
 * A tokenizer whose pieces are the given template pieces and the words of a corpus, in the order of their first
 * appearance. A word at a text's start and the same word after a space are two pieces.
 */
export function buildVocabulary(corpus: Iterable<string>, templatePieces: readonly string[]): WordTokenizer {
  const pieces = new Set(templatePieces)
  for (const text of corpus) for (const [word] of text.matchAll(WORD)) pieces.add(word)
  return new WordTokenizer([...pieces])
}

/**
 * The tokenizer of the emoji dialogues. Give it *all* concepts, not one split's: which concepts are held out then
 * does not change the ids, and their names are words like others (merely never trained on).
 */
export const emojiTokenizer = (concepts: readonly Concept[]): WordTokenizer =>
  buildVocabulary(questionTexts(concepts, MAX_IMAGES), TEMPLATE_PIECES)
