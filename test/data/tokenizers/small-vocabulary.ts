/** One small vocabulary in every form that tokenizers are stored in, so that they can be held against each other. */
import { byteLevelName } from '../../../src/data/tokenizers/byte-level.ts'
import { byteName, PIECE_TYPE } from '../../../src/data/tokenizers/piece-model.ts'

const { normal, unknown, control, userDefined, byte } = PIECE_TYPE

/** Each of several characters is made by joining two others. The first scores highest. */
const PIECES = ['▁a', 'bc', '▁t', 'he', '▁the', '▁▁', 'abc', '▁', 'a', 'b', 'c', 't', 'h', 'e', 'é', '€']
const ordinary = PIECES.map((): number => normal)
const falling = PIECES.map((_, i) => -i)

export const SMALL = {
  tokens: ['<unk>', '<s>', '</s>', ...Array.from({ length: 256 }, (_, b) => byteName(b)), ...PIECES, '<tool>'],
  scores: [...new Array<number>(259).fill(0), ...falling, 0],
  types: [unknown, control, control, ...new Array<number>(256).fill(byte), ...ordinary, userDefined],
}

/** Without bytes: what it lacks is unknown. */
export const NO_BYTES = {
  tokens: ['<unk>', '<s>', '</s>', ...PIECES],
  scores: [0, 0, 0, ...falling],
  types: [unknown, control, control, ...ordinary],
}

type Vocabulary = typeof SMALL

/** Pairs whose join is a piece, the best first. */
function merges({ tokens, types }: Vocabulary): string[] {
  const pieces = tokens.filter((_, id) => types[id] === normal)
  return pieces.flatMap((text) =>
    Array.from(text, (_, at) => [text.slice(0, at), text.slice(at)])
      .filter((pair) => pair.every((part) => pieces.includes(part)))
      .map((pair) => pair.join(' ')),
  )
}

/** A tokenizer.json as LLaMA-2's: a space before each stretch of text, fallback to bytes. */
export const llamaJson = (vocabulary: Vocabulary = SMALL) => ({
  version: '1.0',
  added_tokens: vocabulary.tokens.flatMap((content, id) =>
    [unknown, control, userDefined].some((type) => type === vocabulary.types[id])
      ? [{ id, content, special: vocabulary.types[id] !== userDefined, normalized: false }]
      : [],
  ),
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: null as unknown,
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    fuse_unk: true,
    byte_fallback: true,
    vocab: Object.fromEntries(vocabulary.tokens.map((token, id) => [token, id])),
    merges: merges(vocabulary),
  },
})

/** The same with the space at the beginning alone, as newer files have it. */
export const metaspaceJson = () => ({
  ...llamaJson(),
  normalizer: null,
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
})

/** The 256 bytes, then pieces of bytes, in GPT-2's alphabet. */
export const BYTE_LEVEL = {
  tokens: [
    ...Array.from({ length: 256 }, (_, b) => byteLevelName([b])),
    ...['Ġt', 'he', 'Ġthe', 'ab', 'ÃŃ', 'Ã©', '<|begin|>', '<|end|>'],
  ],
  merges: ['Ġ t', 'h e', 'Ġt he', 'a b', 'Ã Ń', 'Ã ©'],
  types: [...new Array<number>(262).fill(normal), control, control],
}

const varint = (value: number): number[] => {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  return [...out, Number(rest)]
}
const number = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)]
const message = (field: number, ...parts: Iterable<number>[]): number[] => {
  const content = parts.flatMap((part) => [...part])
  return [...varint((field << 3) | 2), ...varint(content.length), ...content]
}
const text = (field: number, value: string): number[] => message(field, new TextEncoder().encode(value))
const float = (field: number, value: number): number[] => [
  ...varint((field << 3) | 5),
  ...new Uint8Array(new Float32Array([value]).buffer),
]

/** A tokenizer.model of SentencePiece's BPE kind that normalises nothing, as LLaMA's. */
export function modelProto({ tokens, scores, types }: Vocabulary, fallsBack = true): Uint8Array {
  const pieces = tokens.flatMap((token, id) => message(1, text(1, token), float(2, scores[id]!), number(3, types[id]!)))
  const trainer = [number(3, 2), number(35, fallsBack ? 1 : 0), number(40, 0), number(41, 1), number(42, 2)]
  const normalizer = [text(1, 'identity'), number(3, 1), number(4, 0), number(5, 1)]
  return Uint8Array.from([...pieces, ...message(2, ...trainer, number(43, -1)), ...message(3, ...normalizer)])
}
