import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { collate } from '../../src/data/collate.ts'
import { dialogueSource } from '../../src/data/dialogue.ts'
import { loadEmoji } from '../../src/data/emoji.ts'
import { toSample } from '../../src/data/emoji-samples.ts'
import type { Split } from '../../src/data/splits.ts'
import { emojiTokenizer } from '../../src/data/vocabulary.ts'

const dir = mkdtempSync(join(tmpdir(), 'weft-samples-'))
afterAll(() => rmSync(dir, { recursive: true }))

describe('from drawings to a batch', () => {
  it('carries each drawing to the positions of its own image', async () => {
    const emoji = await loadEmoji({ cacheDir: dir, size: 16, labels: ['fox', 'owl', 'pizza', 'pear', 'rocket', 'bus'] })
    const split: Split = { name: 'train', artists: ['noto', 'openmoji'], concepts: emoji.concepts, named: true }
    const source = dialogueSource(split, emoji.has, { minImages: 2 })
    const tokenizer = emojiTokenizer(emoji.concepts)
    const dialogues = [0, 1, 2, 3].map((i) => source.at(i))
    const samples = dialogues.map((d) => toSample(d, emoji, tokenizer, { imageTokens: 4 }))
    const batch = collate(samples, tokenizer, { imageTokens: 4, imageSize: 16 })
    const each = 3 * 16 * 16
    const T = batch.imageSlot.shape[1]!
    dialogues.forEach((dialogue, b) => {
      const slots = [...batch.imageSlot.data.subarray(b * T, (b + 1) * T)].filter((slot) => slot >= 0)
      const shown = [...new Set(slots.map((slot) => Math.floor(slot / 4)))]
      expect(shown).toHaveLength(dialogue.images.length)
      dialogue.images.forEach(({ artist, concept }, k) => {
        const at = shown[k]! * each
        expect(batch.pixels.data.slice(at, at + each)).toEqual(emoji.pixels(artist, concept))
      })
    })
  })

  it('leaves out the images of turns that did not fit', async () => {
    const emoji = await loadEmoji({ cacheDir: dir, size: 16, labels: ['fox', 'pizza'] })
    const [fox, pizza] = ['fox', 'pizza'].map((label) => emoji.concepts.find((c) => c.label === label)!)
    const question = { type: 'name', chance: 1, question: 'what is image 1?', answer: 'fox' } as const
    const dialogue = {
      images: [fox!, pizza!].map((concept) => ({ artist: 'noto', concept }) as const),
      turns: [
        { ...question, images: 1 },
        { ...question, images: 1 },
      ],
    }
    const sample = toSample(dialogue, emoji, emojiTokenizer(emoji.concepts), { imageTokens: 4, maxLength: 20 })
    expect([sample.sequence.droppedTurns, sample.images.length]).toEqual([1, 1])
    expect(sample.images[0]).toEqual(emoji.pixels('noto', fox!))
  })
})
