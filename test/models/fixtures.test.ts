import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import { type Backend, type Comparison, verifyFixture } from '../../src/models/verify.ts'
import { FileError, UnsupportedError } from '../../src/util/errors.ts'

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
  'qwen-vl-visual',
  'projection-baseline',
  'projection-vit',
  'projection-perceiver',
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

describe('what a fixture must be', () => {
  const read = (name: string) => readSafetensors(`${DIR}${name}.safetensors`)

  test('a kind that weft lacks is refused by name', async () => {
    const { tensors } = await read('projection-baseline')
    const other = { metadata: { kind: 'projection-conv' }, tensors }
    await expect(verifyFixture(other, eager)).rejects.toThrow(UnsupportedError)
    await expect(verifyFixture(other, eager)).rejects.toThrow(/projection-conv/)
  })

  test('an expectation that nothing computes is not passed over', async () => {
    const { metadata, tensors } = await read('projection-baseline')
    const more = new Map([...tensors, ['extra', tensors.get('output')!]])
    await expect(verifyFixture({ metadata, tensors: more }, eager)).rejects.toThrow(FileError)
  })

  test('a mask of another shape than the texts is refused', async () => {
    for (const name of ['llama-causal-rope-none', 'visualchat-causal']) {
      const { metadata, tensors } = await read(name)
      const mask = tensors.get('attention_mask')!
      const flat = new Map([...tensors, ['attention_mask', { ...mask, shape: [mask.data.length, 1] }]])
      await expect(verifyFixture({ metadata, tensors: flat }, eager)).rejects.toThrow(/attention_mask is/)
    }
  })

  test('a wrong number fails, and so does NaN', async () => {
    const { metadata, tensors } = await read('projection-baseline')
    for (const wrong of [9, Number.NaN]) {
      const output = tensors.get('output')!
      const data = output.data.slice()
      data[3] = wrong
      const bad = new Map([...tensors, ['output', { ...output, data }]])
      const { pass, comparisons } = await verifyFixture({ metadata, tensors: bad }, eager)
      expect(pass).toBe(false)
      expect(comparisons.filter((c) => !c.pass).map((c) => c.name)).toEqual(['output'])
    }
  })
})
