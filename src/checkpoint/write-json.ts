import { replaceFile } from '../data/file-access.ts'

/** Writes a value as indented JSON. Throws FileError when the disk refuses. */
export const writeJson = (path: string, value: unknown): Promise<void> =>
  replaceFile(path, [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)])
