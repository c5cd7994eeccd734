import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collate, type Sample } from '../../src/data/collate.ts'
import { type Conversation, IGNORED, splicedLength, toSequence } from '../../src/data/sequence.ts'
import { splice } from '../../src/data/splice.ts'
import { instructionText } from '../../src/data/template.ts'
import { buildVocabulary, TEMPLATE_PIECES } from '../../src/data/vocabulary.ts'
import { ShapeError, ValueError } from '../../src/util/errors.ts'

const tokenizer = buildVocabulary(['what is in image 1 and 2', 'a red fox runs'], TEMPLATE_PIECES)
const { padId, bosId, eosId, imageId } = tokenizer
const IMAGE_TOKENS = 3
const SIZE = 2
const EACH = 3 * SIZE * SIZE

const words = fc.array(fc.constantFrom('what', ' is', ' image', ' red', ' fox', 'é'), { minLength: 1, maxLength: 5 })
const conversation: fc.Arbitrary<Conversation> = fc
  .array(
    fc.record({
      images: fc.integer({ min: 0, max: 2 }),
      question: words.map((w) => w.join('')),
      answer: words.map((w) => w.join('')),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((turns) => ({ turns }))

/** Every value of an image tells which image it is. */
const imageOf = (value: number): Float32Array => new Float32Array(EACH).fill(value)

function sampleOf(of: Conversation, firstImage = 1): Sample {
  const sequence = toSequence(of, tokenizer, { imageTokens: IMAGE_TOKENS })
  return { sequence, images: Array.from({ length: sequence.images }, (_, i) => imageOf(firstImage + i)) }
}

describe('toSequence', () => {
  it('writes each turn as BOS, instruction, answer, EOS, and labels answers and EOS alone', () => {
    fc.assert(
      fc.property(conversation, (of) => {
        const { ids, labels } = toSequence(of, tokenizer, { imageTokens: IMAGE_TOKENS })
        let imagesBefore = 0
        const text = of.turns.map((turn, i) => {
          const instruction = instructionText({ ...turn, first: i === 0, imagesBefore })
          imagesBefore += turn.images
          return instruction + turn.answer
        })
        expect(tokenizer.decode(ids)).toBe(text.join(''))
        expect(ids.filter((id) => id === bosId)).toHaveLength(of.turns.length)
        labels.forEach((label, i) => {
          if (label !== IGNORED) expect(label).toBe(ids[i])
        })
        const learnt = of.turns.flatMap((turn) => [...tokenizer.encode(turn.answer), eosId])
        expect(labels.filter((label) => label !== IGNORED)).toEqual(learnt)
      }),
    )
  })

  it('gives a turn that is cut no EOS', () => {
    const answer = 'a red fox runs'
    const of = { turns: [{ images: 0, question: 'what', answer }] }
    const whole = toSequence(of, tokenizer, { imageTokens: 1 })
    expect(whole.ids.at(-1)).toBe(eosId)
    for (const cut of [1, 2, 3]) {
      const part = toSequence(of, tokenizer, { imageTokens: 1, maxTurnTokens: whole.ids.length - cut })
      expect(part.ids).toEqual(whole.ids.slice(0, -cut))
      expect(part.labels).toEqual(whole.labels.slice(0, -cut))
    }
    const exact = toSequence(of, tokenizer, { imageTokens: 1, maxTurnTokens: whole.ids.length })
    expect(exact).toEqual(whole)
  })

  it('refuses a turn whose instruction alone is too long', () => {
    const of = { turns: [{ images: 2, question: 'what is in image 1', answer: 'a' }] }
    expect(() => toSequence(of, tokenizer, { imageTokens: 1, maxTurnTokens: 9 })).toThrow(ValueError)
  })

  it('keeps to the length after splicing by leaving out whole last turns, and says how many', () => {
    fc.assert(
      fc.property(conversation, fc.integer({ min: 10, max: 60 }), (of, maxLength) => {
        const options = { imageTokens: IMAGE_TOKENS, maxLength }
        const first = toSequence({ turns: of.turns.slice(0, 1) }, tokenizer, { imageTokens: IMAGE_TOKENS })
        if (splicedLength(first, IMAGE_TOKENS) > maxLength) {
          expect(() => toSequence(of, tokenizer, options)).toThrow(ValueError)
          return
        }
        const sequence = toSequence(of, tokenizer, options)
        expect(splicedLength(sequence, IMAGE_TOKENS)).toBeLessThanOrEqual(maxLength)
        const kept = of.turns.slice(0, of.turns.length - sequence.droppedTurns)
        expect(sequence.ids).toEqual(toSequence({ turns: kept }, tokenizer, { imageTokens: IMAGE_TOKENS }).ids)
        expect(sequence.images).toBe(kept.reduce((n, t) => n + t.images, 0))
      }),
    )
  })
})

describe('splice', () => {
  it('puts image 1 first, image 2 after it, text between', () => {
    const layout = splice([7, imageId, 8, imageId, 9], [-100, -100, -100, -100, 9], tokenizer, 2)
    expect(layout).toEqual({
      tokenIds: [7, padId, padId, 8, padId, padId, 9],
      imageSlot: [-1, 0, 1, -1, 2, 3, -1],
      modality: [1, 2, 2, 1, 2, 2, 1],
      labels: [-100, -100, -100, -100, -100, -100, 9],
    })
    expect(() => splice([1, 2], [1], tokenizer, 2)).toThrow(ShapeError)
  })
})

describe('collate', () => {
  const options = { imageTokens: IMAGE_TOKENS, imageSize: SIZE }

  it('points every image position at its own image, in the order of the conversations', () => {
    fc.assert(
      fc.property(fc.array(conversation, { minLength: 1, maxLength: 3 }), (all) => {
        let next = 1
        const samples = all.map((of) => {
          const sample = sampleOf(of, next)
          next += sample.images.length
          return sample
        })
        const batch = collate(samples, tokenizer, options)
        const [, T] = batch.imageSlot.shape
        samples.forEach(({ sequence }, b) => {
          const slots = [...batch.imageSlot.data.subarray(b * T!, (b + 1) * T!)].filter((s) => s >= 0)
          const seen = slots.map((slot) => batch.pixels.data[Math.floor(slot / IMAGE_TOKENS) * EACH])
          const first = samples.slice(0, b).reduce((n, s) => n + s.sequence.images, 1)
          const expected = Array.from(
            { length: sequence.images * IMAGE_TOKENS },
            (_, i) => first + Math.floor(i / IMAGE_TOKENS),
          )
          expect(seen).toEqual(expected)
          expect(slots.map((slot) => slot % IMAGE_TOKENS)).toEqual(expected.map((_, i) => i % IMAGE_TOKENS))
        })
        expect(batch.imageCount).toEqual(samples.map((s) => s.sequence.images))
        expect(batch.pixels.shape).toEqual([next - 1, 3, SIZE, SIZE])
      }),
    )
  })

  it('agrees with itself: modality, slots, labels and padding', () => {
    fc.assert(
      fc.property(fc.array(conversation, { minLength: 1, maxLength: 3 }), (all) => {
        const samples = all.map((of) => sampleOf(of))
        const batch = collate(samples, tokenizer, options)
        const [B, T] = batch.tokenIds.shape as [number, number]
        expect([B, T % 8]).toEqual([samples.length, 0])
        for (const a of [batch.imageSlot, batch.modality, batch.labels]) expect(a.shape).toEqual([B, T])
        expect(batch.inputIds.shape[1]! % 8).toBe(0)
        samples.forEach(({ sequence }, b) => {
          const row = (a: { data: Int32Array }) => [...a.data.subarray(b * T, (b + 1) * T)]
          const [ids, slots, modality, labels] = [batch.tokenIds, batch.imageSlot, batch.modality, batch.labels].map(
            row,
          )
          const length = splicedLength(sequence, IMAGE_TOKENS)
          for (let t = 0; t < T; t++) {
            expect(modality![t] === 0).toBe(t >= length)
            expect(modality![t] === 2).toBe(slots![t]! >= 0)
            if (modality![t] !== 1) expect([ids![t], labels![t]]).toEqual([padId, IGNORED])
            else if (labels![t] !== IGNORED) expect(labels![t]).toBe(ids![t])
          }
          const text = ids!.filter((_, t) => modality![t] === 1)
          expect(text).toEqual(sequence.ids.filter((id) => id !== imageId))
          const unspliced = batch.inputIds.data.subarray(b * batch.inputIds.shape[1]!)
          expect([...unspliced.subarray(0, sequence.ids.length)]).toEqual(sequence.ids)
        })
        expect(batch.labelCount).toBe(batch.labels.data.filter((label) => label !== IGNORED).length)
      }),
    )
  })

  it('pads to fixed shapes, or says that the batch exceeds them', () => {
    const samples = [sampleOf({ turns: [{ images: 2, question: 'what', answer: 'fox' }] })]
    const batch = collate(samples, tokenizer, { ...options, fixed: { length: 50, images: 5 } })
    for (const a of [batch.inputIds, batch.tokenIds, batch.imageSlot, batch.modality, batch.labels]) {
      expect(a.shape).toEqual([1, 50])
    }
    expect(batch.pixels.shape).toEqual([5, 3, SIZE, SIZE])
    expect(Math.max(...batch.imageSlot.data)).toBe(2 * IMAGE_TOKENS - 1)
    expect([...batch.pixels.data.subarray(2 * EACH)].every((v) => v === 0)).toBe(true)
    const tight = (length: number, images: number) => () =>
      collate(samples, tokenizer, { ...options, fixed: { length, images } })
    expect(tight(10, 5)).toThrow(ShapeError)
    expect(tight(50, 1)).toThrow(ShapeError)
  })

  it('refuses a batch whose labels are all ignored', () => {
    const { sequence, images } = sampleOf({ turns: [{ images: 1, question: 'what', answer: 'fox' }] })
    const mute = { sequence: { ...sequence, labels: sequence.labels.map(() => IGNORED) }, images }
    expect(() => collate([mute], tokenizer, options)).toThrow(ValueError)
    expect(() => collate([mute], tokenizer, options)).toThrow('no position of the batch has a label')
    expect(collate([mute, { sequence, images }], tokenizer, options).labelCount).toBeGreaterThan(0)
  })

  it('refuses a batch of nothing, and samples whose images are missing or of another size', () => {
    const { sequence } = sampleOf({ turns: [{ images: 2, question: 'what', answer: 'fox' }] })
    expect(() => collate([], tokenizer, options)).toThrow(ValueError)
    expect(() => collate([{ sequence, images: [imageOf(1)] }], tokenizer, options)).toThrow(ShapeError)
    const wrong = [imageOf(1), new Float32Array(5)]
    expect(() => collate([{ sequence, images: wrong }], tokenizer, options)).toThrow(ShapeError)
  })

  it('takes text-only conversations', () => {
    const batch = collate([sampleOf({ turns: [{ images: 0, question: 'what', answer: 'fox' }] })], tokenizer, options)
    expect(batch.pixels.shape).toEqual([0, 3, SIZE, SIZE])
    expect(batch.imageCount).toEqual([0])
  })
})
