import { ValueError } from '../util/errors.ts'
import { ARTISTS, type ArtistId } from './emoji-artists.ts'
import { KIND_OF_LABEL, KIND_OF_SUBGROUP, type KindNoun, LEFT_OUT, SHORT_LABEL } from './emoji-kinds.ts'
import { type EmojiRecord, type IconSet, readEmojiRecords, readIconSet } from './emoji-packages.ts'

/** A thing that several artists have drawn. */
export interface Concept {
  /** Codepoints in lower-case hex, joined by `-`: unique and stable. */
  readonly id: string
  /** Its name: a few words in lower case, unique. */
  readonly label: string
  readonly kind: KindNoun
  /** Words that go with it, the label's own included. */
  readonly tags: readonly string[]
}

/** A concept's drawing by one artist, ready to be rasterised. */
export interface Drawing {
  readonly artist: ArtistId
  readonly concept: Concept
  /** A complete SVG document. */
  readonly svg: string
}

/** Animals and nature, food and drink, travel and places, activities, objects: no people, faces, symbols, flags. */
const GROUPS: ReadonlySet<number | undefined> = new Set([3, 4, 5, 6, 7])

/**
 * Icon names of emojione, whose package has no table of codepoints, where the CLDR label does not find them; null
 * where it finds another thing ("cricket" is its bat and ball, which CLDR calls "cricket game").
 */
const EMOJIONE_NAMES: Readonly<Record<string, string | null>> = { cricket: null, bullseye: 'direct-hit' }

/** In openmoji's package a private drawing (a mouse's wheel) of the same name hides the scroll of paper. */
const WRONG_DRAWING = { artist: 'openmoji', label: 'scroll' } as const

/**
 * The concepts in the order of the emoji standard, and every drawing of them. A concept is kept when
 * the held-out artist and at least three of the others have drawn it (emojione, an older set, lacks a quarter).
 * @param labels only the concepts with these labels; all of them when not given.
 * @throws FileError when a package of drawings is not installed; ValueError for a label that no concept has.
 */
export function readConcepts(labels?: readonly string[]): {
  concepts: readonly Concept[]
  drawings: readonly Drawing[]
} {
  const { records, subgroups } = readEmojiRecords()
  const sets = ARTISTS.map(({ id }) => ({ id, ...readIconSet(id) }))
  const concepts: Concept[] = []
  const drawings: Drawing[] = []
  for (const record of records) {
    const kind = kindOf(record, subgroups)
    if (kind === undefined) continue
    const concept = toConcept(record, kind)
    if (labels && !labels.includes(concept.label)) continue
    const own: Drawing[] = []
    for (const { id, set, nameOfCode } of sets) {
      if (id === WRONG_DRAWING.artist && concept.label === WRONG_DRAWING.label) continue
      const svg = findSvg(set, id === 'emojione' ? emojioneName(record.label) : nameByCode(nameOfCode, record.hexcode))
      if (svg !== undefined) own.push({ artist: id, concept, svg })
    }
    const roles = own.map((d) => ARTISTS.find((a) => a.id === d.artist)!.role)
    if (!roles.includes('heldOut') || roles.filter((role) => role === 'train').length < 3) continue
    concepts.push(concept)
    drawings.push(...own)
  }
  const unknown = labels?.find((label) => !concepts.some((c) => c.label === label))
  if (unknown !== undefined) {
    throw new ValueError(`no emoji concept is called "${unknown}"`, {
      hint: 'labels are in lower case, as "hot pepper"',
    })
  }
  return { concepts, drawings }
}

function kindOf(record: EmojiRecord, subgroups: Readonly<Record<string, string>>): KindNoun | undefined {
  if (!GROUPS.has(record.group) || record.subgroup === undefined) return undefined
  const label = record.label.toLowerCase()
  if (LEFT_OUT.has(label)) return undefined
  return KIND_OF_LABEL[label] ?? KIND_OF_SUBGROUP[subgroups[record.subgroup] ?? '']
}

function toConcept(record: EmojiRecord, kind: KindNoun): Concept {
  const standard = record.label.toLowerCase()
  const label = (SHORT_LABEL[standard] ?? standard).replaceAll('’', "'")
  // The standard leaves a word out of the tags when the label has it: "bird" is not tagged "bird".
  const tags = new Set([...(record.tags ?? []).map((t) => t.toLowerCase()), ...label.split(' ')])
  return { id: record.hexcode.toLowerCase(), label, kind, tags: [...tags].sort() }
}

/** Tables of codepoints leave out the variation selector FE0F. */
function nameByCode(nameOfCode: Readonly<Record<string, string>>, hexcode: string): string | undefined {
  const code = hexcode.toLowerCase()
  return nameOfCode[code] ?? nameOfCode[code.replaceAll('-fe0f', '')]
}

function emojioneName(label: string): string | undefined {
  const special = EMOJIONE_NAMES[label]
  if (special !== undefined) return special ?? undefined
  const plain = label.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  return plain.replace(/[’'.,:()!]/g, '').replace(/[^a-z0-9]+/g, '-')
}

function findSvg(set: IconSet, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const icon = set.icons[name] ?? set.icons[set.aliases?.[name]?.parent ?? '']
  if (!icon) return undefined
  const [w, h] = [icon.width ?? set.width ?? 16, icon.height ?? set.height ?? 16]
  const box = `${icon.left ?? 0} ${icon.top ?? 0} ${w} ${h}`
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${box}">${icon.body}</svg>`
}
