import { describe, expect, it } from 'vitest'
import { type Dialogue, type DialogueOptions, dialogueSource } from '../../src/data/dialogue.ts'
import { type Concept, readConcepts } from '../../src/data/emoji-concepts.ts'
import { KINDS, TAG_PHRASES } from '../../src/data/emoji-kinds.ts'
import { QUESTION_TYPES, type Question, type QuestionType } from '../../src/data/questions.ts'
import { makeSplits, type SplitName } from '../../src/data/splits.ts'
import { ValueError } from '../../src/util/errors.ts'

const { concepts, drawings } = readConcepts()
const drawn = new Set(drawings.map((d) => `${d.artist} ${d.concept.id}`))
const has = (artist: string, concept: Concept): boolean => drawn.has(`${artist} ${concept.id}`)
const splits = makeSplits(concepts)
const NAMES: readonly SplitName[] = ['train', 'newArtist', 'newConcepts', 'newBoth']

function dialogues(name: SplitName, count: number, options: DialogueOptions = {}): Dialogue[] {
  const source = dialogueSource(splits[name], has, options)
  return Array.from({ length: count }, (_, i) => source.at(i))
}

/** Each question with the concepts shown when it is asked. */
const asked = (all: readonly Dialogue[]): { question: Question; shown: Concept[] }[] =>
  all.flatMap(({ images, turns }) => {
    let visible = 0
    return turns.map((question) => {
      visible += question.images
      return { question, shown: images.slice(0, visible).map((i) => i.concept) }
    })
  })

/** How each form of question is answered from the metadata; undefined when there is not exactly one answer. */
const SOLVERS: readonly [RegExp, (parts: string[], shown: readonly Concept[]) => string | undefined][] = [
  [/^what is image (\d)\?$/, ([k], shown) => shown[+k! - 1]!.label],
  [/^what kind of thing is image (\d)\?$/, ([k], shown) => shown[+k! - 1]!.kind],
  [/^which image is the (.+)\?$/, ([label], shown) => only(shown, (c) => c.label === label)],
  [/^how many images show (.+)\?$/, ([many], shown) => `${shown.filter((c) => c.kind === kindOf(many!)).length}`],
  [/^does image (\d) show (.+)\?$/, ([k, one], shown) => yes(shown[+k! - 1]!.kind === kindOf(one!))],
  [
    /^are image (\d) and image (\d) the same kind of thing\?$/,
    ([j, k], shown) => yes(shown[+j! - 1]!.kind === shown[+k! - 1]!.kind),
  ],
  [
    /^which image shows (.+)\?$/,
    ([one], shown) => {
      const tag = TAG_PHRASES.find((t) => t.one === one)
      if (tag) return only(shown, (c) => c.kind === tag.kind && c.tags.includes(tag.tag))
      return only(shown, (c) => c.kind === kindOf(one!))
    },
  ],
]
const kindOf = (phrase: string) => KINDS.find((k) => k.one === phrase || k.many === phrase)!.noun
const yes = (truth: boolean): string => (truth ? 'yes' : 'no')
function only(shown: readonly Concept[], fits: (c: Concept) => boolean): string | undefined {
  const found = shown.flatMap((c, k) => (fits(c) ? [`image ${k + 1}`] : []))
  return found.length === 1 ? found[0] : undefined
}

/** The right answer, worked out from the question's words alone. */
function solve(text: string, shown: readonly Concept[]): string | undefined {
  for (const [form, solver] of SOLVERS) {
    const match = form.exec(text)
    if (match) return solver(match.slice(1), shown)
  }
  throw new Error(`a question of no known form: ${text}`)
}

describe('splits', () => {
  it('share no concept between known and new, and hold every concept', () => {
    const known = new Set(splits.train.concepts.map((c) => c.id))
    expect(splits.newConcepts.concepts.some((c) => known.has(c.id))).toBe(false)
    expect(splits.newBoth.concepts).toEqual(splits.newConcepts.concepts)
    expect(known.size + splits.newConcepts.concepts.length).toBe(concepts.length)
    expect(splits.newConcepts.concepts.length / concepts.length).toBeCloseTo(0.1, 1)
    expect(new Set(splits.newConcepts.concepts.map((c) => c.kind)).size).toBe(KINDS.length)
  })

  it('share no artist between known and new', () => {
    expect(splits.newArtist.artists).toEqual(['twemoji'])
    expect(splits.train.artists).not.toContain('twemoji')
    expect(splits.newConcepts.artists).toEqual(splits.train.artists)
  })

  it('are chosen by the seed alone', () => {
    expect(makeSplits(concepts)).toEqual(splits)
    expect(makeSplits(concepts.toReversed(), { seed: 2 }).newBoth).not.toEqual(splits.newBoth)
    expect(() => makeSplits(concepts, { heldOut: 1 })).toThrow(ValueError)
  })
})

describe('dialogues', () => {
  it.each(NAMES)('of %s show only drawings of that split', (name) => {
    const allowed = new Set(splits[name].concepts)
    for (const { images } of dialogues(name, 400)) {
      for (const { artist, concept } of images) {
        expect(allowed.has(concept)).toBe(true)
        expect(splits[name].artists).toContain(artist)
        expect(has(artist, concept)).toBe(true)
      }
    }
  })

  it('never speak of a held-out concept in training, nor name a concept nobody was told of', () => {
    const strange = new Set(splits.newConcepts.concepts.map((c) => c.label))
    for (const { question } of asked(dialogues('train', 1500))) expect(strange.has(question.answer)).toBe(false)
    const types = new Set(asked(dialogues('newBoth', 600)).map((q) => q.question.type))
    expect(types).toEqual(new Set(['kind', 'which', 'tag', 'count', 'yesno', 'same']))
  })

  it.each(NAMES)('of %s have the answers that the metadata gives', (name) => {
    const all = asked(dialogues(name, 1000, { maxImages: 5 }))
    for (const { question, shown } of all) {
      expect(solve(question.question, shown), question.question).toBe(question.answer)
    }
    if (name === 'train') expect(new Set(all.map((q) => q.question.type))).toEqual(new Set(QUESTION_TYPES))
  })

  it('say how good a guess would be', () => {
    for (const { question, shown } of asked(dialogues('train', 500))) {
      const n = shown.length
      const guesses: Record<QuestionType, number> = {
        ...{ name: splits.train.concepts.length, kind: KINDS.length, yesno: 2, same: 2 },
        ...{ which: n, find: n, tag: n, count: n + 1 },
      }
      expect(question.chance).toBeCloseTo(1 / guesses[question.type])
    }
  })

  it('give a constant answer little more than chance', () => {
    const all = asked(dialogues('train', 6000, { maxTurns: 1 }))
    for (const type of QUESTION_TYPES) {
      const ofType = all.filter((q) => q.question.type === type).map((q) => q.question)
      const chance = ofType.reduce((sum, q) => sum + q.chance, 0) / ofType.length
      const counts = new Map<string, number>()
      for (const { answer } of ofType) counts.set(answer, (counts.get(answer) ?? 0) + 1)
      const constant = Math.max(...counts.values()) / ofType.length
      // Three standard deviations of luck; kinds and names are weighted by the root of their number on purpose.
      const luck = 3 * Math.sqrt((chance * (1 - chance)) / ofType.length)
      const slack = type === 'kind' ? 0.06 : type === 'name' ? 0.01 : 0.02
      expect(constant - chance, type).toBeLessThan(luck + slack)
    }
  })

  it('make every count equally common for each number of images', () => {
    const all = asked(dialogues('train', 6000, { minImages: 2, types: { count: 1 }, maxTurns: 1 }))
    for (const n of [2, 3, 4]) {
      const ofN = all.filter((q) => q.shown.length === n)
      for (let count = 0; count <= n; count++) {
        const share = ofN.filter((q) => q.question.answer === `${count}`).length / ofN.length
        expect(Math.abs(share - 1 / (n + 1)), `${count} of ${n}`).toBeLessThan(0.04)
      }
    }
  })

  it('do not give an answer away by the kind asked about', () => {
    // Knowing which kinds are shown, but not by which image, must not be enough.
    const around = asked(dialogues('train', 8000, { minImages: 2, types: { yesno: 1 }, maxTurns: 1 })).filter(
      ({ question, shown }) => {
        const kinds = new Set(shown.map((c) => c.kind))
        return kinds.size === shown.length && kinds.size > 1 && kinds.has(kindOf(question.question.slice(18, -1)))
      },
    )
    expect(around.length).toBeGreaterThan(500)
    expect(around.filter((q) => q.question.answer === 'yes').length / around.length).toBeLessThan(0.62)
  })

  it('introduce every image, in order, with at least one at first, and ask nothing twice', () => {
    let laterImages = 0
    for (const { images, turns } of dialogues('train', 600)) {
      expect(turns[0]!.images).toBeGreaterThan(0)
      expect(turns.reduce((n, t) => n + t.images, 0)).toBe(images.length)
      expect(turns.length).toBeLessThanOrEqual(4)
      const texts = turns.filter((t) => t.type !== 'count').map((t) => t.question)
      expect(new Set(texts).size).toBe(texts.length)
      expect(new Set(images.map((i) => i.concept)).size).toBe(images.length)
      if (turns.slice(1).some((t) => t.images > 0)) laterImages++
    }
    expect(laterImages).toBeGreaterThan(60)
  })

  it('are the same for equal seeds, in whatever order they are asked for', () => {
    const a = dialogueSource(splits.train, has, { seed: 5 })
    const b = dialogueSource(splits.train, has, { seed: 5 })
    const forward = [0, 1, 2, 3].map((i) => a.at(i))
    expect([3, 2, 1, 0].map((i) => b.at(i)).reverse()).toEqual(forward)
    expect(dialogueSource(splits.train, has, { seed: 6 }).at(0)).not.toEqual(forward[0])
  })

  it('keep to the types and sizes asked for', () => {
    const types = { which: 1, same: 2 } as const
    const all = dialogues('train', 200, { minImages: 2, maxImages: 3, minTurns: 2, maxTurns: 2, types })
    for (const d of all) {
      expect([2, 3]).toContain(d.images.length)
      for (const t of d.turns) expect(['which', 'same']).toContain(t.type)
    }
  })

  it('refuse options that leave nothing to show or to ask', () => {
    expect(() => dialogueSource(splits.train, has, { maxImages: 9 })).toThrow(ValueError)
    expect(() => dialogueSource(splits.train, has, { minTurns: 3, maxTurns: 2 })).toThrow(ValueError)
    expect(() => dialogueSource(splits.newBoth, has, { types: { name: 1 } })).toThrow(ValueError)
    expect(() => dialogueSource(splits.train, has, { types: { same: 1 }, maxImages: 1 })).toThrow(ValueError)
    expect(() => dialogueSource(splits.train, () => false)).toThrow(ValueError)
  })
})
