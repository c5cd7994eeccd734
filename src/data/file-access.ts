import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { FileError } from '../util/errors.ts'

/** Bytes moved by one read or write: bounds the memory a conversion takes and stays far from the 2 GiB limit of fs. */
export const CHUNK_BYTES = 4 << 20

/** A file opened for reading, its size known. */
export interface OpenFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Fills all of `target` from byte `position`; FileError when the file ends before. */
  readInto(target: Uint8Array, position: number): Promise<void>
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  ENOTDIR: 'is not a folder',
  EISDIR: 'is a folder, not a file',
  ENOSPC: 'no space left on the disk',
}

/** A file system's failure as a FileError that names the file. */
export function fileError(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause && 'syscall' in cause)) return cause
  return new FileError(`${path}: ${REASONS[String(cause.code)] ?? cause.message}`)
}

/** The names in a folder. Throws FileError where there is no such folder, or it cannot be read. */
export async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    throw fileError(folder, cause)
  }
}

/** A file that stays open until it is closed. */
export interface LastingFile extends OpenFile {
  close(): Promise<void>
}

/**
 * Opens a file for reading. Throws FileError when it is missing, unreadable, a folder, or what Git LFS leaves in its place.
 */
export async function openFile(path: string): Promise<LastingFile> {
  try {
    // A pipe has no size to hold its contents against, and opening one without a writer would wait for ever.
    const kind = await stat(path)
    if (!kind.isFile()) throw new FileError(`${path}: ${kind.isDirectory() ? REASONS['EISDIR'] : 'not a regular file'}`)
    const handle = await open(path, 'r')
    try {
      const file = lasting(path, handle, (await handle.stat()).size)
      await refusePointer(file)
      return file
    } catch (cause) {
      await handle.close()
      throw cause
    }
  } catch (cause) {
    throw fileError(path, cause)
  }
}

/** How the file begins that Git LFS puts in the place of one that it has not fetched; such a file is short. */
const POINTER = 'version https://git-lfs.'
const POINTER_BYTES = 1024

/** Model repositories are often cloned without their large files: each reader would call the pointer damaged. */
async function refusePointer(file: OpenFile): Promise<void> {
  if (file.size < POINTER.length || file.size > POINTER_BYTES) return
  const start = new Uint8Array(POINTER.length)
  await file.readInto(start, 0)
  if (new TextDecoder('latin1').decode(start) !== POINTER) return
  throw new FileError(`${file.path}: a pointer of Git LFS, not the file itself`, {
    hint: 'fetch the file: git lfs pull, in its folder',
  })
}

/** Opens `path`, hands it to `use`, and closes it whatever happens. Throws FileError as `openFile` does. */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const file = await openFile(path)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** All bytes of a file. Throws FileError as `openFile` does, and for a file larger than `most` bytes. */
export const readWhole = (path: string, most: number): Promise<Uint8Array> =>
  withFile(path, async (file) => {
    if (file.size > most) {
      throw new FileError(`${path}: ${file.size} bytes are too many for what is expected here`, {
        hint: `at most ${most >> 20} MiB: is it another file?`,
      })
    }
    const whole = new Uint8Array(file.size)
    await file.readInto(whole, 0)
    return whole
  })

function lasting(path: string, handle: FileHandle, size: number): LastingFile {
  return {
    path,
    size,
    async readInto(target, position) {
      try {
        await fill(path, handle, target, position)
      } catch (cause) {
        throw fileError(path, cause)
      }
    },
    close: () => handle.close(),
  }
}

async function fill(path: string, handle: FileHandle, target: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < target.length) {
    const wanted = Math.min(CHUNK_BYTES, target.length - done)
    const { bytesRead } = await handle.read(target, done, wanted, position + done)
    if (bytesRead === 0) throw new FileError(`${path}: ends at byte ${position + done}, while being read`)
    done += bytesRead
  }
}

/**
 * Writes a file so that a reader sees the old contents or all of the new, never a part: the chunks go to a temporary
 * file beside `path`, which takes its place once they are on the disk. Throws FileError when that fails.
 */
export async function replaceFile(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    const handle = await open(temporary, 'wx')
    try {
      for await (const chunk of chunks) await writeAll(handle, chunk)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await unlink(temporary).catch(() => undefined) // the first failure is the one to tell
    throw fileError(path, cause)
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(CHUNK_BYTES, bytes.length - done))
    done += bytesWritten
  }
}
