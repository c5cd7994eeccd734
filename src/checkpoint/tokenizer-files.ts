import { copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileError, filesIn } from '../data/file-access.ts'
import { ValueError } from '../util/errors.ts'

/** Files of a Hugging Face folder that make up its tokenizer. */
export const TOKENIZER_FILES: readonly string[] = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'tokenizer.model',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
]

/** The paths of a folder's tokenizer files. Throws FileError where the folder cannot be read. */
export async function tokenizerFilesIn(folder: string): Promise<string[]> {
  const names = new Set(await filesIn(folder))
  return TOKENIZER_FILES.filter((name) => names.has(name)).map((name) => join(folder, name))
}

/** Throws ValueError for a file whose name is not one of a tokenizer, and for two of one name. */
export function checkTokenizerFiles(paths: readonly string[]): void {
  const names = paths.map((path) => basename(path))
  const strange = names.find((name, i) => !TOKENIZER_FILES.includes(name) || names.indexOf(name) !== i)
  if (strange === undefined) return
  throw new ValueError(`saving: ${strange} is no tokenizer file, or is there twice`, {
    hint: TOKENIZER_FILES.join(', '),
  })
}

/** Throws FileError where a file cannot be read or written. */
export async function copyTokenizerFiles(paths: readonly string[], folder: string): Promise<void> {
  for (const path of paths) {
    try {
      await copyFile(path, join(folder, basename(path)))
    } catch (cause) {
      throw fileError(path, cause)
    }
  }
}
