import { type EmojiSet, loadEmoji } from '../../data/emoji.ts'
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
    emoji,
    splits: makeSplits(emoji.concepts, { seed }),
    tokenizer: emojiTokenizer(emoji.concepts),
  }
}
