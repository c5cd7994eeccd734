import type { Tensor } from '../ir/tensor.ts'
import { mmca, mmcaRelease } from '../nn/mmca.ts'
import type { Variant } from '../nn/variant.ts'
import { causal, causalPadded } from '../nn/variants.ts'
import { UnsupportedError, ValueError } from '../util/errors.ts'

/** The kinds of attention a decoder can be asked for by name. */
export const ATTENTION_KINDS = ['causal', 'mmca-paper', 'mmca-release'] as const
export type AttentionKind = (typeof ATTENTION_KINDS)[number]

/**
 * A kind by name, a variant, which is then to see to padding by itself, or one built from the modality i32 [B,Tk] of the
 * keys: 0 padding, 1 text, 2 image.
 */
export type DecoderAttention = AttentionKind | Variant | ((modality: Tensor) => Variant)

/** Throws UnsupportedError for a name that is not an attention kind. */
export function attentionKind(name: string): AttentionKind {
  const kind = ATTENTION_KINDS.find((k) => k === name)
  if (!kind) throw new UnsupportedError(`attention ${JSON.stringify(name)}`, { hint: ATTENTION_KINDS.join(', ') })
  return kind
}

/**
 * The variant for keys of `modality` [B,Tk]. Without a modality every key is text: plain causal attention.
 *
 * Throws ValueError where what is built from a modality lacks one.
 */
export function decoderVariant(attention: DecoderAttention, modality?: Tensor): Variant {
  if (typeof attention === 'object') return attention
  if (!modality) {
    if (attention === 'causal') return causal
    throw new ValueError('attention by modality without a modality', { hint: 'pass modality: i32 [B,T]' })
  }
  if (typeof attention === 'function') return attention(modality)
  const named = { causal: causalPadded, 'mmca-paper': mmca, 'mmca-release': mmcaRelease }
  return named[attention](modality)
}
