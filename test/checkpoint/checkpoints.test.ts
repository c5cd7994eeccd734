import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadLlama } from '../../src/checkpoint/load-llama.ts'
import { loadVision } from '../../src/checkpoint/load-vision.ts'
import { loadVisualChat } from '../../src/checkpoint/load-visualchat.ts'
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.ts'
import { readSafetensors, writeSafetensors } from '../../src/data/safetensors.ts'
import type { HostArray } from '../../src/ir/dtype.ts'
import { isTensor, type Tensor } from '../../src/ir/tensor.ts'
import { flattenNames } from '../../src/models/names.ts'
import { CheckpointError, FileError, ValueError } from '../../src/util/errors.ts'
import { checkpointBytes, SMALL } from '../data/llama2c-bytes.ts'

const fixture = (name: string): string => new URL(`../fixtures/${name}`, import.meta.url).pathname

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-checkpoints-'))
})
afterAll(() => rm(root, { recursive: true }))

/** The parameters of a fixture, without the prefix of their names. */
async function parameters(
  name: string,
): Promise<{ tensors: Map<string, HostArray>; metadata: Record<string, string> }> {
  const { tensors, metadata } = await readSafetensors(fixture(name))
  const own = [...tensors].flatMap(([key, array]) =>
    key.startsWith('param.') ? [[key.slice('param.'.length), array] as const] : [],
  )
  return { tensors: new Map(own), metadata }
}

let made = 0
async function folder(tensors: Iterable<readonly [string, HostArray]>, config?: unknown): Promise<string> {
  const path = join(root, `folder-${made++}`)
  await mkdir(path)
  await writeSafetensors(join(path, 'model.safetensors'), tensors)
  if (config !== undefined) await writeFile(join(path, 'config.json'), JSON.stringify(config))
  return path
}

async function expectParams(params: unknown, expected: ReadonlyMap<string, HostArray>): Promise<void> {
  const found = flattenNames<Tensor>(params, isTensor)
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [name, { data }] of expected) expect([name, await found.get(name)!.read()]).toEqual([name, data])
}

const some = (shape: number[]): HostArray => ({
  dtype: 'f32',
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
})
const onHost = { device: 'reference' } as const

describe('a checkpoint is recognised by its contents', () => {
  test('of llama2.c, of PyTorch, of safetensors and in a folder', async () => {
    const llama2c = join(root, 'stories.bin')
    await writeFile(llama2c, checkpointBytes(SMALL).bytes)
    const kinds = async (path: string) => {
      const { source, kind, config, trainArgs } = await openCheckpoint(path)
      await source.close()
      return [kind, source.tensors.size, config !== undefined, trainArgs !== undefined]
    }
    expect(await kinds(llama2c)).toEqual(['llama', 21, true, false])
    expect(await kinds(fixture('torch/state_dict.bin'))).toEqual(['unknown', 4, false, true])
    const clip = await folder([['vision_model.x', some([1])]], { a: 1 })
    expect(await kinds(clip)).toEqual(['clip', 1, true, false])
    expect(await kinds(join(clip, 'model.safetensors'))).toEqual(['clip', 1, true, false])
    await expect(openCheckpoint(join(root, 'none'))).rejects.toThrow(/none: no such file/)
    await writeFile(join(root, 'text'), 'no checkpoint at all, but longer than a header')
    await expect(openCheckpoint(join(root, 'text'))).rejects.toThrow(/text: no checkpoint in a format that weft knows/)
    await writeFile(join(root, 'model.gguf'), '')
    await expect(openCheckpoint(join(root, 'model.gguf'))).rejects.toThrow(FileError)
    await expect(openCheckpoint(join(root, 'model.gguf'))).rejects.toThrow(/model.gguf: is empty/)
  })
})

describe('loadLlama', () => {
  test('reads a folder, and passes over what its models have no use for', async () => {
    const { tensors, metadata } = await parameters('llama-causal-rope-none.safetensors')
    const extra = new Map(tensors).set('model.layers.0.self_attn.rotary_emb.inv_freq', some([8]))
    const { config, params } = await loadLlama(await folder(extra, JSON.parse(metadata['config']!)), onHost)
    expect(config.num_key_value_heads).toBe(2)
    await expectParams(params, tensors)
  })

  test('reads llama2.c', async () => {
    const path = join(root, 'llama.bin')
    await writeFile(path, checkpointBytes(SMALL).bytes)
    const { config, params } = await loadLlama(path, { device: 'wasm' })
    expect([config.hidden_size, config.head_dim]).toEqual([8, 4])
    expect((await params.model.norm.weight.read()).length).toBe(8)
  })

  test('takes an output layer beside tied embeddings where it is the same', async () => {
    const { tensors, metadata } = await parameters('llama-causal-rope-none.safetensors')
    const config = { ...JSON.parse(metadata['config']!), tie_word_embeddings: true }
    await expect(loadLlama(await folder(tensors, config), onHost)).rejects.toThrow(
      /tie.* but they differ\n {2}hint: set/,
    )
    const same = new Map(tensors).set('lm_head.weight', tensors.get('model.embed_tokens.weight')!)
    const { params } = await loadLlama(await folder(same, config), onHost)
    expect(params.lm_head).toBe(undefined)
  })

  test('says what is missing: a configuration, or another model', async () => {
    const { tensors } = await parameters('llama-causal-rope-none.safetensors')
    await expect(loadLlama(await folder(tensors), onHost)).rejects.toThrow(/no config.json beside the weights/)
    const clip = await folder([['vision_model.x', some([1])]])
    await expect(loadLlama(clip, onHost)).rejects.toThrow(/is the checkpoint of clip, not of a LLaMA/)
  })
})

describe('loadVision', () => {
  test('takes the tower out of a whole CLIP', async () => {
    const { tensors, metadata } = await parameters('clip-vision.safetensors')
    const whole = new Map([
      ...tensors,
      ['text_model.embeddings.position_ids', some([1])],
      ['logit_scale', some([])],
      ['visual_projection.weight', some([2, 2])],
      ['vision_model.embeddings.position_ids', some([17])],
    ])
    const config = { text_config: {}, vision_config: JSON.parse(metadata['config']!) }
    await expectParams((await loadVision(await folder(whole, config), onHost)).params, tensors)
  })

  test('takes the encoder out of a whole Qwen-VL', async () => {
    const { tensors, metadata } = await parameters('qwen-vl-visual.safetensors')
    const inner = [...tensors].map(([name, array]) => [`transformer.visual.${name}`, array] as const)
    const whole = [...inner, ['transformer.visual.proj', some([2])], ['transformer.h.0.x', some([1])]] as const
    const path = await folder(whole, { visual: JSON.parse(metadata['config']!) })
    await expectParams((await loadVision(path, onHost)).params, tensors)
    const extracted = await folder(tensors, { visual: JSON.parse(metadata['config']!) })
    await expectParams((await loadVision(extracted, onHost)).params, tensors)
  })
})

describe('loadVisualChat', () => {
  async function release() {
    const { tensors, metadata } = await parameters('visualchat-causal.safetensors')
    const vision = await folder([['vision_model.post_layernorm.bias', some([48])]], {
      vision_config: JSON.parse(metadata['vision']!),
    })
    const language = { ...JSON.parse(metadata['language']!), vocab_size: 90, eos_token_id: 2 }
    return { tensors, vision, language: await folder([['model.norm.weight', some([64])]], language) }
  }

  /** What the release leaves in the folder of an epoch. */
  async function epoch(tensors: ReadonlyMap<string, HostArray>): Promise<string> {
    const path = await folder(tensors)
    await copyFile(fixture('torch/train_args.pt'), join(path, 'train_args.pt'))
    await writeFile(join(path, 'added_tokens.json'), '{"### Image:": 94, "<image>": 95}')
    return path
  }

  test('reads what the release saves, with the models that it began with', async () => {
    const { tensors, ...bases } = await release()
    const lora = 'lang_decoder.model.layers.0.mlp.up_proj.lora_left_weight'
    const checkpoint = await epoch(new Map(tensors).set(lora, some([4, 4])))
    const { config, params } = await loadVisualChat({ checkpoint, ...bases }, onHost)
    expect(config).toMatchObject({ projection: 'baseline', attention: 'mmca-release', imageToken: 95, padToken: 2 })
    expect([config.language.vocab_size, config.language.max_position_embeddings]).toEqual([96, 512])
    await expectParams(params, tensors)
  })

  test('takes from these models what the checkpoint lacks, and reports the rest', async () => {
    const { tensors, ...bases } = await release()
    const lacking = new Map(tensors)
    for (const name of ['vis_encoder.vision_model.post_layernorm.bias', 'lang_decoder.model.norm.weight']) {
      lacking.delete(name)
    }
    const { params } = await loadVisualChat({ checkpoint: await epoch(lacking), ...bases }, onHost)
    expect(await params.lang_decoder.model.norm.weight.read()).toEqual(new Float32Array(64))
    lacking.delete('projection.1.weight')
    const loading = loadVisualChat({ checkpoint: await epoch(lacking), ...bases }, onHost)
    await expect(loading).rejects.toThrow(CheckpointError)
    await expect(loading).rejects.toThrow(/1 tensor does not match\n {2}missing projection.1.weight \[64\]/)
  })

  test('tells the projection by names, and asks for what nothing says', async () => {
    const { tensors, ...bases } = await release()
    const checkpoint = await folder(tensors)
    const given = { attention: 'causal', imageToken: 95, padToken: 2 } as const
    const { config } = await loadVisualChat({ checkpoint, ...bases }, { ...onHost, config: given })
    expect(config).toMatchObject({ ...given, projection: 'baseline' })
    await expect(loadVisualChat({ checkpoint, ...bases }, onHost)).rejects.toThrow(ValueError)
    await expect(loadVisualChat({ checkpoint, ...bases }, onHost)).rejects.toThrow(/nothing says which attention/)
    await expect(loadVisualChat(checkpoint, onHost)).rejects.toThrow(/nothing says the sizes of the language model/)
  })

  test('needs nothing else where its own configuration is there', async () => {
    const { tensors, metadata } = await parameters('visualchat-causal.safetensors')
    const path = await folder(tensors, {
      vision: JSON.parse(metadata['vision']!),
      language: JSON.parse(metadata['language']!),
      projection: 'baseline',
      attention: 'causal',
      imageToken: 95,
      padToken: 2,
    })
    const { config, params } = await loadVisualChat(path, onHost)
    expect(config.attention).toBe('causal')
    await expectParams(params, tensors)
  })
})
