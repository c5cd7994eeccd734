import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { FileError } from '../util/errors.ts'
import { readWhole } from './file-access.ts'
import { WordTokenizer } from './word-tokenizer.ts'

/** Writes a tokenizer as JSON, under another name first. @throws FileError when that fails. */
export function saveTokenizer(tokenizer: WordTokenizer, path: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, tokenizer.toText())
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw new FileError(`cannot write the tokenizer ${path}: ${(cause as Error).message}`, {
      hint: 'does its folder exist?',
    })
  }
}

/** @throws FileError when the file is missing or not a tokenizer that `saveTokenizer` wrote. */
export function loadTokenizer(path: string): WordTokenizer {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FileError(`cannot read the tokenizer ${path}: ${(cause as Error).message}`, {
      hint: 'a run stores its tokenizer next to its weights',
    })
  }
  return WordTokenizer.fromText(text, path)
}

/** A vocabulary is read whole; the largest in use take some tens of MB. */
export const MAX_TOKENIZER_BYTES = 256 << 20

/** All bytes of a tokenizer's file. @throws FileError when it is missing, unreadable, or far too large to be one. */
export const readTokenizerBytes = (path: string): Promise<Uint8Array> => readWhole(path, MAX_TOKENIZER_BYTES)
