import { UnsupportedError } from '../../util/errors.ts'
import { field, type Json, listOf } from '../../util/json.ts'
import { quoted } from '../tensor-name.ts'
import { byteLevelBytes } from './byte-level.ts'
import { byteOf, type PieceModel } from './piece-model.ts'

/** What a tokenizer.json says of decoding: the bytes of each piece, and which space is not the text's. */
export interface Decoding {
  readonly bytesOf: (name: string) => Iterable<number>
  readonly addedSpace: PieceModel['addedSpace']
}

const ENCODER = new TextEncoder()

/**
 * How pieces become bytes, one by one, so that text can come as tokens do. These decoders of Hugging Face are of that
 * kind: ByteLevel; Metaspace; Replace, ByteFallback, Fuse and Strip of a space at the start.
 * @throws UnsupportedError for any other.
 */
export function decodingOf(tokenizer: Json): Decoding {
  const steps = flat(tokenizer['decoder'], 'decoders')
  const replacements: (readonly [from: string, to: string])[] = []
  let [bytes, byteLevel, strips] = [false, false, false]
  for (const step of steps) {
    const type = field(step, 'type')
    if (type === 'ByteLevel') byteLevel = true
    else if (type === 'ByteFallback') bytes = true
    else if (type === 'Replace' && typeof field(field(step, 'pattern'), 'String') === 'string') {
      replacements.push(replacement(String(field(field(step, 'pattern'), 'String')), String(field(step, 'content'))))
    } else if (type === 'Metaspace') {
      replacements.push([String(field(step, 'replacement') ?? '\u2581'), ' '])
      strips = field(step, 'prepend_scheme') !== 'never' && field(step, 'add_prefix_space') !== false
    } else if (type === 'Strip' && field(step, 'content') === ' ' && field(step, 'stop') === 0) {
      strips = field(step, 'start') === 1
    } else if (type !== 'Fuse') throw unsupported(type)
  }
  if (steps.length === 0 || (byteLevel && steps.length > 1)) throw unsupported(field(tokenizer['decoder'], 'type'))
  if (byteLevel) return { bytesOf: byteLevelBytes, addedSpace: 'none' }
  return {
    bytesOf: (name) => {
      const byte = bytes ? byteOf(name) : undefined
      if (byte !== undefined) return [byte]
      return ENCODER.encode(replacements.reduce((text, [from, to]) => text.replaceAll(from, () => to), name))
    },
    addedSpace: strips ? (onlyFirst(tokenizer) ? 'first' : 'each') : 'none',
  }
}

/** A few steps that each made text longer could make gigabytes of one piece. */
function replacement(from: string, to: string): readonly [from: string, to: string] {
  if (from !== '' && to.length <= from.length) return [from, to]
  throw new UnsupportedError(`a tokenizer.json that decodes ${quoted(from)} as ${quoted(to)}, which is longer`, {
    hint: 'weft reads decoders whose replacements are no longer than what they replace, as those of language models',
  })
}

const unsupported = (type: unknown): UnsupportedError =>
  new UnsupportedError(`a tokenizer.json with the decoder ${String(type)}`, {
    hint: 'weft reads those of language models: ByteLevel, Metaspace, or Replace with ByteFallback, Fuse and Strip',
  })

/** A step, or the steps of a sequence of them. */
function flat(step: unknown, name: string): readonly unknown[] {
  if (step === undefined || step === null) return []
  return field(step, 'type') === 'Sequence' ? listOf(field(step, name)) : [step]
}

/** Whether the space comes before the text's very beginning alone, not after each special token. */
const onlyFirst = ({ normalizer, pre_tokenizer }: Json): boolean =>
  !flat(normalizer, 'normalizers').some((step) => field(step, 'type') === 'Prepend') &&
  !flat(pre_tokenizer, 'pretokenizers').some(
    (step) => field(step, 'type') === 'Metaspace' && (field(step, 'prepend_scheme') ?? 'always') === 'always',
  )
