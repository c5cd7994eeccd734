import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { loadAdapters, saveAdapters } from '../../src/checkpoint/adapters.ts'
import { readSafetensors, writeSafetensors } from '../../src/data/safetensors.ts'
import type { HostArray } from '../../src/ir/dtype.ts'
import { key, normal, transpose } from '../../src/ir/ops.ts'
import { fromHost, hostArrayOf, type Tensor } from '../../src/ir/tensor.ts'
import { fromReleaseNames } from '../../src/models/adapter-names.ts'
import { initParams } from '../../src/models/init.ts'
import { llamaSpec } from '../../src/models/llama.ts'
import type { Adapters } from '../../src/models/lora.ts'
import { type LoraConfig, loraSpec } from '../../src/models/lora-spec.ts'
import { CheckpointError, FileError, UnsupportedError, ValueError } from '../../src/util/errors.ts'
import { tinyLlama } from '../models/tiny-models.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-adapters-'))
afterAll(() => rmSync(folder, { recursive: true }))

const spec = llamaSpec(tinyLlama())
const config: LoraConfig = { rank: 3, alpha: 6, targets: ['q_proj', 'v_proj'] }
const adaptersOf = (more: Partial<LoraConfig> = {}): Adapters =>
  Object.fromEntries(
    Object.entries(initParams(loraSpec(spec, { ...config, ...more }), key(1))).map(([name, { down, up }], i) => [
      name,
      { down, up: normal(key(i), up.shape) },
    ]),
  )
const adapters = adaptersOf()
const numbers = (t: Tensor): number[] => Array.from(hostArrayOf(t, 'test').data)
const values = (of: Adapters): unknown =>
  Object.fromEntries(Object.entries(of).map(([name, { down, up }]) => [name, [numbers(down), numbers(up)]]))

let here = ''
let count = 0
beforeEach(() => {
  here = join(folder, `case-${count++}`)
})

const json = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(here, name), 'utf8'))

describe('adapters in PEFT layout', () => {
  test('come back as they were, with their configuration', async () => {
    await saveAdapters(here, adapters, config, { baseModel: 'some/llama', taskType: 'CAUSAL_LM' })
    const loaded = await loadAdapters(here, spec)
    expect(values(loaded.adapters)).toEqual(values(adapters))
    expect(loaded.config).toEqual({ ...config, rankStabilised: false, baseModel: 'some/llama' })
  })

  test('have the names and shapes that PEFT documents', async () => {
    await saveAdapters(here, adapters, { ...config, rankStabilised: true })
    expect(readdirSync(here).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
    const { tensors, metadata } = await readSafetensors(join(here, 'adapter_model.safetensors'))
    expect(metadata).toEqual({ format: 'pt' })
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toMatchObject({
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [3, 16],
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight': [16, 3],
      'base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight': [3, 16],
      'base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight': [8, 3],
    })
    expect(json('adapter_config.json')).toMatchObject({
      peft_type: 'LORA',
      r: 3,
      lora_alpha: 6,
      target_modules: ['q_proj', 'v_proj'],
      bias: 'none',
      fan_in_fan_out: false,
      use_rslora: true,
    })
  })

  test('of a scope list their layers one by one', async () => {
    const scoped = { rank: 3, alpha: 6, scope: 'layers.1.mlp' }
    await saveAdapters(here, initParams(loraSpec(spec, scoped), key(1)), scoped)
    expect(json('adapter_config.json')['target_modules']).toEqual(
      ['gate_proj', 'up_proj', 'down_proj'].map((name) => `model.layers.1.mlp.${name}`),
    )
    expect((await loadAdapters(here, spec)).config.targets).toHaveLength(3)
  })

  test('may be stored as bf16 or f16', async () => {
    await saveAdapters(here, adapters, config, { dtype: 'bf16' })
    const { down } = (await loadAdapters(here, spec)).adapters['model.layers.0.self_attn.q_proj']!
    const exact = numbers(adapters['model.layers.0.self_attn.q_proj']!.down)
    numbers(down).forEach((x, i) => {
      expect(Math.abs(x - exact[i]!)).toBeLessThanOrEqual(Math.abs(exact[i]!) * 2 ** -8)
    })
    await saveAdapters(here, adapters, config, { dtype: 'f16' })
    expect((await loadAdapters(here, spec)).adapters['model.layers.0.self_attn.q_proj']!.up.dtype).toBe('f16')
  })

  test('of a minimal configuration have rank and alpha 8', async () => {
    await saveAdapters(here, adaptersOf({ rank: 8 }), { ...config, rank: 8 })
    writeFileSync(join(here, 'adapter_config.json'), '{"target_modules": "all-linear", "peft_type": "LORA"}')
    const { config: read } = await loadAdapters(here, spec)
    expect(read).toMatchObject({ rank: 8, alpha: 8, rankStabilised: false, targets: undefined })
  })

  test.each([
    ['use_dora', true],
    ['bias', 'all'],
    ['lora_bias', true],
    ['modules_to_save', ['lm_head']],
    ['rank_pattern', { q_proj: 2 }],
    ['alpha_pattern', { q_proj: 2 }],
    ['fan_in_fan_out', true],
    ['layer_replication', [[0, 2]]],
    ['init_lora_weights', 'pissa_niter_4'],
    ['an_option_of_tomorrow', 1],
    ['peft_type', 'IA3'],
  ])('with %s are refused by that name', async (field, value) => {
    await saveAdapters(here, adapters, config)
    writeFileSync(join(here, 'adapter_config.json'), JSON.stringify({ ...json('adapter_config.json'), [field]: value }))
    await expect(loadAdapters(here, spec)).rejects.toThrow(UnsupportedError)
    await expect(loadAdapters(here, spec)).rejects.toThrow(new RegExp(`adapter_config.json: ${field}`))
  })

  test('that do not fit are named', async () => {
    await saveAdapters(here, adapters, config)
    await expect(loadAdapters(here, llamaSpec(tinyLlama({ hidden_size: 32, head_dim: 16 })))).rejects.toThrow(
      /wrong shape base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight: \[3,16\], not \[3,32\]/,
    )
    await expect(loadAdapters(here, llamaSpec(tinyLlama({ num_hidden_layers: 1 })))).rejects.toThrow(
      /no linear layer model.layers.1.self_attn.q_proj/,
    )
    await expect(loadAdapters(here, llamaSpec(tinyLlama({ num_hidden_layers: 3 })))).rejects.toThrow(
      /no adapter for model.layers.2.self_attn.q_proj, model.layers.2.self_attn.v_proj/,
    )
    writeFileSync(join(here, 'adapter_config.json'), JSON.stringify({ ...json('adapter_config.json'), r: 4 }))
    await expect(loadAdapters(here, spec)).rejects.toThrow(/\[3,16\], not \[4,16\]/)
  })

  test('that lack a half, or have more than adapters, are named', async () => {
    await saveAdapters(here, adapters, config)
    const file = join(here, 'adapter_model.safetensors')
    const { tensors } = await readSafetensors(file)
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight'
    const array = tensors.get(name)!
    tensors.delete(name)
    tensors.set('base_model.model.lm_head.weight', array)
    await writeSafetensors(file, tensors)
    const refused = expect(loadAdapters(here, spec)).rejects
    await refused.toThrow(CheckpointError)
    await expect(loadAdapters(here, spec)).rejects.toThrow(
      /unexpected base_model.model.lm_head.weight\n {2}missing \S+0.self_attn.q_proj.lora_B.weight \[16,3\]/,
    )
  })

  test('no folder, and no rank in common, are errors', async () => {
    await expect(loadAdapters(here, spec)).rejects.toThrow(FileError)
    await expect(saveAdapters(here, adapters, { ...config, rank: 4 })).rejects.toThrow(ValueError)
    await expect(saveAdapters(here, {}, config)).rejects.toThrow(/no adapters/)
  })

  test('replace no folder that holds other things', async () => {
    mkdirSync(here)
    writeFileSync(join(here, 'thesis.txt'), 'three years of work')
    await expect(saveAdapters(here, adapters, config)).rejects.toThrow(/holds other things: thesis.txt/)
    expect(readdirSync(here)).toEqual(['thesis.txt'])
  })
})

describe('adapters of a DeepSpeed-VisualChat checkpoint', () => {
  const host = (t: Tensor): HostArray => hostArrayOf(t, 'test')
  const release = (prefix: string): Map<string, HostArray> =>
    new Map(
      Object.entries(adapters).flatMap(([module, { down, up }]) => [
        [`${prefix}${module}.weight`, host(normal(key(1), [2, 2]))],
        [`${prefix}${module}.lora_right_weight`, host(transpose(fromHost(host(down))))],
        [`${prefix}${module}.lora_left_weight`, host(transpose(fromHost(host(up))))],
      ]),
    )

  test('are turned round', () => {
    expect(release('').get('model.layers.0.self_attn.q_proj.lora_right_weight')!.shape).toEqual([16, 3])
    expect(values(fromReleaseNames(spec, release(''), 3))).toEqual(values(adapters))
    expect(values(fromReleaseNames(spec, release('lang_decoder.'), 3, 'lang_decoder.'))).toEqual(values(adapters))
  })

  test('that are not there, or of another rank, are errors', () => {
    expect(() => fromReleaseNames(spec, new Map(), 3)).toThrow(/no lora_right_weight/)
    expect(() => fromReleaseNames(spec, release(''), 2)).toThrow(/lora_right_weight: \[16,3\], not \[16,2\]/)
  })
})
