/** Makes small llama2.c files, so that the tests mean something without real weights. */
export interface Llama2cHeader {
  dim: number
  hidden: number
  layers: number
  heads: number
  kvHeads: number
  vocab: number
  positions: number
}

export const SMALL: Llama2cHeader = { dim: 8, hidden: 6, layers: 2, heads: 2, kvHeads: 1, vocab: -5, positions: 3 }

/** Arrays of a checkpoint in the file's order: name, elements of one, how many of it. */
export function fileOrder(h: Llama2cHeader): [name: string, size: number, copies: number][] {
  const kv = (h.dim / h.heads) * h.kvHeads
  const vocab = Math.abs(h.vocab)
  return [
    ['embed', vocab * h.dim, 1],
    ['attention norm', h.dim, h.layers],
    ['wq', h.dim * h.dim, h.layers],
    ['wk', kv * h.dim, h.layers],
    ['wv', kv * h.dim, h.layers],
    ['wo', h.dim * h.dim, h.layers],
    ['ffn norm', h.dim, h.layers],
    ['w1', h.hidden * h.dim, h.layers],
    ['w2', h.hidden * h.dim, h.layers],
    ['w3', h.hidden * h.dim, h.layers],
    ['norm', h.dim, 1],
    ['rope', h.positions * (h.dim / h.heads), 1],
    ...(h.vocab < 0 ? [['classifier', vocab * h.dim, 1] satisfies [string, number, number]] : []),
  ]
}

/** A checkpoint whose i-th float is i, and where each array begins, by name and layer (`wq 1`). */
export function checkpointBytes(h: Llama2cHeader): { bytes: Uint8Array; starts: Map<string, number> } {
  const starts = new Map<string, number>()
  let floats = 0
  for (const [name, size, copies] of fileOrder(h)) {
    for (let layer = 0; layer < copies; layer++, floats += size) starts.set(`${name} ${layer}`, floats)
  }
  const bytes = new Uint8Array(28 + floats * 4)
  new Int32Array(bytes.buffer, 0, 7).set([h.dim, h.hidden, h.layers, h.heads, h.kvHeads, h.vocab, h.positions])
  new Float32Array(bytes.buffer, 28).set(Float32Array.from({ length: floats }, (_, i) => i))
  return { bytes, starts }
}

/** A tokenizer file: the control and byte tokens, then `pieces`, scored in order from 0 down (as SentencePiece does). */
export function tokenizerBytes(pieces: readonly string[], score = (index: number) => -index): Uint8Array {
  const encoder = new TextEncoder()
  const bytesTokens = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const tokens = ['<unk>', '\n<s>\n', '\n</s>\n', ...bytesTokens, ...pieces].map((piece) => encoder.encode(piece))
  const bytes = new Uint8Array(4 + tokens.reduce((sum, token) => sum + 8 + token.length, 0))
  const view = new DataView(bytes.buffer)
  view.setInt32(0, Math.max(...tokens.map((token) => token.length)), true)
  let at = 4
  tokens.forEach((token, id) => {
    view.setFloat32(at, id < 259 ? 0 : score(id - 259), true)
    view.setInt32(at + 4, token.length, true)
    bytes.set(token, at + 8)
    at += 8 + token.length
  })
  return bytes
}
