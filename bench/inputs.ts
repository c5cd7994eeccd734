import { llamaWeights } from './llama-weights.ts'
import type { Problem } from './problem.ts'

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
  }
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

function integers(name: string, length: number, below: number): Int32Array {
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
