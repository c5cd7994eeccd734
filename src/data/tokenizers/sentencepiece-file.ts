import type { SentencePieceProcessor } from '@agnai/sentencepiece-js'
import { FileError, UnsupportedError } from '../../util/errors.ts'
import { readTokenizerBytes } from '../tokenizer-file.ts'
import { applySettings, type TokenizerSettings } from './hugging-face-settings.ts'
import { type PieceModel, wellFormed } from './piece-model.ts'
import { PieceTokenizer } from './piece-tokenizer.ts'
import { controlTokens, SPACE_MARK, sentencePieceBytes } from './sentencepiece-bpe.ts'
import { readSentencePieceProto, type SentencePieceProto } from './sentencepiece-proto.ts'

/**
 * Reads a tokenizer.model of SentencePiece, of any of its kinds. Encoding, and with it the normalisation that the model
 * asks for, is done by SentencePiece itself (`@agnai/sentencepiece-js`). Texts begin with BOS where the model has it,
 * unless the settings say otherwise.
 * @throws FileError for a file that is missing, cut short or something else; UnsupportedError for a model whose spaces
 * stand behind words.
 */
export async function readSentencePieceModel(path: string, settings: TokenizerSettings = {}): Promise<PieceTokenizer> {
  const fail = (what: string): FileError =>
    new FileError(`${path}: not a SentencePiece model: ${what}`, { hint: 'is the file complete?' })
  const proto = readSentencePieceProto(await readTokenizerBytes(path), fail)
  if (proto.spaceIsSuffix) {
    throw new UnsupportedError(`${path}: a SentencePiece model with spaces behind words`, {
      hint: 'give the same tokenizer as tokenizer.json',
    })
  }
  const processor = await load(path, fail)
  const known = (id: number): number | undefined => (id < 0 ? undefined : id)
  const bosId = known(proto.bosId)
  const tokenizer = new PieceTokenizer(new SentencePieceModel(proto, processor), {
    tokens: controlTokens(proto),
    bosId,
    eosId: known(proto.eosId),
    padId: known(proto.padId),
    addsBos: bosId !== undefined,
  })
  return applySettings(tokenizer, settings, path)
}

/** The library loaded with a model; it tells neither by a throw nor by a result that the model is bad. */
async function load(path: string, fail: (what: string) => FileError): Promise<SentencePieceProcessor> {
  const { SentencePieceProcessor } = await import('@agnai/sentencepiece-js')
  const processor = new SentencePieceProcessor()
  const exitCode = process.exitCode
  try {
    await processor.load(path)
    if (processor.encodeIds('a').length > 0) return processor
  } catch (cause) {
    process.exitCode = exitCode // which an abort inside the library sets
    throw fail(cause instanceof Error ? cause.message : String(cause))
  }
  throw fail('SentencePiece refuses it')
}

class SentencePieceModel implements PieceModel {
  readonly vocabSize: number
  readonly addedSpace: 'each' | 'none'
  readonly #proto: SentencePieceProto
  readonly #processor: SentencePieceProcessor
  readonly #ids: ReadonlyMap<string, number>

  constructor(proto: SentencePieceProto, processor: SentencePieceProcessor) {
    this.vocabSize = proto.tokens.length
    this.addedSpace = proto.addSpace ? 'each' : 'none'
    this.#proto = proto
    this.#processor = processor
    this.#ids = new Map(proto.tokens.map((name, id) => [name, id] as const))
  }

  encode(text: string): readonly number[] {
    return this.#processor.encodeIds(wellFormed(text))
  }

  bytes(id: number): Iterable<number> {
    return sentencePieceBytes(this.name(id), this.#proto.types[id], SPACE_MARK)
  }

  name(id: number): string {
    return this.#proto.tokens[id]!
  }

  idOf(name: string): number | undefined {
    return this.#ids.get(name)
  }
}
