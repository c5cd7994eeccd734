import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { augment } from '../../src/cli/demo/augment.ts'
import { shapesFor, TrainBatches } from '../../src/cli/demo/batches.ts'
import { type DemoData, prepareData } from '../../src/cli/demo/data.ts'
import { evaluate, scoreTable, verdict } from '../../src/cli/demo/evaluation.ts'
import { initialParams } from '../../src/cli/demo/parameters.ts'
import { type DemoSettings, modelConfig } from '../../src/cli/demo/settings.ts'
import { train } from '../../src/cli/demo/training.ts'
import { WordsBatches, wordShares } from '../../src/cli/demo/words.ts'
import { main } from '../../src/cli/main.ts'
import { Random } from '../../src/data/random.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import { namedArrays } from '../../src/models/params.ts'

/** The main job in miniature, on the reference evaluator: what its parts do, and that they hold together. */
const folder = mkdtempSync(join(tmpdir(), 'weft-demo-'))
const settings: DemoSettings = {
  output: folder,
  cache: '.cache/weft',
  device: 'reference',
  seed: 5,
  dim: 16,
  visionLayers: 1,
  layers: 1,
  heads: 2,
  patch: 16,
  wordSteps: 2,
  drawings: 4,
  steps: 2,
  batch: 2,
  learningRate: 1e-3,
  precision: 'f32',
  minutes: 5,
  questions: 4,
}
let data: DemoData
beforeAll(async () => {
  data = await prepareData(settings)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

describe('batches', () => {
  test('are the same for equal seeds, and differ from step to step', async () => {
    const of = async (step: number, seed: number) =>
      (await new WordsBatches(data, { ...settings, seed }).at(step)).images.read()
    expect(await of(3, 1)).toEqual(await of(3, 1))
    expect(await of(3, 1)).not.toEqual(await of(4, 1))
    expect(await of(3, 1)).not.toEqual(await of(3, 2))
  })

  test('words are shares that sum to 1, most for the kind, in the forms of answers and of questions', async () => {
    const { words, kinds } = new WordsBatches(data, settings).at(0)
    const shares = await words.read()
    const kind = await kinds.read()
    const V = data.tokenizer.vocabSize
    for (let n = 0; n < settings.drawings; n++) {
      const row = Array.from(shares.slice(n * V, (n + 1) * V))
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
      expect(row[kind[n]!]).toBeGreaterThanOrEqual(Math.max(...row) - 1e-6)
    }
  })

  test('a word is learnt both as an answer begins and as a question holds it', () => {
    const fox = data.emoji.concepts.find((c) => c.label === 'fox')!
    const shares = wordShares(fox, data.tokenizer)
    const said = [...shares.keys()].filter((id) => shares[id]! > 0).map((id) => data.tokenizer.decode([id]))
    expect(said.sort()).toEqual([' animal', ' animals', ' fox', 'animal', 'fox'])
  })

  test('drawings keep their white ground, whatever happens to their colours', () => {
    const fox = data.emoji.concepts.find((c) => c.label === 'fox')!
    const pixels = augment(data.emoji.pixels('noto', fox), new Random(1))
    expect([0, 31, 1024, 2 * 1024 + 31].map((at) => pixels[at])).toEqual([1, 1, 1, 1])
    expect(pixels.every((x) => x >= -1 && x <= 1)).toBe(true)
    expect(pixels).not.toEqual(data.emoji.pixels('noto', fox))
  })

  test('dialogues of fewer images are more to a batch, of about as many positions', () => {
    const positions = [1, 2, 3, 4].map((n) => {
      const { batch, length } = shapesFor(n, { batch: 12, patch: 8 })
      return batch * length
    })
    expect(Math.min(...positions) / Math.max(...positions)).toBeGreaterThan(0.9)
  })

  test('an answer is predicted from the position before it', async () => {
    const { tokenIds, answerAt, answers, modality } = new TrainBatches(data, settings).at(1)
    const [ids, at, tokens, kinds] = await Promise.all([
      tokenIds.read(),
      answerAt.read(),
      answers.read(),
      modality.read(),
    ])
    const counted = [...tokens.keys()].filter((k) => tokens[k]! >= 0)
    expect(counted.length).toBeGreaterThan(0)
    for (const k of counted) {
      expect(ids[at[k]! + 1]).toBe(tokens[k])
      expect(kinds[at[k]! + 1]).toBe(1)
    }
  })
})

describe('training', () => {
  const config = () => modelConfig(settings, data.tokenizer)

  test('equal seeds give equal runs', async () => {
    const run = () => train(config(), settings, data, new AbortController().signal)
    const [a, b] = [await run(), await run()]
    expect(a.history).toEqual(b.history)
    expect(a.ended).toBe('steps')
    expect([a.history.words.length, a.history.answers.length]).toEqual([2, 2])
  })

  test('in f16 the steps are nearly those of f32, and the parameters f32', async () => {
    const run = (precision: 'f32' | 'f16') =>
      train(config(), { ...settings, precision, device: 'wasm' }, data, new AbortController().signal)
    const [full, half] = [await run('f32'), await run('f16')]
    for (const stage of ['words', 'answers'] as const) {
      expect(half.history[stage].map((s) => s['skipped'])).toEqual([0, 0])
      for (const [i, { loss }] of half.history[stage].entries()) {
        expect(Math.abs(loss - full.history[stage][i]!.loss)).toBeLessThan(0.01)
      }
    }
    expect(half.params.embed_tokens.weight.dtype).toBe('f32')
  })

  test('what is interrupted is a result like any other', async () => {
    const controller = new AbortController()
    controller.abort()
    const { ended, params, history } = await train(config(), settings, data, controller.signal)
    expect(ended).toBe('interrupted')
    expect(history).toEqual({ words: [], answers: [] })
    const untrained = initialParams(config(), settings.seed)
    expect(await namedArrays(params.projection)).toEqual(await namedArrays(untrained.projection))
  })
})

test('the evaluation counts every question once, and says what guessing gives', async () => {
  const config = modelConfig(settings, data.tokenizer)
  const params = initialParams(config, settings.seed)
  const scores = await evaluate(params, config, data, settings, new AbortController().signal)
  for (const split of ['train', 'newArtist', 'newConcepts', 'newBoth']) {
    expect(scores.filter((s) => s.split === split).reduce((n, s) => n + s.asked, 0)).toBe(settings.questions)
  }
  expect(scores.every((s) => s.byChance > 0 && s.right <= s.asked)).toBe(true)
  expect(scoreTable(scores)).toMatch(/all .*chance \d+%/)
})

test('sizes that do not fit are refused by flag', () => {
  expect(() => modelConfig({ ...settings, patch: 5 }, data.tokenizer)).toThrow(/--patch 5: images have 32 pixels/)
  expect(() => modelConfig({ ...settings, dim: 10 }, data.tokenizer)).toThrow(
    /--dim 10: not a multiple of twice the 2 heads/,
  )
})

test('the verdict calls better only what guessing would hardly give', () => {
  const score = (type: 'kind' | 'count', right: number) => ({
    split: 'newArtist' as const,
    type,
    asked: 100,
    right,
    byChance: 25,
  })
  expect(verdict([score('kind', 60), score('count', 30)])).toBe(
    'Clearly better than guessing on what was held out: kind (60% against 25%).\nNo better than guessing: count (30% against 25%).',
  )
})

test('weft demo trains, saves, evaluates and converses', async () => {
  const [out, err] = [new PassThrough(), new PassThrough()]
  let text = ''
  out.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  err.resume()
  const flags =
    '--device reference --dim 16 --layers 1 --heads 2 --drawings 4 --word-steps 1 --steps 1 --batch 1 --questions 1'
  expect(await main(['demo', ...flags.split(' '), '--output', folder], { out, err })).toBe(0)
  expect(text).toMatch(/trained 1 \+ 1 steps/)
  expect(text).toMatch(/\[image 1: fox, twemoji's drawing\]\n.*\n {2}> which image shows an animal\?/)
  for (const file of ['model.safetensors', 'tokenizer.json', 'config.json', 'history.json', 'loss.svg']) {
    expect(existsSync(join(folder, file))).toBe(true)
  }
  const { tensors } = await readSafetensors(join(folder, 'model.safetensors'))
  expect(tensors.get('lang_embed.weight')?.shape).toEqual([data.tokenizer.vocabSize, 16])
  expect(readFileSync(join(folder, 'loss.svg'), 'utf8')).toMatch(/^<svg/)
})
