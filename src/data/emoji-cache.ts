import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FileError } from '../util/errors.ts'
import { ARTISTS, type ArtistId, LABELS_PACKAGE } from './emoji-artists.ts'
import type { Concept } from './emoji-concepts.ts'
import { KIND_OF_LABEL, KIND_OF_SUBGROUP, LEFT_OUT, SHORT_LABEL } from './emoji-kinds.ts'
import { packageVersion } from './emoji-packages.ts'
import { RASTERISER } from './rasterise.ts'

/** Everything `loadEmoji` needs, drawings already rasterised. */
export interface EmojiTable {
  readonly size: number
  readonly concepts: readonly Concept[]
  /** Which artist drew which concept, in the order of `pixels`. */
  readonly drawings: readonly { readonly artist: ArtistId; readonly concept: string }[]
  /** [drawings, 3, size, size] bytes. */
  readonly pixels: Uint8Array
}

interface Index extends Omit<EmojiTable, 'pixels'> {
  readonly key: string
  readonly sha256: string
}

/** Raised whenever the way of drawing or matching changes, so that older caches are rebuilt. */
const FORMAT = 1

/** The cache of a size, and of a choice of concepts: its path without `.json` and `.bin`. */
export function cacheFile(dir: string, size: number, labels?: readonly string[]): string {
  return join(dir, `emoji-${size}${labels ? `-${sha256(JSON.stringify(labels)).slice(0, 8)}` : ''}`)
}

/** Names the inputs of a table: package versions, the tables of kinds and labels, the size. @throws FileError. */
export function cacheKey(size: number, labels?: readonly string[]): string {
  const packages = [...ARTISTS.map((a) => a.package), LABELS_PACKAGE.package]
  const versions = packages.map((name) => `${name}@${packageVersion(name)}`)
  const rules = [KIND_OF_SUBGROUP, KIND_OF_LABEL, [...LEFT_OUT], SHORT_LABEL]
  return sha256(JSON.stringify([FORMAT, size, labels ?? 'all', RASTERISER, versions, rules]))
}

/**
 * The table stored in `file` (see `cacheFile`), or why there is none to use.
 * `absent`: nothing stored; `outdated`: made from other inputs; `corrupt`: cut short or altered since.
 */
export function readCache(
  file: string,
  key: string,
): EmojiTable | { readonly unusable: 'absent' | 'outdated' | 'corrupt' } {
  const { indexPath, pixelsPath } = paths(file)
  let index: Index
  let pixels: Buffer
  try {
    index = JSON.parse(readFileSync(indexPath, 'utf8')) as Index
    if (index.key !== key) return { unusable: 'outdated' }
    pixels = readFileSync(pixelsPath)
  } catch (cause) {
    return { unusable: isMissingIndex(cause, indexPath) ? 'absent' : 'corrupt' }
  }
  const { size } = index
  if (pixels.length !== index.drawings.length * 3 * size * size || sha256(pixels) !== index.sha256) {
    return { unusable: 'corrupt' }
  }
  return { size, concepts: index.concepts, drawings: index.drawings, pixels }
}

/**
 * Stores a table. Each file is written under another name and then renamed, the index last; the index holds the hash
 * of the pixels, so an interrupted or interleaved write can leave an outdated cache but never a wrong one.
 * @throws FileError when the folder cannot be written.
 */
export function writeCache(file: string, key: string, table: EmojiTable): void {
  const { indexPath, pixelsPath } = paths(file)
  const { pixels, ...rest } = table
  const index: Index = { key, sha256: sha256(pixels), ...rest }
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeThenRename(pixelsPath, pixels)
    writeThenRename(indexPath, JSON.stringify(index))
  } catch (cause) {
    throw new FileError(`cannot write the emoji cache: ${(cause as Error).message}`, {
      hint: `is ${dirname(file)} writable and the disk not full? another folder can be given as cacheDir`,
    })
  }
}

function paths(file: string): { indexPath: string; pixelsPath: string } {
  return { indexPath: `${file}.json`, pixelsPath: `${file}.bin` }
}

function writeThenRename(path: string, content: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`
  try {
    writeFileSync(temporary, content)
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw cause
  }
}

function isMissingIndex(cause: unknown, indexPath: string): boolean {
  const error = cause as NodeJS.ErrnoException
  return (error.code === 'ENOENT' && error.path === indexPath) || error.code === 'ENOTDIR'
}

const sha256 = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex')
