import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { loadModel } from '../../src/checkpoint/load-model.ts'
import { saveHuggingFace, saveVisualChat } from '../../src/checkpoint/save-model.ts'
import { tokenizerFilesIn } from '../../src/checkpoint/tokenizer-files.ts'
import { numberToBf16 } from '../../src/data/bf16.ts'
import { huggingFaceSource } from '../../src/data/huggingface.ts'
import { readSafetensors } from '../../src/data/safetensors.ts'
import { allocate } from '../../src/ir/dtype.ts'
import { key, tensor } from '../../src/ir/ops.ts'
import { fromDevice, fromHost, hostArrayOf, isTensor, type Tensor } from '../../src/ir/tensor.ts'
import { clipVisionConfig, llamaConfig } from '../../src/models/config.ts'
import { initParams } from '../../src/models/init.ts'
import { type LlamaParams, llamaSpec } from '../../src/models/llama.ts'
import { withLora } from '../../src/models/lora.ts'
import { loraSpec } from '../../src/models/lora-spec.ts'
import { flattenNames } from '../../src/models/names.ts'
import { visualChatSpec } from '../../src/models/visualchat.ts'
import { visualChatConfig } from '../../src/models/visualchat-config.ts'
import { clipVisionSpec } from '../../src/models/vit.ts'
import type { SpecTree } from '../../src/nn/param.ts'
import { CheckpointError, DeviceError, FileError, UnsupportedError, ValueError } from '../../src/util/errors.ts'
import { tinyLlama, tinyVision, tinyVisualChat } from '../models/tiny-models.ts'

const root = mkdtempSync(join(tmpdir(), 'weft-save-'))
afterAll(() => rmSync(root, { recursive: true }))

let here = ''
let count = 0
beforeEach(() => {
  here = join(root, `case-${count++}`)
})

const config = tinyLlama()
const spec = llamaSpec(config)
const params: LlamaParams = initParams(spec, key(1))
const others: LlamaParams = initParams(spec, key(2))

const bits = (tree: unknown): Map<string, unknown> =>
  new Map([...flattenNames(tree, isTensor)].map(([name, t]) => [name, hostArrayOf(t, 'test')]))

const json = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(here, name), 'utf8'))

async function load<T extends SpecTree>(of: T, store: 'f32' | 'f16' = 'f32'): Promise<unknown> {
  const source = await huggingFaceSource(here)
  try {
    const loading: Promise<unknown> = loadModel(of, source, { device: 'reference', store })
    return await loading
  } finally {
    await source.close()
  }
}

/** The same as what it is when `of` is `spec`. */
const loadLlama = async (store: 'f32' | 'f16' = 'f32'): Promise<LlamaParams> => (await load(spec, store)) as LlamaParams

async function names(): Promise<string[]> {
  const source = await huggingFaceSource(here)
  await source.close()
  return [...source.tensors.keys()]
}

/** The folders that a save has left beside its own. */
const leftBeside = (): string[] =>
  readdirSync(root).filter((name) => name.startsWith(`${here.slice(root.length + 1)}.`))

describe('a saved LLaMA', () => {
  test('comes back to the bit, configuration and all', async () => {
    await saveHuggingFace(here, { params, config, tokens: { bos: 1, eos: [2, 5] } })
    expect(readdirSync(here).sort()).toEqual(['config.json', 'generation_config.json', 'model.safetensors'])
    expect(bits(await load(spec))).toEqual(bits(params))
    expect(llamaConfig(json('config.json'))).toEqual(config)
    expect((await readSafetensors(join(here, 'model.safetensors'))).metadata).toEqual({ format: 'pt' })
    expect(leftBeside()).toEqual([])
  })

  test('has the fields that transformers wants', async () => {
    const scaled = tinyLlama({ rope_scaling: { type: 'linear', factor: 2 } })
    await saveHuggingFace(here, { params, config: scaled, tokens: { bos: 1, eos: 2, pad: 0 } })
    expect(json('config.json')).toEqual({
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: 24,
      hidden_size: 16,
      intermediate_size: 20,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      head_dim: 8,
      max_position_embeddings: 64,
      rms_norm_eps: 1e-6,
      rope_theta: 10000,
      rope_scaling: { type: 'linear', factor: 2 },
      tie_word_embeddings: false,
      hidden_act: 'silu',
      attention_bias: false,
      attention_dropout: 0,
      mlp_bias: false,
      initializer_range: 0.02,
      pretraining_tp: 1,
      use_cache: true,
      torch_dtype: 'float32',
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: 0,
    })
    expect(json('generation_config.json')).toMatchObject({ bos_token_id: 1, eos_token_id: 2, pad_token_id: 0 })
  })

  test('is cut into files of a given size, with an index', async () => {
    await saveHuggingFace(here, { params, config }, { maxShardBytes: 4000 })
    const files = readdirSync(here).filter((name) => name.endsWith('.safetensors'))
    expect(files.length).toBeGreaterThan(2)
    const n = String(files.length).padStart(5, '0')
    expect(files[0]).toBe(`model-00001-of-${n}.safetensors`)
    const index = json('model.safetensors.index.json') as {
      metadata: { total_size: number }
      weight_map: Record<string, string>
    }
    let total = 0
    for (const file of files) {
      const { tensors, metadata } = await readSafetensors(join(here, file))
      expect(metadata).toEqual({ format: 'pt' })
      const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
      expect(bytes).toBeLessThanOrEqual(4000)
      for (const name of tensors.keys()) expect(index.weight_map[name]).toBe(file)
      total += bytes
    }
    expect(index.metadata.total_size).toBe(total)
    expect(Object.keys(index.weight_map)).toEqual([...bits(params).keys()])
    expect(bits(await load(spec))).toEqual(bits(params))
  })

  test('with a tensor larger than a file may be gives that tensor one of its own', async () => {
    await saveHuggingFace(here, { params, config }, { maxShardBytes: 1 })
    expect(readdirSync(here).filter((name) => name.endsWith('.safetensors'))).toHaveLength(bits(params).size)
    expect(bits(await load(spec))).toEqual(bits(params))
  })

  test('as bf16 is rounded to the nearest, ties to even; saved again it is the same', async () => {
    const cases = [
      [1, 0x3f80],
      [1 + 2 ** -8, 0x3f80],
      [1 + 3 * 2 ** -8, 0x3f82],
      [1 + 2 ** -8 + 2 ** -20, 0x3f81],
      [-0, 0x8000],
      [2 ** -149, 0],
      [Number.POSITIVE_INFINITY, 0x7f80],
    ] as const
    for (const [x, half] of cases) expect(numberToBf16(x)).toBe(half)
    expect(numberToBf16(Number.NaN) & 0x7fff).toBeGreaterThan(0x7f80)

    await saveHuggingFace(here, { params, config }, { dtype: 'bf16' })
    expect(json('config.json')['torch_dtype']).toBe('bfloat16')
    const once = await loadLlama()
    for (const [name, t] of flattenNames(once, isTensor)) {
      const exact = flattenNames(params, isTensor).get(name)!
      const given = hostArrayOf(exact, 'test').data
      hostArrayOf(t, 'test').data.forEach((x, i) => {
        expect(Math.abs(x - given[i]!)).toBeLessThanOrEqual(Math.abs(given[i]!) * 2 ** -8)
      })
    }
    await saveHuggingFace(here, { params: once, config }, { dtype: 'bf16' })
    expect(bits(await load(spec))).toEqual(bits(once))
  })

  test('as f16 keeps its halves, and refuses a number that f16 has not', async () => {
    await saveHuggingFace(here, { params, config }, { dtype: 'f16' })
    const halves = await loadLlama('f16')
    expect(json('config.json')['torch_dtype']).toBe('float16')
    await saveHuggingFace(here, { params: halves, config })
    expect(json('config.json')['torch_dtype']).toBe('float16')
    expect(bits(await load(spec, 'f16'))).toEqual(bits(halves))
    const large = { ...params, model: { ...params.model, norm: { weight: tensor(Array<number>(16).fill(1e5)) } } }
    const refused = expect(saveHuggingFace(here, { params: large, config }, { dtype: 'f16' })).rejects
    await refused.toThrow(/model.norm.weight holds 100000, which F16 has not/)
    expect(bits(await load(spec, 'f16'))).toEqual(bits(halves))
  })

  test('with a tied output layer does not store it', async () => {
    const tied = tinyLlama({ tie_word_embeddings: true })
    await saveHuggingFace(here, { params, config: tied })
    expect(await names()).not.toContain('lm_head.weight')
    await load(llamaSpec(tied))
  })

  test('whose matrices are in pieces is stored whole', async () => {
    const whole = hostArrayOf(flattenNames(params, isTensor).get('lm_head.weight')!, 'test')
    const piece = (from: number, to: number): Tensor =>
      tensor(whole.data.slice(from * 16, to * 16) as Float32Array, { shape: [to - from, 16] })
    const split = { ...params, lm_head: { weight: { parts: [piece(0, 5), piece(5, 24)] } } }
    await saveHuggingFace(here, { params: split, config })
    expect(bits(await load(spec))).toEqual(bits(params))
  })

  test('takes its tokenizer along', async () => {
    const from = join(root, 'tokenizer')
    mkdirSync(from)
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'README.md']) writeFileSync(join(from, name), name)
    await saveHuggingFace(here, { params, config }, { tokenizerFiles: await tokenizerFilesIn(from) })
    expect(readFileSync(join(here, 'tokenizer.json'), 'utf8')).toBe('tokenizer.json')
    expect(readdirSync(here)).not.toContain('README.md')
    const save = (...tokenizerFiles: string[]) => saveHuggingFace(here, { params, config }, { tokenizerFiles })
    await expect(save(join(from, 'README.md'))).rejects.toThrow(ValueError)
    await expect(save(join(from, 'merges.txt'))).rejects.toThrow(/merges.txt: no such file/)
  })
})

describe('other models', () => {
  test('a CLIP vision tower comes back, with what prepares its images', async () => {
    const tower = initParams(clipVisionSpec(tinyVision), key(1))
    await saveHuggingFace(here, { params: tower, config: tinyVision })
    expect(bits(await load(clipVisionSpec(tinyVision)))).toEqual(bits(tower))
    expect(clipVisionConfig(json('config.json'))).toEqual(tinyVision)
    expect(json('config.json')).toMatchObject({ architectures: ['CLIPVisionModel'], model_type: 'clip_vision_model' })
    expect(json('preprocessor_config.json')).toMatchObject({
      image_processor_type: 'CLIPImageProcessor',
      crop_size: { height: 8, width: 8 },
      image_mean: [0.48145466, 0.4578275, 0.40821073],
    })
  })

  test('a VisualChat comes back, under the names of the release', async () => {
    const chat = initParams(visualChatSpec(tinyVisualChat), key(1))
    await saveVisualChat(here, { params: chat, config: tinyVisualChat }, { maxShardBytes: 20_000 })
    expect(bits(await load(visualChatSpec(tinyVisualChat)))).toEqual(bits(chat))
    expect(visualChatConfig(json('config.json'))).toEqual(tinyVisualChat)
    expect(new Set((await names()).map((name) => name.split('.')[0]))).toEqual(
      new Set(['vis_encoder', 'lang_decoder', 'lang_embed', 'projection']),
    )
  })

  test.each([
    [{ model_type: 'llama' }, /model_type is "llama"/],
    [{ padToken: undefined }, /padToken is missing/],
    [{ attention: 'sparse' }, /attention "sparse"/],
    [{ projection: 3 }, /projection is 3/],
  ])('a configuration of a VisualChat with %j is refused', async (change, message) => {
    await saveVisualChat(here, { params: initParams(visualChatSpec(tinyVisualChat), key(1)), config: tinyVisualChat })
    expect(() => visualChatConfig({ ...json('config.json'), ...change })).toThrow(message)
  })
})

/** Parameters on a device that copies its `failing`-th tensor badly; tells how many copies are wanted at a time. */
function onBadDevice(
  failing: number,
  failure: Error = new DeviceError('the device is gone'),
): { readonly params: LlamaParams; readonly mostAtOnce: () => number } {
  let reads = 0
  let now = 0
  let most = 0
  const moved = (t: Tensor): Tensor => {
    const array = hostArrayOf(t, 'test')
    return fromDevice(t.shape, t.dtype, {
      device: 'bad',
      async read() {
        most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 1))
        now--
        if (++reads === failing) throw failure
        return array
      },
      dispose() {},
    })
  }
  const map = (node: unknown): unknown => {
    if (isTensor(node)) return moved(node)
    if (Array.isArray(node)) return node.map(map)
    return Object.fromEntries(Object.entries(node as object).map(([name, child]) => [name, map(child)]))
  }
  return { params: map(others) as LlamaParams, mostAtOnce: () => most }
}

describe('a save that fails', () => {
  test.each([1, 9, 20])('at tensor %i leaves the old model, and nothing else', async (failing) => {
    await saveHuggingFace(here, { params, config }, { maxShardBytes: 4000 })
    const bad = onBadDevice(failing)
    await expect(saveHuggingFace(here, { params: bad.params, config }, { maxShardBytes: 4000 })).rejects.toThrow(
      DeviceError,
    )
    expect(bits(await load(spec))).toEqual(bits(params))
    expect(leftBeside()).toEqual([])
    expect(bad.mostAtOnce()).toBe(1)
  })

  test('because the disk is full, or the path is no folder, is an error of files', async () => {
    await saveHuggingFace(here, { params, config })
    const full = onBadDevice(9, Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' }))
    const refused = expect(saveHuggingFace(here, { params: full.params, config })).rejects
    await refused.toThrow(FileError)
    expect(bits(await load(spec))).toEqual(bits(params))
    expect(leftBeside()).toEqual([])
    const file = join(root, 'file')
    writeFileSync(file, 'x')
    await expect(saveHuggingFace(file, { params, config })).rejects.toThrow(/file: is not a folder/)
    await expect(saveHuggingFace(join(file, 'model'), { params, config })).rejects.toThrow(FileError)
    expect(readFileSync(file, 'utf8')).toBe('x')
  })

  test('replaces a whole model by another with fewer files', async () => {
    await saveHuggingFace(here, { params, config }, { maxShardBytes: 4000 })
    await saveHuggingFace(`${here}/`, { params: others, config })
    expect(readdirSync(here).sort()).toEqual(['config.json', 'model.safetensors'])
    expect(bits(await load(spec))).toEqual(bits(others))
  })

  test('refuses a folder that holds other things, before and after it has written', async () => {
    await saveHuggingFace(here, { params, config })
    mkdirSync(join(here, 'notes'))
    await expect(saveHuggingFace(here, { params: others, config })).rejects.toThrow(/holds other things: notes/)
    rmSync(join(here, 'notes'), { recursive: true })
    const late = onBadDevice(0)
    const saving = saveHuggingFace(here, { params: late.params, config })
    await new Promise((resolve) => setTimeout(resolve, 5))
    writeFileSync(join(here, 'late.txt'), '')
    await expect(saving).rejects.toThrow(/holds other things: late.txt/)
    expect(bits(await load(spec))).toEqual(bits(params))
  })

  test('says which parameter does not fit, and what to do with weights that are no matrices', async () => {
    const save = (of: LlamaParams, as = config) => saveHuggingFace(here, { params: of, config: as })
    await expect(save(params, tinyLlama({ num_hidden_layers: 1 }))).rejects.toThrow(CheckpointError)
    await expect(save(params, tinyLlama({ vocab_size: 25 }))).rejects.toThrow(
      /model.embed_tokens.weight is \[24,16\], not \[25,16\]/,
    )
    const adapters = initParams(loraSpec(spec, { rank: 1, alpha: 1, targets: ['q_proj'] }), key(1))
    await expect(save(withLora(params, adapters, { alpha: 1 }))).rejects.toThrow(UnsupportedError)
    await expect(save(withLora(params, adapters, { alpha: 1 }))).rejects.toThrow(/q_proj.weight: the weight is adapted/)
    const packed = fromHost({ dtype: 'i32', shape: [24, 4], data: allocate('i32', 96) })
    const scales = fromHost({ dtype: 'f32', shape: [24, 1], data: allocate('f32', 24) })
    await expect(save({ ...params, lm_head: { weight: { int8: packed, scales } } })).rejects.toThrow(/is quantised/)
    expect(readdirSync(root)).not.toContain(here.slice(root.length + 1))
  })
})
