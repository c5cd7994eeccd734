import type { Concept } from './emoji-concepts.ts'
import { KINDS, type Kind, type KindNoun, TAG_PHRASES } from './emoji-kinds.ts'
import type { Random } from './random.ts'

/**
 * The sorts of questions, each with a checkable answer:
 * `name` what is image 2? (fox) - `kind` what kind of thing is image 1? (animal) - `which` which image shows an animal?
 * (image 2) - `find` which image is the fox? (image 2) - `tag` which image shows a bird? (image 1) - `count` how many
 * images show food? (2) - `yesno` does image 1 show a vehicle? (no) - `same` are image 1 and image 2 the same kind of
 * thing? (yes)
 */
export const QUESTION_TYPES = ['name', 'kind', 'which', 'find', 'tag', 'count', 'yesno', 'same'] as const
export type QuestionType = (typeof QUESTION_TYPES)[number]

export interface Question {
  readonly type: QuestionType
  readonly question: string
  readonly answer: string
  /** How often a guess is right that is uniform over the plausible answers: what a score must beat. */
  readonly chance: number
}

/** What has been shown when the question is asked. */
export interface Scene {
  /** The images so far; image k of the questions is `shown[k - 1]`. */
  readonly shown: readonly Concept[]
  /** The kind whose number among the images is uniform over 0..shown.length, whatever that length is. */
  readonly focus: KindNoun
  /** How likely each kind is, in the order of KINDS: wrong kinds are asked about as often as right ones. */
  readonly kindWeights: readonly number[]
  /** Number of names a name question can have as its answer. */
  readonly names: number
}

/** A question of the type about the scene, or undefined when none can be asked truthfully there. */
export function ask(type: QuestionType, scene: Scene, random: Random): Question | undefined {
  return ASKERS[type](scene, random)
}

/**
 * Equal for questions that should not be asked twice in one conversation. Not simply the question's text: a count
 * may be asked again once there are more images, and whether an image shows some kind is asked once for each image.
 * (One kind is right and thirteen are wrong, so avoiding equal texts only would make "no" the commoner answer.)
 */
export function repetitionKey({ type, question }: Question, shown: number): string {
  if (type === 'count') return `${question} ${shown}`
  return type === 'yesno' ? question.replace(/ show .*/, '') : question
}

type Asker = (scene: Scene, random: Random) => Question | undefined

const ASKERS: Readonly<Record<QuestionType, Asker>> = {
  name: ({ shown, names }, random) => {
    const k = random.int(shown.length)
    return { type: 'name', question: `what is ${image(k)}?`, answer: shown[k]!.label, chance: 1 / names }
  },
  kind: ({ shown, kindWeights }, random) => {
    const k = random.int(shown.length)
    const chance = 1 / kindWeights.filter((w) => w > 0).length
    return { type: 'kind', question: `what kind of thing is ${image(k)}?`, answer: shown[k]!.kind, chance }
  },
  which: ({ shown }, random) => {
    const alone = shown.map((_, k) => k).filter((k) => shown.every((c, j) => j === k || c.kind !== shown[k]!.kind))
    if (shown.length < 2 || alone.length === 0) return undefined
    const k = random.pick(alone)
    return pointing('which', `which image shows ${kindOf(shown[k]!.kind).one}?`, k, shown.length)
  },
  find: ({ shown }, random) => {
    const alone = shown.map((_, k) => k).filter((k) => shown.every((c, j) => j === k || c !== shown[k]))
    if (shown.length < 2 || alone.length === 0) return undefined
    const k = random.pick(alone)
    return pointing('find', `which image is the ${shown[k]!.label}?`, k, shown.length)
  },
  tag: ({ shown }, random) => {
    if (shown.length < 2) return undefined
    // Tags are incomplete, so a tag is asked for only where no other image is even of its kind.
    const fits = TAG_PHRASES.flatMap(({ tag, kind, one }) => {
      const ofKind = shown.flatMap((c, k) => (c.kind === kind ? [k] : []))
      return ofKind.length === 1 && shown[ofKind[0]!]!.tags.includes(tag) ? [{ one, k: ofKind[0]! }] : []
    })
    if (fits.length === 0) return undefined
    const { one, k } = random.pick(fits)
    return pointing('tag', `which image shows ${one}?`, k, shown.length)
  },
  count: ({ shown, focus }) => {
    if (shown.length < 2) return undefined
    const count = shown.filter((c) => c.kind === focus).length
    const question = `how many images show ${kindOf(focus).many}?`
    return { type: 'count', question, answer: `${count}`, chance: 1 / (shown.length + 1) }
  },
  yesno: ({ shown, kindWeights }, random) => {
    const k = random.int(shown.length)
    const yes = random.chance()
    const kind = yes ? shown[k]!.kind : otherKind(shown, k, kindWeights, random)
    const question = `does ${image(k)} show ${kindOf(kind).one}?`
    return { type: 'yesno', question, answer: yes ? 'yes' : 'no', chance: 1 / 2 }
  },
  same: ({ shown }, random) => {
    const yes = random.chance()
    const pairs: [number, number][] = []
    for (let j = 1; j < shown.length; j++) {
      for (let i = 0; i < j; i++) if ((shown[i]!.kind === shown[j]!.kind) === yes) pairs.push([i, j])
    }
    if (pairs.length === 0) return undefined
    const [i, j] = random.pick(pairs)
    const question = `are ${image(i)} and ${image(j)} the same kind of thing?`
    return { type: 'same', question, answer: yes ? 'yes' : 'no', chance: 1 / 2 }
  },
}

const image = (k: number): string => `image ${k + 1}`
const kindOf = (noun: KindNoun): Kind => KINDS.find((k) => k.noun === noun)!

function pointing(type: QuestionType, question: string, k: number, shown: number): Question {
  return { type, question, answer: image(k), chance: 1 / shown }
}

/**
 * A kind that image k is not. Mostly it is another image's, where there is such a one: else "is that kind anywhere
 * among the images" would answer without knowing which image is meant.
 */
function otherKind(shown: readonly Concept[], k: number, weights: readonly number[], random: Random): KindNoun {
  const own = shown[k]!.kind
  const around = shown.map((c) => c.kind).filter((kind) => kind !== own)
  if (around.length > 0 && random.chance(0.75)) return random.pick(around)
  return random.weighted(
    KINDS.map((kind) => kind.noun),
    KINDS.map((kind, i) => (kind.noun === own ? 0 : weights[i]!)),
  )
}

/** Every text a question or an answer is made of, for building a vocabulary. */
export function questionTexts(concepts: readonly Concept[], maxImages: number): string[] {
  const out: string[] = ['yes', 'no', '0']
  for (let k = 0; k < maxImages; k++) {
    out.push(
      image(k),
      `${k + 1}`,
      `what is ${image(k)}?`,
      `what kind of thing is ${image(k)}?`,
      `does ${image(k)} show`,
    )
    out.push(`are ${image(k)} and ${image(k)} the same kind of thing?`)
  }
  for (const kind of KINDS) out.push(kind.noun, `which image shows ${kind.one}?`, `how many images show ${kind.many}?`)
  for (const { one } of TAG_PHRASES) out.push(`which image shows ${one}?`)
  for (const { label } of concepts) out.push(label, `which image is the ${label}?`)
  return out
}
