import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dequantised, type QuantiseOptions, quantise } from '../../src/data/quantise.ts'
import { plainLlama } from './llama2c-reference.ts'
import { type Llama2cCheckpoint, readLlama2c } from './read-llama2c.ts'

const WEIGHTS = new URL('../../../shared/weights/', import.meta.url).pathname
const STEPS = 200
const BOS = 1

interface Told {
  readonly ids: readonly number[]
  readonly logits: readonly Float32Array[]
}

/** What a model says after each token of a story; of its own, unless one is given. */
function tell(checkpoint: Llama2cCheckpoint, story?: readonly number[]): Told {
  const step = plainLlama(checkpoint)
  const ids = [BOS]
  const logits: Float32Array[] = []
  for (let i = 0; i < STEPS; i++) {
    const next = step((story ?? ids)[i]!)
    logits.push(next)
    ids.push(next.indexOf(next.reduce((a, b) => Math.max(a, b))))
  }
  return { ids, logits }
}

/** Matrices whose rows are whole groups; those of other widths stay as they are. */
function rounded({ config, tensors }: Llama2cCheckpoint, options: QuantiseOptions): Llama2cCheckpoint {
  const fits = (shape: readonly number[]): boolean => shape.length === 2 && shape[1]! % 32 === 0
  const all = [...tensors].map(([name, t]) => [name, fits(t.shape) ? dequantised(quantise(t, options)) : t] as const)
  return { config, tensors: new Map(all) }
}

function relativeError(found: readonly Float32Array[], wanted: readonly Float32Array[]): number {
  let [differences, squares] = [0, 0]
  for (const [i, logits] of wanted.entries()) {
    for (const [j, x] of logits.entries()) {
      differences += (found[i]![j]! - x) ** 2
      squares += x * x
    }
  }
  return Math.sqrt(differences / squares)
}

describe.runIf(existsSync(join(WEIGHTS, 'stories260K.bin')))('the TinyStories checkpoint, quantised', () => {
  // The README has the figures; these are bounds of them.
  it.each([
    [{ bits: 8 }, 0.008, 196],
    [{ bits: 4 }, 0.11, 168],
    [{ bits: 4, scales: 'fitted' }, 0.115, 176],
    [{ bits: 4, group: 16, scales: 'fitted' }, 0.09, 180],
  ] as const)('%o: errors of logits, and tokens in common', async (options, error, common) => {
    const checkpoint = await readLlama2c(join(WEIGHTS, 'stories260K.bin'))
    const { ids, logits } = tell(checkpoint)
    const found = tell(rounded(checkpoint, options), ids)
    expect(relativeError(found.logits, logits)).toBeLessThan(error)
    expect(found.ids.filter((id, i) => i > 0 && id === ids[i]).length).toBeGreaterThanOrEqual(common)
  })
})
