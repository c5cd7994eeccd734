import { ValueError } from '../../util/errors.ts'
import type { DecodeOptions, EncodeOptions, TextStream, Tokenizer } from '../tokenizer.ts'
import { Utf8Stream } from '../utf8.ts'
import type { PieceModel } from './piece-model.ts'
import { SpecialSplitter, type SpecialToken } from './special-tokens.ts'

/** The special tokens of a vocabulary, and which of them have a part to play. */
export interface SpecialSetup {
  readonly tokens: readonly SpecialToken[]
  readonly bosId?: number | undefined
  readonly eosId?: number | undefined
  readonly padId?: number | undefined
  readonly addsBos?: boolean
}

const SPACE = 0x20
const NOTHING: readonly number[] = []

/** A tokenizer: a model of pieces, and special tokens beside them, at whose names texts are cut. */
export class PieceTokenizer implements Tokenizer {
  readonly vocabSize: number
  readonly bosId: number | undefined
  readonly eosId: number | undefined
  readonly padId: number | undefined
  readonly addsBos: boolean
  readonly specialTokens: ReadonlyMap<number, string>
  /** What it was made of. */
  readonly model: PieceModel
  readonly setup: SpecialSetup
  private readonly specials: ReadonlyMap<number, SpecialToken>
  private readonly idsByName: ReadonlyMap<string, number>
  private readonly splitter: SpecialSplitter

  constructor(model: PieceModel, setup: SpecialSetup) {
    const { tokens } = setup
    this.model = model
    this.setup = setup
    this.vocabSize = tokens.reduce((size, { id }) => Math.max(size, id + 1), model.vocabSize)
    this.bosId = setup.bosId
    this.eosId = setup.eosId
    this.padId = setup.padId
    this.addsBos = setup.addsBos ?? false
    this.specials = new Map(tokens.map((token) => [token.id, token] as const))
    this.specialTokens = new Map(tokens.map(({ id, name }) => [id, name] as const))
    this.idsByName = new Map(tokens.map(({ id, name }) => [name, id] as const))
    this.splitter = new SpecialSplitter(tokens)
  }

  encode(text: string, { bos = false, special = false }: EncodeOptions = {}): number[] {
    const ids: number[] = []
    if (bos) {
      if (this.bosId === undefined) throw new ValueError('the tokenizer has no BOS', { hint: 'encode without it' })
      ids.push(this.bosId)
    }
    for (const [i, part] of this.splitter.split(text, special).entries()) {
      if (typeof part !== 'string') ids.push(part.id)
      else for (const id of this.model.encode(part, i === 0)) ids.push(id)
    }
    return ids
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const stream = this.stream(options)
    let text = ''
    for (const id of ids) text += stream.push(id)
    return text + stream.end()
  }

  stream({ special = false }: DecodeOptions = {}): TextStream {
    const { addedSpace, keepsHalves = false } = this.model
    const utf8 = new Utf8Stream(keepsHalves)
    let dropsSpace = addedSpace !== 'none'
    return {
      push: (id) => {
        this.check(id)
        const token = this.specials.get(id)
        if (token) {
          if (addedSpace === 'each') dropsSpace = true
          return utf8.end() + (special || token.standsForText ? token.name : '')
        }
        let bytes = [...(id < this.model.vocabSize ? this.model.bytes(id) : NOTHING)]
        if (dropsSpace && bytes.length > 0) {
          if (bytes[0] === SPACE) bytes = bytes.slice(1)
          dropsSpace = false
        }
        return utf8.push(bytes)
      },
      end: () => utf8.end(),
    }
  }

  tokenName(id: number): string {
    this.check(id)
    return this.specialTokens.get(id) ?? (id < this.model.vocabSize ? this.model.name(id) : '')
  }

  specialId(name: string): number | undefined {
    return this.idsByName.get(name)
  }

  private check(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize) {
      throw new ValueError(`token id ${id}`, { hint: `this vocabulary has ids 0 to ${this.vocabSize - 1}` })
    }
  }
}
