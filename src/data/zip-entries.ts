import { PassThrough, type Readable } from 'node:stream'
import yauzl from 'yauzl'
import { FileError, WeftError } from '../util/errors.ts'
import type { OpenFile } from './file-access.ts'
import { quoted } from './tensor-name.ts'

/** Far more than the tensors of any model. */
const MAX_ENTRIES = 200_000

/** An entry of a zip archive whose bytes stand in the file as they are. */
export interface StoredEntry {
  /** Byte of the file. */
  readonly position: number
  readonly bytes: number
}

/** The table of contents of a zip archive. Entries' contents are read by their position. */
export interface ZipEntries {
  readonly names: readonly string[]
  /** @throws FileError for a name that is not there, and for an entry that is compressed, encrypted or past the end. */
  locate(name: string): Promise<StoredEntry>
}

/**
 * Reads the central directory of a zip archive, of zip64 too.
 * @throws FileError for a file that is no zip archive or has more than 200 000 entries.
 */
export async function zipEntries(file: OpenFile): Promise<ZipEntries> {
  const broken = (cause: unknown): unknown => {
    if (!(cause instanceof Error) || cause instanceof WeftError) return cause
    return new FileError(`${file.path}: not a whole zip archive: ${cause.message.slice(0, 200)}`, {
      hint: 'the file is truncated or of another format',
    })
  }
  const reader = new FileReader(file)
  const entries = new Map<string, yauzl.Entry>()
  let zip: yauzl.ZipFile
  try {
    zip = await reader.guard(yauzl.fromRandomAccessReaderPromise(reader, file.size, { autoClose: false }))
    const listing = zip.eachEntry()
    for (;;) {
      const { done, value: entry } = await reader.guard(listing.next())
      if (done) break
      if (entries.has(entry.fileName)) throw new FileError(`${file.path}: two entries are ${quoted(entry.fileName)}`)
      entries.set(entry.fileName, entry)
      if (entries.size > MAX_ENTRIES) throw new FileError(`${file.path}: more than ${MAX_ENTRIES} entries`)
    }
  } catch (cause) {
    throw broken(cause)
  }
  return {
    names: [...entries.keys()],
    async locate(name) {
      const entry = entries.get(name)
      const fail = (what: string): FileError => new FileError(`${file.path}: entry ${quoted(name)} ${what}`)
      if (!entry) throw fail('is not there')
      if (entry.isEncrypted()) throw fail('is encrypted')
      if (entry.compressionMethod !== 0) throw fail('is compressed; only archives that store their entries are read')
      try {
        const { fileDataStart: position } = await reader.guard(zip.readLocalFileHeaderPromise(entry, { minimal: true }))
        const bytes = entry.uncompressedSize
        if (bytes !== entry.compressedSize || position + bytes > file.size) throw fail('runs past the end of the file')
        return { position, bytes }
      } catch (cause) {
        throw broken(cause)
      }
    },
  }
}

/** What yauzl reads through: nothing outside the file. */
class FileReader extends yauzl.RandomAccessReader {
  readonly #file: OpenFile
  #stop: (cause: unknown) => void = () => {}

  constructor(file: OpenFile) {
    super()
    this.#file = file
  }

  /** What yauzl promises, or what its callbacks throw: it promises nothing about these. */
  guard<T>(work: Promise<T>): Promise<T> {
    return Promise.race([
      work,
      new Promise<never>((_, reject) => {
        this.#stop = reject
      }),
    ])
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const available = Math.max(0, Math.min(length, this.#file.size - position))
    const target = buffer.subarray(offset, offset + available)
    this.#file
      .readInto(target, position)
      .then(
        () => callback(null, available),
        (error: Error) => callback(error),
      )
      .catch(this.#stop)
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null) // who opened the file closes it
  }

  /** Entries are never read as streams. */
  override _readStreamForRange(): Readable {
    return new PassThrough()
  }
}
