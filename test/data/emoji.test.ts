import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ARTISTS, creditsTable, KINDS, loadEmoji } from '../../src/data/emoji.ts'
import { readConcepts } from '../../src/data/emoji-concepts.ts'
import { KIND_OF_LABEL, LEFT_OUT, SHORT_LABEL, TAG_PHRASES } from '../../src/data/emoji-kinds.ts'
import { readEmojiRecords } from '../../src/data/emoji-packages.ts'
import { rasteriseSvg } from '../../src/data/rasterise.ts'
import { FileError, ImageError, ValueError } from '../../src/util/errors.ts'

const { concepts, drawings } = readConcepts()

describe('concepts', () => {
  it('are several hundred, each of one of the kinds, under unique ids and labels', () => {
    expect(concepts.length).toBeGreaterThan(700)
    expect(new Set(concepts.map((c) => c.id)).size).toBe(concepts.length)
    expect(new Set(concepts.map((c) => c.label)).size).toBe(concepts.length)
    for (const c of concepts) expect(c.label).toMatch(/^[\p{Ll}\p{N}][\p{Ll}\p{N}' -]*$/u)
  })

  it('give every kind enough members, and no kind most of them', () => {
    for (const { noun } of KINDS) {
      const share = concepts.filter((c) => c.kind === noun).length / concepts.length
      expect(share, noun).toBeGreaterThan(0.02)
      expect(share, noun).toBeLessThan(0.2)
    }
  })

  it('leave out people, faces, symbols and flags', () => {
    const { records } = readEmojiRecords()
    const groupOf = new Map(records.map((r) => [r.hexcode.toLowerCase(), r.group] as const))
    expect(new Set(concepts.map((c) => groupOf.get(c.id)))).toEqual(new Set([3, 4, 5, 6, 7]))
  })

  it('find what each table of exceptions names, so that no exception is a misspelling', () => {
    const labels = new Set(readEmojiRecords().records.map((r) => r.label.toLowerCase()))
    const named = [...LEFT_OUT, ...Object.keys(KIND_OF_LABEL), ...Object.keys(SHORT_LABEL)]
    expect(named.filter((label) => !labels.has(label))).toEqual([])
    for (const label of Object.keys(SHORT_LABEL)) expect(LEFT_OUT.has(label), label).toBe(false)
  })

  it('are each drawn by the held-out artist and at least three others, no drawing twice', () => {
    for (const concept of concepts) {
      const artists = drawings.filter((d) => d.concept === concept).map((d) => d.artist)
      expect(artists, concept.label).toContain('twemoji')
      expect(artists.length, concept.label).toBeGreaterThanOrEqual(4)
    }
    expect(new Set(drawings.map((d) => `${d.artist} ${d.concept.id}`)).size).toBe(drawings.length)
  })

  it('take no drawing of another thing for one of the same name', () => {
    const has = (artist: string, label: string): boolean =>
      drawings.some((d) => d.artist === artist && d.concept.label === label)
    expect(has('noto', 'cricket')).toBe(true)
    expect(has('emojione', 'cricket')).toBe(false)
    expect(has('openmoji', 'scroll')).toBe(false)
    expect(has('emojione', 'bullseye')).toBe(true)
  })

  it('have tags worth asking about', () => {
    for (const { tag, kind } of TAG_PHRASES) {
      const tagged = concepts.filter((c) => c.kind === kind && c.tags.includes(tag))
      expect(tagged.length, tag).toBeGreaterThanOrEqual(5)
    }
    const byLabel = (label: string) => concepts.find((c) => c.label === label)
    expect(byLabel('fox')?.kind).toBe('animal')
    expect(byLabel('bird')?.tags).toContain('bird')
    expect(byLabel('moon cake')?.kind).toBe('food')
  })

  it('credit every artist, one of them held out', () => {
    for (const artist of ARTISTS) expect(creditsTable()).toContain(artist.licence)
    expect(ARTISTS.filter((a) => a.role === 'heldOut').map((a) => a.id)).toEqual(['twemoji'])
    expect(creditsTable()).toContain('not shipped')
  })
})

describe('rasteriseSvg', () => {
  const svg = (body: string, box = '0 0 8 8') =>
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}">${body}</svg>`

  it('draws red, green and blue planes on white', async () => {
    const planes = await rasteriseSvg(svg('<rect width="4" height="8" fill="#f00"/>'), 16, 'half')
    const at = (plane: number, y: number, x: number) => planes[(plane * 16 + y) * 16 + x]
    expect([0, 1, 2].map((p) => at(p, 8, 2))).toEqual([255, 0, 0])
    expect([0, 1, 2].map((p) => at(p, 8, 13))).toEqual([255, 255, 255])
  })

  it('centres a drawing that is not square', async () => {
    const planes = await rasteriseSvg(svg('<rect width="8" height="4"/>', '0 0 8 4'), 16, 'wide')
    expect([1, 8, 14].map((y) => planes[y * 16 + 8])).toEqual([255, 0, 255])
  })

  it('names the drawing it cannot draw', async () => {
    await expect(rasteriseSvg('<svg ', 16, 'fox by nobody')).rejects.toThrow(ImageError)
    await expect(rasteriseSvg('<svg ', 16, 'fox by nobody')).rejects.toThrow('fox by nobody')
  })
})

describe('loadEmoji', () => {
  let dir = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weft-emoji-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const labels = ['fox', 'red apple', 'guitar', 'otter']
  const load = async (options: { size?: number } = {}) => {
    const progress: [number, number][] = []
    const notices: string[] = []
    const set = await loadEmoji({
      cacheDir: join(dir, 'cache'),
      labels,
      ...options,
      onProgress: (done, total) => progress.push([done, total]),
      onNotice: (message) => notices.push(message),
    })
    return { set, progress, notices }
  }
  const cached = (suffix: string) => {
    const folder = join(dir, 'cache')
    return join(folder, readdirSync(folder).find((f) => f.endsWith(suffix))!)
  }

  it('gives normalised pixels that look like their subject', async () => {
    const { set } = await load()
    expect(set.artists).toEqual(ARTISTS.map((a) => a.id))
    for (const artist of set.artists) {
      const apple = set.pixels(artist, set.concepts.find((c) => c.label === 'red apple')!)
      expect(apple).toHaveLength(3 * 32 * 32)
      expect(Math.max(...apple)).toBeLessThanOrEqual(1)
      expect(Math.min(...apple)).toBeGreaterThanOrEqual(-1)
      const [red, green, blue] = [0, 1, 2].map((p) => apple[(p * 32 + 18) * 32 + 14]!)
      expect(red!, artist).toBeGreaterThan(Math.max(green!, blue!))
      expect([...apple.subarray(0, 3)], `${artist} on white`).toEqual([1, 1, 1])
    }
  })

  it('says what an artist has not drawn', async () => {
    const { set } = await load()
    const otter = set.concepts.find((c) => c.label === 'otter')!
    expect(set.has('emojione', otter)).toBe(false)
    expect(() => set.pixels('emojione', otter)).toThrow(ValueError)
  })

  it('draws once with progress, then reads the cache', async () => {
    const first = await load()
    expect(first.progress.at(0)).toEqual([1, first.progress.length])
    expect(first.progress.at(-1)).toEqual([first.progress.length, first.progress.length])
    const second = await load()
    expect(second.progress).toEqual([])
    for (const concept of second.set.concepts) {
      expect(second.set.pixels('noto', concept)).toEqual(first.set.pixels('noto', concept))
    }
    expect(readdirSync(join(dir, 'cache'))).toHaveLength(2)
  })

  it.each([
    ['cut short', (path: string) => truncateSync(path, 100), '.bin'],
    ['altered', (path: string) => writeFileSync(path, readFileSync(path).fill(7, 5000, 5001)), '.bin'],
    ['missing', (path: string) => rmSync(path), '.bin'],
    ['index not JSON', (path: string) => writeFileSync(path, '{"key":'), '.json'],
  ])('draws anew and says so when the cache is %s', async (_, spoil, suffix) => {
    const first = await load()
    spoil(cached(suffix))
    const second = await load()
    expect(second.notices.join()).toContain('corrupt')
    expect(second.progress.length).toBe(first.progress.length)
    expect(second.set.pixels('noto', second.set.concepts[0]!)).toEqual(first.set.pixels('noto', first.set.concepts[0]!))
    expect((await load()).notices).toEqual([])
  })

  it('draws anew when its inputs changed', async () => {
    await load()
    const path = cached('.json')
    const index = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    writeFileSync(path, JSON.stringify({ ...index, key: 'of an older version' }))
    const again = await load()
    expect(again.notices.join()).toContain('other inputs')
    expect(again.progress.length).toBeGreaterThan(0)
  })

  it('leaves no cache behind when it fails', async () => {
    const boom = () => {
      throw new Error('interrupted')
    }
    await expect(loadEmoji({ cacheDir: join(dir, 'none'), labels, onProgress: boom })).rejects.toThrow('interrupted')
    expect(existsSync(join(dir, 'none'))).toBe(false)
  })

  it('names a folder it cannot write, a label it does not know, a size it does not draw', async () => {
    writeFileSync(join(dir, 'file'), '')
    await expect(loadEmoji({ cacheDir: join(dir, 'file', 'x'), labels })).rejects.toThrow(FileError)
    await expect(loadEmoji({ cacheDir: dir, labels: ['unheard of'] })).rejects.toThrow(ValueError)
    await expect(loadEmoji({ cacheDir: dir, labels, size: 4 })).rejects.toThrow(ValueError)
  })
})
