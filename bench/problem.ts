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
  | LlamaProblem

/** A LLaMA decoder with causal attention on ids [1,tokens], its weights named as in Hugging Face's checkpoints. */
export interface LlamaProblem {
  readonly kind: 'llama'
  /**
   * forward: the logits. gradient: the loss (cross-entropy of the next label, mean) and its gradient by every weight.
   * adamw: that and an update of every weight by AdamW as PyTorch computes it, with LEARNING_RATE and default constants.
   */
  readonly mode: 'forward' | 'gradient' | 'adamw'
  readonly layers: number
  readonly dim: number
  readonly heads: number
  readonly hidden: number
  readonly tokens: number
  readonly vocab: number
}

/** Of every norm. */
export const EPSILON = 1e-5
export const ROPE_THETA = 10_000
export const LEARNING_RATE = 1e-3
export const WEIGHT_DECAY = 0.01
/** Steps whose losses are compared before the adamw mode is timed. */
export const CHECKED_STEPS = 3
