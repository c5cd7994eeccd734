import { randomUUID } from 'node:crypto'
import { mkdir, readdir, realpath, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FileError } from '../util/errors.ts'
import { fileError } from './file-access.ts'

/**
 * Writes a folder so that a reader finds the old files or all of the new, never some of each: `write` fills a folder beside
 * it, which takes its place once that is done. Folders above it are made. Only a folder whose files all satisfy `isOwn` is
 * replaced: nothing else is ever deleted.
 *
 * A process that is killed while it writes leaves the old folder, and the unfinished one beside it, `NAME.*.tmp`. A file
 * system cannot exchange two folders at once: killed between the last two renames, the old one is `NAME.*.old`.
 *
 * Throws FileError for a folder with other files in it, or when the disk refuses; what `write` throws passes through.
 */
export async function replaceFolder(
  path: string,
  isOwn: (name: string) => boolean,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const target = await realpath(path).catch(() => resolve(path))
  const fresh = `${target}.${randomUUID()}.tmp`
  try {
    await refuseOthers(target, isOwn)
    await mkdir(dirname(target), { recursive: true })
    await mkdir(fresh)
    await write(fresh)
    await refuseOthers(target, isOwn) // much may have happened while a large model was written
    await exchange(fresh, target)
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined) // the first failure is the one to tell
    throw fileError(path, cause)
  }
}

async function refuseOthers(folder: string, isOwn: (name: string) => boolean): Promise<void> {
  const others = (await entriesOf(folder)).filter((entry) => !entry.isFile() || !isOwn(entry.name))
  if (others.length === 0) return
  const names = others.map(({ name }) => name)
  throw new FileError(
    `${folder}: holds other things: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`,
    {
      hint: 'saving replaces the whole folder: give it one of its own',
    },
  )
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw cause
  }
}

async function exchange(fresh: string, target: string): Promise<void> {
  if ((await entriesOf(target)).length === 0) return rename(fresh, target)
  const old = `${target}.${randomUUID()}.old`
  await rename(target, old)
  try {
    await rename(fresh, target)
  } catch (cause) {
    await rename(old, target)
    throw cause
  }
  await rm(old, { recursive: true, force: true })
}
