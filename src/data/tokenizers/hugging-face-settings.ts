import { FileError } from '../../util/errors.ts'
import { field, isObject } from '../../util/json.ts'
import { PieceTokenizer, type SpecialSetup } from './piece-tokenizer.ts'
import type { SpecialToken } from './special-tokens.ts'

/** What the files beside a Hugging Face tokenizer say of it. Tokens are given by name. */
export interface TokenizerSettings {
  readonly bos?: string | undefined
  readonly eos?: string | undefined
  readonly pad?: string | undefined
  readonly addsBos?: boolean | undefined
  /** Tokens beside the vocabulary's own, with their ids. */
  readonly added?: readonly SpecialToken[]
}

export interface SettingsFiles {
  /** tokenizer_config.json, parsed. */
  readonly config?: unknown
  /** special_tokens_map.json, which old versions wrote beside it. */
  readonly specialTokensMap?: unknown
  /** added_tokens.json: ids by name. */
  readonly addedTokens?: unknown
}

export function readSettings({ config, specialTokensMap, addedTokens }: SettingsFiles): TokenizerSettings {
  const token = (name: string): string | undefined =>
    tokenName(field(config, name)) ?? tokenName(field(specialTokensMap, name))
  const addsBos = field(config, 'add_bos_token')
  const added = new Map<number, SpecialToken>()
  for (const [name, id] of Object.entries(isObject(addedTokens) ? addedTokens : {})) {
    if (isId(id) && name !== '') added.set(id, { id, name })
  }
  const decoder = field(config, 'added_tokens_decoder')
  for (const [key, value] of Object.entries(isObject(decoder) ? decoder : {})) {
    const [id, name] = [Number(key), tokenName(value)]
    if (!isId(id) || name === undefined || name === '') continue
    const special = field(value, 'special') !== false
    added.set(id, { id, name, ...(special ? {} : { always: true, standsForText: true }) })
  }
  return {
    bos: token('bos_token'),
    eos: token('eos_token'),
    pad: token('pad_token'),
    addsBos: typeof addsBos === 'boolean' ? addsBos : undefined,
    added: [...added.values()],
  }
}

const isId = (id: unknown): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 1 << 24

/** A token is given by its text, or by an object that holds it. */
function tokenName(value: unknown): string | undefined {
  const name = typeof value === 'string' ? value : field(value, 'content')
  return typeof name === 'string' ? name : undefined
}

/**
 * The tokenizer with the parts that the settings give to tokens; what they leave out stays.
 * @throws FileError for a token that the vocabulary lacks.
 */
export function applySettings(tokenizer: PieceTokenizer, settings: TokenizerSettings, source: string): PieceTokenizer {
  const { model, setup } = tokenizer
  const tokens = new Map(setup.tokens.map((token) => [token.id, token] as const))
  // What the vocabulary has as ordinary text stays so: the library that encodes it knows it already.
  for (const token of settings.added ?? []) {
    if (!tokens.has(token.id) && model.idOf(token.name) === undefined) tokens.set(token.id, token)
  }
  const idOf = (part: string, name: string | undefined): number | undefined => {
    if (name === undefined) return undefined
    const id = [...tokens.values()].find((token) => token.name === name)?.id ?? model.idOf(name)
    if (id === undefined) {
      throw new FileError(`${source}: its ${part} ${JSON.stringify(name)} is not in the vocabulary`, {
        hint: 'do tokenizer_config.json and special_tokens_map.json belong to this tokenizer?',
      })
    }
    if (!tokens.has(id)) tokens.set(id, { id, name })
    return id
  }
  const bosId = idOf('bos_token', settings.bos) ?? setup.bosId
  const result: SpecialSetup = {
    bosId,
    eosId: idOf('eos_token', settings.eos) ?? setup.eosId,
    padId: idOf('pad_token', settings.pad) ?? setup.padId,
    addsBos: bosId !== undefined && (settings.addsBos ?? setup.addsBos ?? false),
    tokens: [...tokens.values()],
  }
  return new PieceTokenizer(model, result)
}
