import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { FileError } from '../util/errors.ts'
import { type ArtistId, LABELS_PACKAGE } from './emoji-artists.ts'

/** An iconify collection: SVG bodies by name, with aliases. */
export interface IconSet {
  readonly icons: Readonly<Record<string, Icon>>
  readonly aliases?: Readonly<Record<string, { readonly parent: string }>>
  readonly width?: number
  readonly height?: number
}
export interface Icon {
  readonly body: string
  readonly left?: number
  readonly top?: number
  readonly width?: number
  readonly height?: number
}

/** One emoji of `emojibase-data`. */
export interface EmojiRecord {
  readonly label: string
  readonly hexcode: string
  readonly tags?: readonly string[]
  readonly group?: number
  readonly subgroup?: number
}

const resolver = createRequire(import.meta.url)

/** The emoji records with their subgroups' names. @throws FileError when the package is not installed. */
export function readEmojiRecords(): { records: readonly EmojiRecord[]; subgroups: Readonly<Record<string, string>> } {
  const records = readPackageJson<EmojiRecord[]>(LABELS_PACKAGE.package, 'en/data.json')
  const { subgroups } = readPackageJson<{ subgroups: Record<string, string> }>(
    LABELS_PACKAGE.package,
    'meta/groups.json',
  )
  return { records, subgroups }
}

/** An artist's drawings, and the icon name of each codepoint (empty for emojione, which lacks that table). */
export function readIconSet(artist: ArtistId): { set: IconSet; nameOfCode: Readonly<Record<string, string>> } {
  return {
    set: readPackageJson<IconSet>(`@iconify-json/${artist}`, 'icons.json'),
    nameOfCode: readPackageJson<Record<string, string>>(`@iconify-json/${artist}`, 'chars.json'),
  }
}

/** Version of an installed package. @throws FileError when it is not installed. */
export const packageVersion = (name: string): string =>
  readPackageJson<{ version: string }>(name, 'package.json').version

function readPackageJson<T>(name: string, file: string): T {
  let path: string
  try {
    path = resolver.resolve(`${name}/${file}`)
  } catch (cause) {
    throw new FileError(`the package ${name} is not installed (${(cause as Error).message.split('\n')[0]})`, {
      hint: `npm install --save-dev ${name}`,
    })
  }
  return JSON.parse(readFileSync(path, 'utf8')) as T
}
