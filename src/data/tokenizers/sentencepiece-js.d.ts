/** The part of the package that weft uses; it brings no types. */
declare module '@agnai/sentencepiece-js' {
  export class SentencePieceProcessor {
    /** Reads a model. It says nothing of a bad one, which afterwards encodes everything to no ids. */
    load(path: string): Promise<void>
    encodeIds(text: string): number[]
  }
}
