import { Unsupported } from './implementation.ts'

/** What a case computes, as plain data, so that it can be sent to any process and language. All numbers are f32. */
export type Problem =
  /** a [n,n] times b [n,n] */
  | { readonly kind: 'matmul'; readonly n: number }
  /** softmax over the last axis of x [rows,columns] */
  | { readonly kind: 'softmax'; readonly rows: number; readonly columns: number }
  /** layer norm over the last axis of x [rows,columns], with weight and bias [columns] and EPSILON */
  | { readonly kind: 'layerNorm'; readonly rows: number; readonly columns: number }
  /** gelu(x * y + z), the exact gelu, of vectors of `length` */
  | { readonly kind: 'elementwise'; readonly length: number }
  /** softmax(q k^T / sqrt(width)) v without a mask, each of them [1,heads,length,width] */
  | { readonly kind: 'attention'; readonly heads: number; readonly length: number; readonly width: number }
  /** 2 x of a vector of `length`: nothing but memory moved */
  | { readonly kind: 'copy'; readonly length: number }
  | QuantisedProblem
  | MmcaProblem
  /** mean cross-entropy of logits [rows,classes] by labels [rows], and its gradient by the logits */
  | { readonly kind: 'crossEntropy'; readonly rows: number; readonly classes: number }
  | AdamwProblem
  | LlamaProblem
  | DecodeProblem
  | VisualChatProblem

/**
 * x [rows,width] by the transpose of a matrix [width,width] of 4-bit integers `words` i32 [width,width/8], two's
 * complement, the first in the lowest bits, times `scales` [width,width/32].
 */
export interface QuantisedProblem {
  readonly kind: 'int4'
  readonly rows: number
  readonly width: number
}

/** One call of one function: floats in, one array of floats out. */
export type Operation = Extract<
  Problem,
  { readonly kind: 'matmul' | 'softmax' | 'layerNorm' | 'elementwise' | 'attention' | 'copy' }
>

/** @throws Unsupported for all else. */
export function operation(problem: Problem): Operation {
  switch (problem.kind) {
    case 'matmul':
    case 'softmax':
    case 'layerNorm':
    case 'elementwise':
    case 'attention':
    case 'copy':
      return problem
    default:
      throw new Unsupported(`not written for it: ${problem.kind}`)
  }
}

/**
 * Multi-modal causal attention (src/nn/mmca.ts) of q, k, v [1,heads,length,width] by modality [1,length]. gradient: the
 * mean of its square, and that by q, k and v.
 */
export interface MmcaProblem {
  readonly kind: 'mmca'
  readonly mode: 'forward' | 'gradient'
  readonly heads: number
  readonly length: number
  readonly width: number
}

/** One update by AdamW of `layers` matrices [dim,dim] and as many vectors [dim], the gradients given. */
export interface AdamwProblem {
  readonly kind: 'adamw'
  readonly layers: number
  readonly dim: number
}

/** The sizes of a LLaMA decoder. */
export interface LlamaSize {
  readonly layers: number
  readonly dim: number
  readonly heads: number
  readonly hidden: number
  readonly vocab: number
}

/**
 * The next token of a LLaMA decoder: id [1,1] after `cached` - 1 others, whose keys and values
 * [1,heads,cached - 1,width] are given.
 */
export interface DecodeProblem extends LlamaSize {
  readonly kind: 'decode'
  readonly cached: number
}

/**
 * A training step of a VisualChat model of the demo's size: `dialogues` of `text` tokens behind `images` drawings each,
 * all weights trained by AdamW, gradients clipped.
 */
export interface VisualChatProblem {
  readonly kind: 'visualchat'
  readonly dim: number
  readonly dialogues: number
  readonly images: number
  readonly text: number
  readonly vocab: number
}

/** A LLaMA decoder with causal attention on ids [1,tokens], its weights named as in Hugging Face's checkpoints. */
export interface LlamaProblem extends LlamaSize {
  readonly kind: 'llama'
  /**
   * forward: the logits. gradient: the loss (cross-entropy of the next label, mean) and its gradient by every weight.
   * adamw: that and an update of every weight by AdamW as PyTorch computes it, with LEARNING_RATE and default constants.
   */
  readonly mode: 'forward' | 'gradient' | 'adamw'
  readonly tokens: number
}

/** Of every norm. */
export const EPSILON = 1e-5
export const ROPE_THETA = 10_000
export const LEARNING_RATE = 1e-3
export const WEIGHT_DECAY = 0.01
/** Steps whose losses are compared before the adamw mode is timed. */
export const CHECKED_STEPS = 3
/** Modalities of tokens. */
export const TEXT = 1
export const IMAGE = 2

/** The same problem at other lengths of its sequence, shorter and one of them odd; none where it has no such length. */
export function atOtherLengths(problem: Problem): readonly Problem[] {
  const others = (length: number): readonly number[] => [length - length / 4, length - 1]
  switch (problem.kind) {
    case 'attention':
    case 'mmca':
      return others(problem.length).map((length) => ({ ...problem, length }))
    case 'llama':
      return others(problem.tokens).map((tokens) => ({ ...problem, tokens }))
    case 'visualchat':
      return others(problem.text).map((text) => ({ ...problem, text }))
    default:
      return []
  }
}
