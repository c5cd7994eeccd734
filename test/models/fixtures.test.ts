import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import { type Backend, type Comparison, verifyFixture } from '../../src/models/verify.ts'

/** Runs at once, on the reference evaluator. */
const eager: Backend = {
  run: async (fn, args) => fn(...args),
  grad: (fn) => grad(fn),
}

const DIR = new URL('../fixtures/', import.meta.url).pathname
const FIXTURES = [
  'llama-causal-rope-none',
  'llama-causal-rope-linear',
  'llama-causal-rope-dynamic',
  'llama-mmca-paper',
  'llama-mmca-release',
  'clip-vision',
  'projection-baseline',
  'visualchat-causal',
  'visualchat-mmca-release',
]

const show = (c: Comparison): string => `${c.kind} ${c.name}: ${c.error.toExponential(1)} of ${c.tolerance}`

describe('fixtures of the reference PyTorch code', () => {
  test.each(FIXTURES)('%s', async (name) => {
    const { comparisons, pass } = await verifyFixture(await readSafetensors(`${DIR}${name}.safetensors`), eager)
    if (process.env['SHOW_ERRORS']) console.info(name, comparisons.map(show).join('\n  '))
    expect(comparisons.filter((c) => !c.pass).map(show)).toEqual([])
    expect(pass).toBe(true)
    expect(comparisons.length).toBeGreaterThan(0)
  })
})
