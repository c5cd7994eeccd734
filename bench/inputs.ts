import { llamaWeights } from './llama-weights.ts'
import { type AdamwProblem, IMAGE, type Problem, TEXT } from './problem.ts'
import { visualChatBatch } from './visualchat-batch.ts'

/** One array of a case: the same numbers in every process. */
export interface InputArray {
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array
}

export type Inputs = Readonly<Record<string, InputArray>>

/** A case's inputs by name, made from the names and sizes alone. */
export function inputsOf(problem: Problem): Inputs {
  switch (problem.kind) {
    case 'matmul':
      return floats({ a: [problem.n, problem.n], b: [problem.n, problem.n] })
    case 'softmax':
      return floats({ x: [problem.rows, problem.columns] })
    case 'layerNorm':
      return floats({ x: [problem.rows, problem.columns], weight: [problem.columns], bias: [problem.columns] })
    case 'elementwise':
      return floats({ x: [problem.length], y: [problem.length], z: [problem.length] })
    case 'attention': {
      const shape = [1, problem.heads, problem.length, problem.width]
      return floats({ q: shape, k: shape, v: shape })
    }
    case 'llama':
      return {
        ids: { shape: [1, problem.tokens], data: integers('ids', problem.tokens, problem.vocab) },
        labels: { shape: [1, problem.tokens], data: integers('labels', problem.tokens, problem.vocab) },
        ...llamaWeights(problem),
      }
    case 'copy':
      return floats({ x: [problem.length] })
    case 'mmca': {
      const { heads, length, width } = problem
      const shape = [1, heads, length, width]
      return { ...floats({ q: shape, k: shape, v: shape }), modality: modality(length) }
    }
    case 'crossEntropy': {
      const { rows, classes } = problem
      return {
        ...floats({ logits: [rows, classes] }),
        labels: { shape: [rows], data: integers('labels', rows, classes) },
      }
    }
    case 'int4': {
      const { rows, width } = problem
      const words = integers('words', (width * width) / 8, 2 ** 32)
      return {
        ...floats({ x: [rows, width], scales: [width, width / 32] }),
        words: { shape: [width, width / 8], data: words },
      }
    }
    case 'adamw':
      return adamwInputs(problem)
    case 'decode': {
      const { layers, dim, heads, cached, vocab } = problem
      const cache = Array.from({ length: layers }, (_, i) => ['k', 'v'].map((part) => `cache.${i}.${part}`)).flat()
      return {
        id: { shape: [1, 1], data: integers('id', 1, vocab) },
        ...floats(Object.fromEntries(cache.map((name) => [name, [1, heads, cached - 1, dim / heads]]))),
        ...llamaWeights(problem),
      }
    }
    case 'visualchat':
      return visualChatBatch(problem)
  }
}

/** i32 [1,length]: text, with images over the second and the fifth eighth. */
const modality = (length: number): InputArray => ({
  shape: [1, length],
  data: Int32Array.from({ length }, (_, i) => ([1, 4].includes(Math.floor((8 * i) / length)) ? IMAGE : TEXT)),
})

/** Weights by name, and the gradient of each as `gradient.NAME`. */
function adamwInputs({ layers, dim }: AdamwProblem): Inputs {
  const shapes = Object.fromEntries(
    Array.from({ length: layers }, (_, i) => [
      [`${i}.matrix`, [dim, dim]],
      [`${i}.vector`, [dim]],
    ]).flat(),
  ) as Record<string, number[]>
  const gradients = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`gradient.${name}`, shape]))
  return floats({ ...shapes, ...gradients })
}

const floats = (shapes: Readonly<Record<string, readonly number[]>>): Inputs =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { shape, data: uniform(name, shape, -1, 1) }]),
  )

/** Numbers in [low, high) that depend on the name only. */
export function uniform(name: string, shape: readonly number[], low: number, high: number): Float32Array {
  const next = generator(name)
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1))
  for (let i = 0; i < out.length; i++) out[i] = low + (high - low) * next()
  return out
}

export function integers(name: string, length: number, below: number): Int32Array {
  const next = generator(name)
  return Int32Array.from({ length }, () => Math.floor(next() * below))
}

/** Mulberry32: short and fast, as elementwise cases take millions of numbers. */
function generator(name: string): () => number {
  let state = [...name].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193), 0x811c9dc5)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
