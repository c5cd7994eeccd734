import { stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { FileError } from '../../util/errors.ts'
import { nearest } from '../../util/suggest.ts'
import { filesIn } from '../file-access.ts'
import { readGgufTokenizer } from '../gguf.ts'
import { readJson } from '../json-file.ts'
import { readLlama2cTokenizer } from '../llama2c-tokenizer.ts'
import { MAX_TOKENIZER_BYTES } from '../tokenizer-file.ts'
import { WordTokenizer } from '../word-tokenizer.ts'
import { ggufTokenizer } from './gguf-tokenizer.ts'
import { readSettings, type TokenizerSettings } from './hugging-face-settings.ts'
import { NAMED_TOKENIZERS } from './named.ts'
import type { PieceTokenizer } from './piece-tokenizer.ts'
import { readSentencePieceModel } from './sentencepiece-file.ts'
import { parseTokenizerJson } from './tokenizer-json.ts'

const NAMES = Object.keys(NAMED_TOKENIZERS)

/**
 * A tokenizer by name or from a file:
 * - `llama-2`, `llama-3`: vocabularies that come with weft;
 * - `tokenizer.json`: of Hugging Face, or of weft's own words;
 * - `tokenizer.model`: of SentencePiece;
 * - `*.bin`: of llama2.c;
 * - `*.gguf`: the one that a model of any architecture carries;
 * - a folder with a tokenizer.json, else a tokenizer.model, else a `tok*.bin`.
 *
 * What tokenizer_config.json, special_tokens_map.json and added_tokens.json beside the file say is followed: which
 * tokens begin, end and pad, whether texts begin with BOS, and what was added to the vocabulary.
 * @throws FileError for a file that is missing or no tokenizer, UnsupportedError for a kind that weft does not read.
 */
export async function openTokenizer(nameOrPath: string): Promise<PieceTokenizer> {
  const named = Object.hasOwn(NAMED_TOKENIZERS, nameOrPath) ? NAMED_TOKENIZERS[nameOrPath] : undefined
  if (named) return named()
  const kind = await stat(nameOrPath).catch(() => undefined)
  if (!kind) {
    const near = nearest(nameOrPath, NAMES)
    throw new FileError(`${nameOrPath}: no such file or folder, and no tokenizer of that name`, {
      hint: near ? `did you mean ${near}?` : `names are ${NAMES.join(' and ')}`,
    })
  }
  return openFile(kind.isDirectory() ? await tokenizerIn(nameOrPath) : nameOrPath)
}

/** The tokenizer's file in a folder. */
async function tokenizerIn(folder: string): Promise<string> {
  const files = await filesIn(folder)
  const known = ['tokenizer.json', 'tokenizer.model'].find((name) => files.includes(name))
  const bins = files.filter((name) => /^tok.*\.bin$/.test(name))
  if (known === undefined && bins.length > 1) {
    throw new FileError(`${folder}: several tokenizers: ${bins.join(', ')}`, { hint: 'name one of them' })
  }
  const found = known ?? bins[0]
  if (found !== undefined) return join(folder, found)
  throw new FileError(`${folder}: no tokenizer in this folder`, {
    hint: 'it would be called tokenizer.json, tokenizer.model or tokenizer.bin',
  })
}

async function openFile(path: string): Promise<PieceTokenizer> {
  switch (extname(path)) {
    case '.bin':
      return readLlama2cTokenizer(path)
    case '.model':
      return readSentencePieceModel(path, await settingsBeside(path))
    case '.json':
      return openJson(path)
    case '.gguf':
      return openGguf(path)
    default:
      throw new FileError(`${path}: ${basename(path)} does not tell what tokenizer it is`, {
        hint: 'weft reads tokenizer.json, tokenizer.model (SentencePiece), tokenizer.bin (llama2.c) and *.gguf',
      })
  }
}

async function openGguf(path: string): Promise<PieceTokenizer> {
  const held = await readGgufTokenizer(path)
  if (held) return ggufTokenizer(held, path)
  throw new FileError(`${path}: this model carries no tokenizer`)
}

async function openJson(path: string): Promise<PieceTokenizer> {
  const content = await readJson(path, MAX_TOKENIZER_BYTES)
  if (WordTokenizer.describes(content)) return WordTokenizer.fromJson(content, path)
  return parseTokenizerJson(content, path, await settingsBeside(path))
}

async function settingsBeside(path: string): Promise<TokenizerSettings> {
  const folder = dirname(path)
  const files = new Set(await filesIn(folder))
  const optional = (name: string): Promise<unknown> | undefined =>
    files.has(name) ? readJson(join(folder, name), MAX_TOKENIZER_BYTES) : undefined
  return readSettings({
    config: await optional('tokenizer_config.json'),
    specialTokensMap: await optional('special_tokens_map.json'),
    addedTokens: await optional('added_tokens.json'),
  })
}
