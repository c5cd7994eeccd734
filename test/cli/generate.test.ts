import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { run } from './run.ts'
import { STORY, STORY_MODEL, STORY_TOKENIZER } from './story.ts'
import { type TinyModel, writeTinyModel } from './tiny-model.ts'

let tiny: TinyModel
beforeAll(async () => {
  tiny = await writeTinyModel()
})

const generate = (...flags: readonly string[]) =>
  run('generate', '--device', 'reference', '--model', tiny.model, '--tokenizer', tiny.tokenizer, ...flags)

describe('weft generate', () => {
  it.each([
    ['', 24],
    ['abc', 20],
    ['a cat and a bat', 18],
    ['é', 5],
  ])('continues %j up to %i positions as plain loops do', async (prompt, steps) => {
    const { code, out, err } = await generate('--prompt', prompt, '--steps', String(steps))
    expect({ code, out }).toEqual({ code: 0, out: await tiny.expected(prompt, steps) })
    expect(err).toMatch(/^weft: \d+ tokens?; compiled in /)
  })

  it('fills the context unless steps are given', async () => {
    expect((await generate()).out).toBe(await tiny.expected('', tiny.positions))
  })

  it('gives equal texts for equal seeds, and keeps to the likeliest token with --top-k 1', async () => {
    const sampled = async (...flags: string[]) => (await generate('--temperature', '2', ...flags)).out
    expect(await sampled('--seed', '1')).toBe(await sampled('--seed', '1'))
    expect(await sampled('--seed', '1')).not.toBe(await sampled('--seed', '2'))
    expect(await sampled('--top-k', '1')).toBe(await tiny.expected('', tiny.positions))
    expect(await sampled('--top-p', '1e-9')).toBe(await tiny.expected('', tiny.positions))
  })

  it('writes several texts at once, each as it would be alone', async () => {
    const prompts = ['abc', 'a cat and', '']
    const { code, out } = await generate('--steps', '16', ...prompts.flatMap((prompt) => ['--prompt', prompt]))
    const lines: unknown[] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(code).toBe(0)
    for (const [i, prompt] of prompts.entries()) {
      const alone = await tiny.expected(prompt, tiny.positions)
      const { text, reason, ...rest } = Object(lines[i])
      expect(rest).toEqual({ prompt, tokens: expect.any(Number) })
      // All get as many tokens as there is room for behind the longest prompt.
      if (reason === 'end') expect(prompt + text).toBe(alone)
      else expect(alone.startsWith(prompt + text) && text.length > 0).toBe(true)
    }
  })

  it('ends before a stop sequence', async () => {
    const whole = await tiny.expected('', tiny.positions)
    const stop = whole.slice(4, 6)
    const { out } = await generate('--stop', 'never', '--stop', stop)
    expect(out).toBe(whole.slice(0, whole.indexOf(stop)))
    expect(out.length).toBeGreaterThan(0)
    expect((await generate('--stop', '')).err).toContain('an empty stop sequence')
  })

  it('writes no token twice under a penalty that forbids it', async () => {
    const { out } = await generate('--prompt', 'a', '--repetition-penalty', '1e6', '--steps', '12')
    expect(out).not.toBe(await tiny.expected('a', 12))
  })

  it.each([
    [['--steps', '25'], 'error: --steps 25: the model has 24 positions\n  hint: at most --steps 24\n'],
    [
      ['--prompt', 'abcdef', '--steps', '4'],
      'error: --prompt: its 8 tokens (BOS among them) do not fit in 4 steps\n  hint: at least --steps 8\n',
    ],
  ])('%j does not fit', async (flags, message) => {
    expect(await generate(...flags)).toEqual({ code: 1, out: '', err: message })
  })

  it('says when the logits are not finite', async () => {
    const bytes = await readFile(tiny.model)
    bytes.writeFloatLE(Number.NaN, 28 + 4 * 16)
    await writeFile(`${tiny.model}.nan`, bytes)
    const { code, out, err } = await generate('--model', `${tiny.model}.nan`)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('the logits are not finite')
  })

  it('takes the tokenizer that the model carries, and says where there is none', async () => {
    const files = (await run('generate', '--device', 'reference', '--model', tiny.model)).err
    expect(files).toContain('carries no tokenizer\n  hint: name one')
    const { out } = await run('generate', '--device', 'reference', '--model', await tiny.asGguf(), '--prompt', 'abc')
    expect(out).toBe(await tiny.expected('abc', tiny.positions))
  })

  it('keeps weights as integers where it is asked to', async () => {
    const { code, err } = await generate('--weights', 'int8', '--compute', 'f16', '--steps', '4')
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('compiled in') })
    // Embeddings decide what is computed in.
    expect((await generate('--weights', 'f16', '--compute', 'f32')).err).toContain('of a model computed in f32')
  })

  it('tells a tokenizer of another size, and a file that is no checkpoint', async () => {
    expect((await generate('--model', tiny.tokenizer)).err).toContain('not a llama2.c checkpoint')
    expect((await generate('--tokenizer', tiny.model)).err).toContain('not a llama2.c tokenizer')
    expect((await generate('--model', 'nowhere.bin')).err).toBe('error: nowhere.bin: no such file or folder\n')
  })
})

describe.skipIf(!existsSync(STORY_MODEL))('with the real stories260K', () => {
  it.each(['', 'Once upon a time'])('after %j writes the text that llama2.c writes', async (prompt) => {
    const files = ['--model', STORY_MODEL, '--tokenizer', STORY_TOKENIZER]
    const flags = ['--device', 'reference', '--steps', '60', '--prompt', prompt]
    const { code, out } = await run('generate', ...flags, ...files)
    expect(code).toBe(0)
    expect(out).toBe(STORY.slice(0, out.length))
    expect(out.length).toBeGreaterThan(130)
  })
})
