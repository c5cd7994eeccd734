import { ValueError } from '../util/errors.ts'
import { instructionSegments } from './template.ts'
import type { ChatTokenizer } from './tokenizer.ts'

/** A conversation as the template needs it; dialogues are such. */
export interface Conversation {
  readonly turns: readonly {
    /** How many images this turn introduces. */
    readonly images: number
    readonly question: string
    readonly answer: string
  }[]
}

/** A conversation in tokens, each image still one token. */
export interface Sequence {
  readonly ids: readonly number[]
  /** One per id: the id itself where the model is to learn it (answers and EOS), else IGNORED. */
  readonly labels: readonly number[]
  /** How many images `ids` holds. */
  readonly images: number
  /** Whole turns left out at the end because the sequence would have been too long. */
  readonly droppedTurns: number
}

export interface SequenceOptions {
  /** Tokens that an image takes once its features are spliced in. */
  readonly imageTokens: number
  /** Where a turn is cut, its images counted as one token each; default 512. */
  readonly maxTurnTokens?: number
  /** The longest sequence after splicing; whole last turns are left out to keep to it. Default 4096. */
  readonly maxLength?: number
}

/** The label of positions that the loss leaves out. */
export const IGNORED = -100

/**
 * Tokenises a conversation: every turn is BOS, instruction, answer, EOS, and is cut at `maxTurnTokens`. A turn that
 * was cut has no EOS, or the model would learn to stop in mid-sentence.
 * @throws ValueError when a turn's instruction alone exceeds `maxTurnTokens` (nothing would be left to learn, and
 * images might be lost), or not even the first turn fits into `maxLength`.
 */
export function toSequence(conversation: Conversation, tokenizer: ChatTokenizer, options: SequenceOptions): Sequence {
  const { imageTokens, maxTurnTokens = 512, maxLength = 4096 } = options
  const ids: number[] = []
  const labels: number[] = []
  let images = 0
  let length = 0
  let kept = 0
  for (const turn of conversation.turns) {
    const instruction = [
      tokenizer.bosId,
      ...instructionIds({ ...turn, first: kept === 0, imagesBefore: images }, tokenizer),
    ]
    const whole = [...instruction, ...tokenizer.encode(turn.answer), tokenizer.eosId]
    const part = whole.slice(0, maxTurnTokens)
    if (part.length <= instruction.length) {
      throw new ValueError(
        `the instruction of turn ${kept + 1} takes ${instruction.length} of ${maxTurnTokens} tokens`,
        {
          hint: 'nothing of the answer is left to learn: raise maxTurnTokens or shorten the question',
        },
      )
    }
    const spliced = part.length + turn.images * (imageTokens - 1)
    if (length + spliced > maxLength) break
    ids.push(...part)
    labels.push(...part.map((id, i) => (i < instruction.length ? IGNORED : id)))
    images += turn.images
    length += spliced
    kept++
  }
  if (kept === 0) {
    throw new ValueError(`the first turn of a conversation does not fit into ${maxLength} positions`, {
      hint: `its images take ${imageTokens} positions each: raise maxLength or show fewer images at once`,
    })
  }
  return { ids, labels, images, droppedTurns: conversation.turns.length - kept }
}

/** The ids of an instruction, without BOS: what a chat gives the model before it answers. */
export function instructionIds(turn: Parameters<typeof instructionSegments>[0], tokenizer: ChatTokenizer): number[] {
  return instructionSegments(turn).flatMap((s) => ('text' in s ? tokenizer.encode(s.text) : [tokenizer.imageId]))
}

/** Positions a sequence takes once each image's features are spliced in. */
export const splicedLength = (sequence: Pick<Sequence, 'ids' | 'images'>, imageTokens: number): number =>
  sequence.ids.length + sequence.images * (imageTokens - 1)
