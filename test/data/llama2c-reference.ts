import type { Llama2cCheckpoint } from './read-llama2c.ts'

/**
 * A LLaMA in plain loops with Hugging Face's half rotation, for one sequence: what the checkpoint reader is held
 * against. Returns a function from the next token to the logits of the one after.
 */
export function plainLlama({ config, tensors }: Llama2cCheckpoint): (token: number) => Float32Array {
  const { hidden_size: dim, num_attention_heads: heads, num_key_value_heads: kvHeads, rms_norm_eps: eps } = config
  const headDim = dim / heads
  const weight = (name: string) => tensors.get(`${name}.weight`)!
  const keys: Float32Array[][] = Array.from({ length: config.num_hidden_layers }, () => [])
  const values: Float32Array[][] = Array.from({ length: config.num_hidden_layers }, () => [])

  const linear = (name: string, x: Float32Array) => {
    const { shape, data } = weight(name)
    const width = shape[1]!
    return Float32Array.from({ length: shape[0]! }, (_, row) => dot(data, row * width, x, 0, width))
  }
  const norm = (name: string, x: Float32Array) => {
    const scale = 1 / Math.sqrt(dot(x, 0, x, 0, x.length) / x.length + eps)
    return x.map((value, i) => value * scale * weight(name).data[i]!)
  }
  const add = (x: Float32Array, y: Float32Array) => x.map((value, i) => value + y[i]!)

  return (token) => {
    const position = keys[0]!.length
    let x = weight('model.embed_tokens').data.slice(token * dim, (token + 1) * dim)
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      const name = (part: string) => `model.layers.${layer}.${part}`
      const normed = norm(name('input_layernorm'), x)
      const q = rotateHalves(linear(name('self_attn.q_proj'), normed), headDim, position, config.rope_theta)
      keys[layer]!.push(rotateHalves(linear(name('self_attn.k_proj'), normed), headDim, position, config.rope_theta))
      values[layer]!.push(linear(name('self_attn.v_proj'), normed))
      const mixed = new Float32Array(dim)
      for (let head = 0; head < heads; head++) {
        const kv = Math.floor(head / (heads / kvHeads)) * headDim
        const scores = keys[layer]!.map((k) => dot(q, head * headDim, k, kv, headDim) / Math.sqrt(headDim))
        softmax(scores).forEach((p, t) => {
          for (let i = 0; i < headDim; i++) mixed[head * headDim + i]! += p * values[layer]![t]![kv + i]!
        })
      }
      x = add(x, linear(name('self_attn.o_proj'), mixed))
      const inner = norm(name('post_attention_layernorm'), x)
      const up = linear(name('mlp.up_proj'), inner)
      const gated = linear(name('mlp.gate_proj'), inner).map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!)
      x = add(x, linear(name('mlp.down_proj'), gated))
    }
    return linear(config.tie_word_embeddings ? 'model.embed_tokens' : 'lm_head', norm('model.norm', x))
  }
}

export function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += a[atA + i]! * b[atB + i]!
  return sum
}

/** Rotates element i of every head with element i + headDim/2. */
export const rotateHalves = (x: Float32Array, headDim: number, position: number, theta = 10000) =>
  rotate(x, headDim, position, theta, (i) => [i, i + headDim / 2])

/** Rotates element 2i of every head with element 2i + 1, as llama2.c does. */
export const rotateNeighbours = (x: Float32Array, headDim: number, position: number, theta = 10000) =>
  rotate(x, headDim, position, theta, (i) => [2 * i, 2 * i + 1])

function rotate(
  x: Float32Array,
  headDim: number,
  position: number,
  theta: number,
  pair: (i: number) => [number, number],
): Float32Array {
  const out = x.slice()
  for (let head = 0; head < x.length; head += headDim) {
    for (let i = 0; i < headDim / 2; i++) {
      const [a, b] = pair(i)
      const angle = position * theta ** ((-2 * i) / headDim)
      out[head + a] = x[head + a]! * Math.cos(angle) - x[head + b]! * Math.sin(angle)
      out[head + b] = x[head + a]! * Math.sin(angle) + x[head + b]! * Math.cos(angle)
    }
  }
  return out
}

function softmax(scores: readonly number[]): number[] {
  const top = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - top))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}
