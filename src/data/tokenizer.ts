export interface EncodeOptions {
  /** Whether BOS comes first; default false. */
  readonly bos?: boolean
  /**
   * Whether the names of special tokens in the text stand for them; default false: nobody's words can then pose as an
   * image or as the end of a turn.
   */
  readonly special?: boolean
}

export interface DecodeOptions {
  /** Whether special tokens appear by name; default false: they give nothing, except those that stand for text. */
  readonly special?: boolean
}

/** Turns token ids into text as they come. All it gives, joined, is what `decode` makes of the same ids. */
export interface TextStream {
  /** The text that `id` completes: '' while the bytes of a character are still coming. @throws ValueError */
  push(id: number): string
  /** What is left at the end: U+FFFD for each byte of a character cut short, or ''. */
  end(): string
}

/** Text to ids and back. Ids are whole numbers from 0 to below `vocabSize`. */
export interface Tokenizer {
  readonly vocabSize: number
  /** Begins a text; undefined where the vocabulary has no such token. */
  readonly bosId: number | undefined
  /** Ends a text. */
  readonly eosId: number | undefined
  readonly padId: number | undefined
  /** Whether texts for its models begin with BOS. `encode` does only what it is asked for. */
  readonly addsBos: boolean
  /** The ids of a text. @throws ValueError for `bos` where there is no such token. */
  encode(text: string, options?: EncodeOptions): number[]
  /**
   * The text of ids, without the space that `encode` put before it, if it is of that kind. Bytes that are no character
   * become U+FFFD. @throws ValueError for an id out of range.
   */
  decode(ids: Iterable<number>, options?: DecodeOptions): string
  /** Decodes one token at a time. */
  stream(options?: DecodeOptions): TextStream
  /** A token as its vocabulary spells it: `▁the`, `Ġthe`, `<0x0A>`, `</s>`. @throws ValueError for an id out of range. */
  tokenName(id: number): string
  /** The id of the special token of this name, if there is one. */
  specialId(name: string): number | undefined
  /** Special tokens by id: control tokens, and those that were added. */
  readonly specialTokens: ReadonlyMap<number, string>
}

/** What collating and chatting need of a tokenizer. */
export interface ChatTokenizer extends Tokenizer {
  readonly padId: number
  readonly bosId: number
  readonly eosId: number
  /** Stands for one image. */
  readonly imageId: number
}
