import { ValueError } from '../util/errors.ts'
import type { ArtistId } from './emoji-artists.ts'
import type { Concept } from './emoji-concepts.ts'
import { KINDS, type KindNoun } from './emoji-kinds.ts'
import { ask, QUESTION_TYPES, type Question, type QuestionType, repetitionKey, type Scene } from './questions.ts'
import { Random } from './random.ts'
import type { Split } from './splits.ts'
import { MAX_IMAGES } from './template.ts'

/** One drawing shown in a dialogue. */
export interface ShownImage {
  readonly artist: ArtistId
  readonly concept: Concept
}

/** A round: some new images (perhaps none), a question about all images so far, and its answer. */
export interface DialogueTurn extends Question {
  /** How many images this turn introduces: the next ones of `Dialogue.images`. */
  readonly images: number
}

export interface Dialogue {
  /** Image k of the questions is `images[k - 1]`. */
  readonly images: readonly ShownImage[]
  readonly turns: readonly DialogueTurn[]
}

export interface DialogueOptions {
  readonly seed?: number
  /** 1 to 8; default 4. */
  readonly maxImages?: number
  /** Default 1. */
  readonly minImages?: number
  /** Default 4. */
  readonly maxTurns?: number
  /** Default 1. */
  readonly minTurns?: number
  /** How often each type is tried, relative to the others; a type that is not given has weight 0. Default: all 1. */
  readonly types?: Partial<Readonly<Record<QuestionType, number>>>
}

/** An endless supply of dialogues, each found by its number. */
export interface DialogueSource {
  /** The dialogue with this number; the same for equal seeds, whatever else was asked for. */
  at(index: number): Dialogue
}

/**
 * Dialogues over the concepts and artists of a split.
 *
 * Balance: a dialogue has a focus kind, and image i is of that kind with probability (1 + those of it so far) /
 * (2 + i), Polya's urn, which makes "how many show the focus kind" uniform over 0..n for every number n of images.
 * The others share a second kind half the time, so that two images are of the same kind as often as not. Kinds are
 * drawn with probability proportional to the square root of their number of concepts: between equal kinds (rare
 * concepts often seen) and equal concepts (kinds guessable).
 *
 * @param has whether the artist has drawn the concept, as `EmojiSet.has`.
 * @throws ValueError for bounds that make no sense, or a split without drawings.
 */
export function dialogueSource(
  split: Split,
  has: (artist: ArtistId, concept: Concept) => boolean,
  options: DialogueOptions = {},
): DialogueSource {
  const { seed = 1234, minImages = 1, maxImages = 4, minTurns = 1, maxTurns = 4 } = options
  checkRange('images', minImages, maxImages, MAX_IMAGES)
  checkRange('turns', minTurns, maxTurns, 1000)
  const weights = QUESTION_TYPES.map((type) => typeWeight(type, split, options, maxImages))
  if (!weights.some((w) => w > 0)) {
    throw new ValueError(`no question type is left for the split ${split.name}`, {
      hint: 'concepts without names cannot be asked for by name, and one image cannot be compared',
    })
  }
  const pool = makePool(split, has)
  const names = split.concepts.length
  const root = new Random(seed).fork('dialogues').fork(split.name)

  const draw = (random: Random): Dialogue => {
    const focus = pickKind(pool, random)
    const images = pickImages(pool, focus, random.between(minImages, maxImages), random)
    const shown = images.map((i) => i.concept)
    const turns: DialogueTurn[] = []
    const asked = new Set<string>()
    let visible = 0
    let introduced = 0
    for (const fresh of schedule(images.length, random.between(minTurns, maxTurns), random)) {
      visible += fresh
      const scene: Scene = { shown: shown.slice(0, visible), focus, kindWeights: pool.weights, names }
      const question = askNew(weights, scene, asked, random)
      // Where nothing new can be asked, the turn is left out and its images come with the next one.
      if (!question) continue
      turns.push({ images: visible - introduced, ...question })
      introduced = visible
    }
    return { images: images.slice(0, introduced), turns }
  }

  return {
    at(index) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const dialogue = draw(root.fork(index).fork(attempt))
        if (dialogue.turns.length > 0) return dialogue
      }
      throw new ValueError(`no question can be asked in dialogue ${index} of the split ${split.name}`, {
        hint: 'most types compare images: allow more of them (maxImages), or more types',
      })
    },
  }
}

/** A dialogue in which nothing can be asked (one image, and only questions that compare) is drawn again. */
const ATTEMPTS = 100

interface Pool {
  /** Of each kind in the order of KINDS, its concepts that somebody drew. */
  readonly concepts: readonly (readonly Concept[])[]
  readonly weights: readonly number[]
  readonly artistsOf: ReadonlyMap<Concept, readonly ArtistId[]>
}

function makePool(split: Split, has: (artist: ArtistId, concept: Concept) => boolean): Pool {
  const artistsOf = new Map(split.concepts.map((c) => [c, split.artists.filter((a) => has(a, c))] as const))
  const concepts = KINDS.map(({ noun }) =>
    split.concepts.filter((c) => c.kind === noun && artistsOf.get(c)!.length > 0),
  )
  if (concepts.filter((list) => list.length > 0).length < 2) {
    throw new ValueError(`the split ${split.name} has drawings of fewer than two kinds`, {
      hint: 'were the concepts and artists of the split taken from the same emoji set?',
    })
  }
  return { concepts, weights: concepts.map((list) => Math.sqrt(list.length)), artistsOf }
}

function pickKind(pool: Pool, random: Random, but?: KindNoun): KindNoun {
  const nouns = KINDS.map((kind) => kind.noun)
  return random.weighted(
    nouns,
    nouns.map((noun, i) => (noun === but ? 0 : pool.weights[i]!)),
  )
}

function pickImages(pool: Pool, focus: KindNoun, count: number, random: Random): ShownImage[] {
  const second = pickKind(pool, random, focus)
  const out: ShownImage[] = []
  let ofFocus = 0
  for (let i = 0; i < count; i++) {
    const isFocus = random.chance((1 + ofFocus) / (2 + i))
    if (isFocus) ofFocus++
    const kind = isFocus ? focus : random.chance() ? second : pickKind(pool, random, focus)
    const all = pool.concepts[KINDS.findIndex((k) => k.noun === kind)]!
    const fresh = all.filter((c) => !out.some((o) => o.concept === c))
    const concept = random.pick(fresh.length > 0 ? fresh : all)
    out.push({ concept, artist: random.pick(pool.artistsOf.get(concept)!) })
  }
  return out
}

/** How many images each turn introduces: the first at least one, each other image at once or in a later turn. */
function schedule(images: number, turns: number, random: Random): number[] {
  const out = Array.from({ length: turns }, () => 0)
  for (let i = 0; i < images; i++) {
    const turn = i === 0 || random.chance() ? 0 : random.int(turns)
    out[turn] = out[turn]! + 1
  }
  return out
}

/** A question not asked before, of a type drawn by weight among those that the scene allows. */
function askNew(weights: readonly number[], scene: Scene, asked: Set<string>, random: Random): Question | undefined {
  const left = [...weights]
  while (left.some((w) => w > 0)) {
    const type = random.weighted(QUESTION_TYPES, left)
    const question = ask(type, scene, random)
    const key = question && repetitionKey(question, scene.shown.length)
    if (question && key && !asked.has(key)) {
      asked.add(key)
      return question
    }
    left[QUESTION_TYPES.indexOf(type)] = 0
  }
  return undefined
}

function typeWeight(type: QuestionType, split: Split, options: DialogueOptions, maxImages: number): number {
  const wanted = options.types ? (options.types[type] ?? 0) : 1
  if (!(wanted >= 0)) throw new ValueError(`a weight of ${wanted} for ${type} questions`, { hint: 'at least 0' })
  if (!split.named && (type === 'name' || type === 'find')) return 0
  const single = type === 'name' || type === 'kind' || type === 'yesno'
  return single || maxImages > 1 ? wanted : 0
}

function checkRange(what: string, min: number, max: number, limit: number): void {
  if (!(Number.isInteger(min) && Number.isInteger(max) && 1 <= min && min <= max && max <= limit)) {
    throw new ValueError(`from ${min} to ${max} ${what} in a dialogue`, {
      hint: `integers, 1 <= min <= max <= ${limit}`,
    })
  }
}
