import { existsSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { run } from '../cli/run.ts'
import { STORY, STORY_MODEL, STORY_TOKENIZER } from '../cli/story.ts'
import { type TinyModel, writeTinyModel } from '../cli/tiny-model.ts'
import { UNDER_TEST } from './under-test.ts'

let tiny: TinyModel
beforeAll(async () => {
  tiny = await writeTinyModel()
})

const generate = (...flags: readonly string[]) => run('generate', '--device', UNDER_TEST, ...flags)
const tinyFiles = () => ['--model', tiny.model, '--tokenizer', tiny.tokenizer]

describe('weft generate on the device', () => {
  it.each([
    ['', 24],
    ['a cat and a bat', 20],
  ])('continues %j up to %i positions as plain loops do', async (prompt, steps) => {
    const { code, out } = await generate('--prompt', prompt, '--steps', String(steps), ...tinyFiles())
    expect({ code, out }).toEqual({ code: 0, out: await tiny.expected(prompt, steps) })
  })

  it('chooses by seed as the reference evaluator does', async () => {
    const flags = ['--temperature', '0.8', '--top-p', '0.9', '--seed', '7', ...tinyFiles()]
    expect((await generate(...flags)).out).toBe((await run('generate', '--device', 'reference', ...flags)).out)
  })
})

describe.skipIf(!existsSync(STORY_MODEL))('with the real stories260K', () => {
  it('writes the 200 steps that llama2.c writes, to the byte', async () => {
    const { code, out } = await generate('--model', STORY_MODEL, '--tokenizer', STORY_TOKENIZER, '--steps', '200')
    expect({ code, out }).toEqual({ code: 0, out: STORY })
  })
})
