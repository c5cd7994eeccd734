import { describe, expect, test } from 'vitest'
import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { knownConfig, type LANGUAGE_CONFIGS } from '../../src/models/known-configs.ts'
import { llamaSpec } from '../../src/models/llama.ts'
import { clipVisionSpec } from '../../src/models/vit.ts'
import { isParamSpec, type SpecTree } from '../../src/nn/param.ts'
import { ValueError } from '../../src/util/errors.ts'
import { flatten } from '../../src/util/tree.ts'

const count = (spec: SpecTree): number =>
  flatten(spec, isParamSpec).leaves.reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0)

/** What Hugging Face's models report of themselves. */
const PUBLISHED = {
  'llama-2-7b': 6_738_415_616,
  'llama-2-13b': 13_015_864_320,
  'llama-2-70b': 68_976_648_192,
  'llama-3-8b': 8_030_261_248,
  'llama-3-70b': 70_553_706_496,
  'llama-3.2-1b': 1_235_814_400,
  'tinyllama-1.1b': 1_100_048_384,
} as const satisfies Record<keyof typeof LANGUAGE_CONFIGS, number>

describe('known configurations', () => {
  test.each(Object.entries(PUBLISHED))('%s has the published number of parameters', (name, published) => {
    const json = { ...knownConfig('language', name), rope_scaling: null }
    expect(count(llamaSpec(llamaConfig(json)))).toBe(published)
  })

  test.each([
    ['clip-vit-large-patch14', 303_179_776],
    ['clip-vit-large-patch14-336', 303_507_456],
    ['clip-vit-base-patch32', 87_456_000],
    ['clip-vit-base-patch16', 85_799_424],
  ])('%s has the published number of parameters', (name, published) => {
    expect(count(clipVisionSpec(clipVisionConfig(knownConfig('vision', name))))).toBe(published)
  })

  test('an unknown name is an error that names the nearest', () => {
    expect(() => knownConfig('language', 'lama-2-7b')).toThrow(ValueError)
    expect(() => knownConfig('language', 'lama-2-7b')).toThrow(
      /did you mean llama-2-7b\?.*tinyllama-1\.1b.*config\.json/,
    )
    expect(() => knownConfig('vision', 'toString')).toThrow(/no vision model is known as toString/)
  })
})
