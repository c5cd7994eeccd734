import { ValueError } from '../util/errors.ts'

/** Stands in the text for the features of one image. */
export const IMAGE_TOKEN = '<image>'

export const SYSTEM_TEXT =
  'You are a helpful language and vision assistant. You are able to understand the visual content that the user ' +
  'provides, and assist the user with a variety of tasks using natural language.'

/** Images are numbered from 1 to this, through the whole conversation. */
export const MAX_IMAGES = 8

/** One question of a conversation, as the template needs it. */
export interface TemplateTurn {
  /** Whether this is the conversation's first turn, which alone carries the system text. */
  readonly first: boolean
  /** Number of images shown in earlier turns. */
  readonly imagesBefore: number
  /** Number of images this turn introduces. */
  readonly images: number
  readonly question: string
}

/** A piece of a turn: text, or the place of an image. Kept apart so that nobody's words can pose as an image. */
export type Segment = { readonly text: string } | { readonly image: number }

export const imageHeading = (number: number): string => `### Image ${number}:\n`
export const QUESTION_HEADING = '### Question:\n'
export const ANSWER_HEADING = '\n\n### Answer:\n'

/**
 * The instruction of a turn: everything before its answer. `image` of a segment is the image's number, from 1.
 * @throws ValueError for a turn with more images than the conversation may hold.
 */
export function instructionSegments(turn: TemplateTurn): Segment[] {
  const { first, imagesBefore, images, question } = turn
  if (!(Number.isInteger(images) && images >= 0) || imagesBefore + images > MAX_IMAGES) {
    throw new ValueError(`a turn with ${images} images after ${imagesBefore}`, {
      hint: `a conversation holds at most ${MAX_IMAGES} images; start a new one`,
    })
  }
  const out: Segment[] = []
  let text = first ? `${SYSTEM_TEXT}\n\n` : ''
  for (let k = imagesBefore + 1; k <= imagesBefore + images; k++) {
    out.push({ text: text + imageHeading(k) }, { image: k })
    text = '\n'
  }
  // "\n" ends each image's line; one more stands between the last image and the question.
  out.push({ text: `${text}${images > 0 ? '\n' : ''}${QUESTION_HEADING}${question}${ANSWER_HEADING}` })
  return out
}

/** The instruction as one text, images as `<image>`: what a tokenizer that knows that token takes. */
export function instructionText(turn: TemplateTurn): string {
  return instructionSegments(turn)
    .map((s) => ('text' in s ? s.text : IMAGE_TOKEN))
    .join('')
}
