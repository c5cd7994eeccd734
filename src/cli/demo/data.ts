import { type ArtistId, type Concept, type EmojiSet, loadEmoji } from '../../data/emoji.ts'
import { makeSplits, type Split, type SplitName } from '../../data/splits.ts'
import { emojiTokenizer } from '../../data/vocabulary.ts'
import type { WordTokenizer } from '../../data/word-tokenizer.ts'
import { showProgress } from '../progress.ts'
import { type DemoSettings, IMAGE_SIZE } from './settings.ts'

/** Drawings, splits and tokenizer. */
export interface DemoData {
  readonly emoji: EmojiSet
  readonly splits: Readonly<Record<SplitName, Split>>
  readonly tokenizer: WordTokenizer
}

export async function prepareData({ cache, seed }: Pick<DemoSettings, 'cache' | 'seed'>): Promise<DemoData> {
  let progress: ReturnType<typeof showProgress> | undefined
  const emoji = await loadEmoji({
    cacheDir: cache,
    size: IMAGE_SIZE,
    onProgress(done, total) {
      progress ??= showProgress({ label: 'drawing emoji', total })
      progress.update(done)
    },
  })
  progress?.stop()
  return {
    emoji: keepPixels(emoji),
    splits: makeSplits(emoji.concepts, { seed }),
    tokenizer: emojiTokenizer(emoji.concepts),
  }
}

/** Every drawing is shown hundreds of times; making its numbers anew takes longer than changing them at random. */
function keepPixels(emoji: EmojiSet): EmojiSet {
  const kept = new Map<string, Float32Array>()
  return {
    ...emoji,
    pixels(artist: ArtistId, concept: Concept) {
      const key = `${artist} ${concept.id}`
      const pixels = kept.get(key) ?? emoji.pixels(artist, concept)
      kept.set(key, pixels)
      return pixels
    },
  }
}
