import { type Inputs, uniform } from './inputs.ts'
import type { LlamaSize } from './problem.ts'

/** Shapes of a decoder's weights, [out,in] where they are matrices, under Hugging Face's names. */
export function llamaShapes({ layers, dim, hidden, vocab }: LlamaSize): Readonly<Record<string, readonly number[]>> {
  const layer = (i: number): Record<string, readonly number[]> => ({
    [`model.layers.${i}.self_attn.q_proj.weight`]: [dim, dim],
    [`model.layers.${i}.self_attn.k_proj.weight`]: [dim, dim],
    [`model.layers.${i}.self_attn.v_proj.weight`]: [dim, dim],
    [`model.layers.${i}.self_attn.o_proj.weight`]: [dim, dim],
    [`model.layers.${i}.mlp.gate_proj.weight`]: [hidden, dim],
    [`model.layers.${i}.mlp.up_proj.weight`]: [hidden, dim],
    [`model.layers.${i}.mlp.down_proj.weight`]: [dim, hidden],
    [`model.layers.${i}.input_layernorm.weight`]: [dim],
    [`model.layers.${i}.post_attention_layernorm.weight`]: [dim],
  })
  return {
    'model.embed_tokens.weight': [vocab, dim],
    ...Object.assign({}, ...Array.from({ length: layers }, (_, i) => layer(i))),
    'model.norm.weight': [dim],
    'lm_head.weight': [vocab, dim],
  }
}

/** Matrices small enough that activations stay of order 1; norms near 1. */
export const llamaWeights = (problem: LlamaSize): Inputs =>
  Object.fromEntries(
    Object.entries(llamaShapes(problem)).map(([name, shape]) => {
      const spread = 1 / Math.sqrt(problem.dim)
      const data = shape.length === 1 ? uniform(name, shape, 0.5, 1.5) : uniform(name, shape, -spread, spread)
      return [name, { shape, data }]
    }),
  )

/** Cosines and sines [tokens, dim/heads/2] of rotary positions from `first` on, for who has no operation for them. */
export function ropeAngles(
  { dim, heads }: LlamaSize,
  tokens: number,
  theta: number,
  first = 0,
): { cos: Float32Array; sin: Float32Array } {
  const half = dim / heads / 2
  const angle = (i: number): number => (first + Math.floor(i / half)) * theta ** (-(i % half) / half)
  const length = tokens * half
  return {
    cos: Float32Array.from({ length }, (_, i) => Math.cos(angle(i))),
    sin: Float32Array.from({ length }, (_, i) => Math.sin(angle(i))),
  }
}

/** Stands for the score of a key that comes after the query. */
const FORBIDDEN = -1e30

/** What is added to scores [tokens,tokens] of causal attention, by who has no mask. */
export const causalBias = (tokens: number): Float32Array =>
  Float32Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? FORBIDDEN : 0))
