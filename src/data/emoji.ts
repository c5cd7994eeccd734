import { ValueError } from '../util/errors.ts'
import { ARTISTS, type ArtistId } from './emoji-artists.ts'
import { cacheFile, cacheKey, type EmojiTable, readCache, writeCache } from './emoji-cache.ts'
import { type Concept, readConcepts } from './emoji-concepts.ts'
import { type Progress, rasteriseAll } from './rasterise.ts'

export { ARTISTS, type Artist, type ArtistId, creditsTable } from './emoji-artists.ts'
export type { Concept } from './emoji-concepts.ts'
export { KINDS, type Kind, type KindNoun } from './emoji-kinds.ts'

export interface LoadEmojiOptions {
  /** Where the rasterised drawings are kept; default `.cache/weft` under the working directory. */
  readonly cacheDir?: string
  /** Pixels on a side; default 32. */
  readonly size?: number
  /** Only the concepts with these labels, for small examples and tests; default all. */
  readonly labels?: readonly string[]
  /** Called while drawings are rasterised; not at all when they come from the cache. */
  readonly onProgress?: Progress
  /** Told when a cache had to be thrown away, and why. Default: standard error. */
  readonly onNotice?: (message: string) => void
}

/** Drawings of the same concepts by several artists. */
export interface EmojiSet {
  /** Pixels on a side. */
  readonly size: number
  readonly artists: readonly ArtistId[]
  readonly concepts: readonly Concept[]
  has(artist: ArtistId, concept: Concept): boolean
  /**
   * [3, size, size] red plane first, each value (byte / 255 - 0.5) / 0.5, so from -1 (black) to 1 (white).
   * @throws ValueError when the artist has not drawn the concept.
   */
  pixels(artist: ArtistId, concept: Concept): Float32Array
}

/**
 * The emoji drawings, from the cache or rasterised now (a few seconds on two cores).
 * @throws FileError when a package of drawings is not installed or the cache cannot be written; ImageError when a
 * drawing cannot be rasterised; ValueError for a size outside 8..512 or an unknown label.
 */
export async function loadEmoji(options: LoadEmojiOptions = {}): Promise<EmojiSet> {
  const { cacheDir = '.cache/weft', size = 32, labels, onProgress, onNotice = console.warn } = options
  if (!Number.isInteger(size) || size < 8 || size > 512) {
    throw new ValueError(`the size of emoji is ${size}`, { hint: 'an integer from 8 to 512' })
  }
  const key = cacheKey(size, labels)
  const file = cacheFile(cacheDir, size, labels)
  const cached = readCache(file, key)
  if (!('unusable' in cached)) return emojiSet(cached)
  if (cached.unusable === 'corrupt') onNotice(`the emoji cache ${file} is corrupt; drawing it anew`)
  if (cached.unusable === 'outdated') onNotice(`the emoji cache ${file} was made from other inputs; drawing it anew`)
  const { concepts, drawings } = readConcepts(labels)
  const documents = drawings.map((d) => ({ svg: d.svg, name: `${d.concept.label} by ${d.artist}` }))
  const table: EmojiTable = {
    size,
    concepts,
    drawings: drawings.map((d) => ({ artist: d.artist, concept: d.concept.id })),
    pixels: await rasteriseAll(documents, size, onProgress),
  }
  writeCache(file, key, table)
  return emojiSet(table)
}

/** An emoji set over a table in memory. */
export function emojiSet(table: EmojiTable): EmojiSet {
  const each = 3 * table.size * table.size
  const rowOf = new Map(table.drawings.map((d, row) => [`${d.artist} ${d.concept}`, row] as const))
  const drawn = new Set(table.drawings.map((d) => d.artist))
  const row = (artist: ArtistId, concept: Concept): number | undefined => rowOf.get(`${artist} ${concept.id}`)
  return {
    size: table.size,
    artists: ARTISTS.map((a) => a.id).filter((id) => drawn.has(id)),
    concepts: table.concepts,
    has: (artist, concept) => row(artist, concept) !== undefined,
    pixels(artist, concept) {
      const at = row(artist, concept)
      if (at === undefined) {
        throw new ValueError(`${artist} has no drawing of "${concept.label}"`, {
          hint: 'ask has(artist, concept) first',
        })
      }
      const bytes = table.pixels.subarray(at * each, (at + 1) * each)
      const values = new Float32Array(bytes.length)
      // A loop: Float32Array.from with a function takes twenty times as long, and training asks for drawings all the time.
      for (let i = 0; i < bytes.length; i++) values[i] = (bytes[i] / 255 - 0.5) / 0.5
      return values
    },
  }
}
