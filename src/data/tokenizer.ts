/** What collating and chatting need of a tokenizer. */
export interface Tokenizer {
  readonly vocabSize: number
  readonly padId: number
  readonly bosId: number
  readonly eosId: number
  /** Stands for one image. */
  readonly imageId: number
  /** The ids of a text. No BOS is put before it and no special token is ever made out of it. */
  encode(text: string): number[]
  /** The text of ids; special tokens give nothing, except `<image>`. @throws ValueError for an id out of range. */
  decode(ids: readonly number[]): string
}
