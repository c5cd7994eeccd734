import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { run } from './run.ts'

const LANGUAGE = {
  vocab_size: 512,
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 512,
}
const VISION = {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  image_size: 32,
  patch_size: 8,
}

let language: string
let vision: string
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'weft-plan-'))
  language = join(folder, 'language.json')
  vision = join(folder, 'clip.json')
  await writeFile(language, JSON.stringify(LANGUAGE))
  // A whole CLIP: the part about its encoder counts.
  await writeFile(vision, JSON.stringify({ model_type: 'clip', vision_config: VISION }))
})

const plan = (...flags: readonly string[]) => run('plan', '--language', language, '--seq', '256', ...flags)

describe('weft plan', () => {
  test('answers first, then shows weights, memory, work and training in 100 columns', async () => {
    const { code, out } = await plan('--vision', vision, '--precision', 'int4', '--memory', '20MB')
    expect(code).toBe(0)
    const lines = out.split('\n')
    expect(lines[1]).toBe('')
    expect(lines[2]).toMatch(/^FITS: running it takes [\d.]+ MB of 20\.0 MB; [\d.]+ MB to spare\.$/)
    for (const title of ['Weights', 'Memory to run', 'Work', 'Memory to train on 256 tokens']) {
      expect(lines.some((line) => line.startsWith(title))).toBe(true)
    }
    expect(out).toMatch(/^ {2}these and LoRA of rank 8 .* MB {2}(fits|too large)$/m)
    for (const line of lines.slice(1)) expect(line.length).toBeLessThanOrEqual(100)
  })

  test('says by how much it does not fit, and what would', async () => {
    const { out } = await plan('--memory', '1.4MB', '--no-training')
    expect(out).toMatch(/^DOES NOT FIT: .* there are 1\.4 MB; .* too little\.\nIt would fit with /m)
    expect(out).not.toContain('train')
  })

  test('tells what is larger than the binding limit, and into how many pieces it goes', async () => {
    const { out } = await plan('--binding-limit', '64KiB', '--precision', 'f16', '--no-training')
    expect(out).toMatch(/at 64 KiB +at 128 MiB +at 1 GiB/)
    expect(out).toMatch(/2 x model\.layers\.\*\.mlp\.up_proj\.weight \[352,128\] +90\.1 kB +2 +1 +1 +1/)
    expect(out).toMatch(/taken in passes of up to \d+ positions: more at a time need more than 64 KiB/)
  })

  test('--json has all figures as numbers', async () => {
    const { out, code } = await plan('--memory', '20MB', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      vision: null,
      request: { seq: 256, precision: 'f16', memory: 20e6 },
      inference: {
        run: { total: expect.any(Number) },
        verdict: { fits: true, longest: 512 },
        programs: [{ name: 'prefill 256 tokens' }, { name: 'decode a token', calls: expect.any(Number) }],
      },
      training: [{ trained: 'LoRA' }, { checkpointed: true }, { trained: 'everything' }, {}],
    })
  })

  test('a model that is not known is an error that names the nearest', async () => {
    const { code, err } = await run('plan', '--language', 'llama2-7b')
    expect(code).toBe(1)
    expect(err).toMatch(/no language model is known as llama2-7b\n {2}hint: did you mean llama-2-7b\?/)
  })

  test.each([
    [['--memory', '8'], /--memory 8: not a size\n {2}hint: a number with its unit/],
    [['--seq', '1024'], /1024 positions: the model was made for 512/],
    [['--precision', 'int3'], /--precision int3: not one of/],
    [['--vision', 'nowhere/config.json'], /nowhere\/config\.json.*ENOENT/],
  ])('%s is an error', async (flags, message) => {
    const { code, err } = await plan(...flags)
    expect(code).toBe(1)
    expect(err).toMatch(message)
  })
})
