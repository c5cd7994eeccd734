import { describe, expect, test } from 'vitest'
import { clipVisionConfig, llamaConfig, mostPositions, qwenVisualConfig } from '../../src/models/config.ts'
import { llamaSpec } from '../../src/models/llama.ts'
import { flattenNames } from '../../src/models/names.ts'
import { visionConfig } from '../../src/models/vision.ts'
import { isParamSpec } from '../../src/nn/param.ts'
import { UnsupportedError, ValueError } from '../../src/util/errors.ts'

/** As published, but for fields that say nothing about the architecture. */
const LLAMA_2_7B = {
  architectures: ['LlamaForCausalLM'],
  bos_token_id: 1,
  hidden_act: 'silu',
  hidden_size: 4096,
  initializer_range: 0.02,
  intermediate_size: 11008,
  max_position_embeddings: 4096,
  model_type: 'llama',
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  tie_word_embeddings: false,
  torch_dtype: 'float16',
  use_cache: true,
  vocab_size: 32000,
}

const ROPE_3 = {
  factor: 32.0,
  high_freq_factor: 4.0,
  low_freq_factor: 1.0,
  original_max_position_embeddings: 8192,
  rope_type: 'llama3',
}

const LLAMA_3_2_1B = {
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  attention_dropout: 0.0,
  eos_token_id: [128001, 128008, 128009],
  head_dim: 64,
  hidden_act: 'silu',
  hidden_size: 2048,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  model_type: 'llama',
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: ROPE_3,
  rope_theta: 500000.0,
  tie_word_embeddings: true,
  vocab_size: 128256,
}

/** openai/clip-vit-large-patch14: both towers in one file. */
const CLIP_L = {
  architectures: ['CLIPModel'],
  model_type: 'clip',
  projection_dim: 768,
  text_config: { hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12, num_hidden_layers: 12 },
  vision_config: {
    attention_dropout: 0.0,
    hidden_act: 'quick_gelu',
    hidden_size: 1024,
    image_size: 224,
    intermediate_size: 4096,
    layer_norm_eps: 1e-5,
    model_type: 'clip_vision_model',
    num_attention_heads: 16,
    num_hidden_layers: 24,
    patch_size: 14,
    projection_dim: 768,
  },
}

const QWEN_VL = {
  architectures: ['QWenLMHeadModel'],
  hidden_size: 4096,
  num_attention_heads: 32,
  visual: {
    heads: 16,
    image_size: 448,
    image_start_id: 151857,
    layers: 48,
    mlp_ratio: 4.9231,
    output_dim: 4096,
    patch_size: 14,
    width: 1664,
  },
}

describe('config.json as models publish it', () => {
  test('LLaMA 2', () => {
    expect(llamaConfig(LLAMA_2_7B)).toMatchObject({
      hidden_size: 4096,
      head_dim: 128,
      num_key_value_heads: 32,
      rope_theta: 10000,
      rope_scaling: null,
    })
  })

  test('LLaMA 3.2, also with its rope as Transformers 5 writes it', () => {
    const config = llamaConfig(LLAMA_3_2_1B)
    const { rope_type: type, ...rest } = ROPE_3
    expect(config).toMatchObject({ head_dim: 64, rope_theta: 500000, rope_scaling: { type, ...rest } })
    expect(llamaSpec(config)).not.toHaveProperty('lm_head')
    const { rope_scaling, rope_theta, ...others } = LLAMA_3_2_1B
    expect(llamaConfig({ ...others, rope_parameters: { ...rope_scaling, rope_theta } })).toEqual(config)
    expect(llamaConfig({ ...others, rope_parameters: { rope_type: 'default', rope_theta } })).toMatchObject({
      rope_theta: 500000,
      rope_scaling: null,
    })
  })

  test('CLIP, the whole model or its vision tower', () => {
    const config = clipVisionConfig(CLIP_L)
    expect(config).toMatchObject({ hidden_size: 1024, num_hidden_layers: 24, patch_size: 14, num_channels: 3 })
    expect(clipVisionConfig(CLIP_L.vision_config)).toEqual(config)
    expect(visionConfig(CLIP_L)).toEqual(config)
  })

  test('fields that are the default of the class may be missing where the file names the class', () => {
    const tower = { model_type: 'clip_vision_model', hidden_act: 'gelu' }
    expect(clipVisionConfig({ vision_config: { hidden_act: 'gelu' } })).toMatchObject({
      hidden_size: 768,
      patch_size: 32,
    })
    expect(clipVisionConfig(tower)).toMatchObject({ num_hidden_layers: 12, image_size: 224 })
    expect(() => clipVisionConfig({ hidden_act: 'gelu' })).toThrow(/hidden_size is missing/)
  })

  test("Qwen-VL's visual encoder", () => {
    const config = qwenVisualConfig(QWEN_VL)
    expect(config).toMatchObject({ width: 1664, mlp_size: 8192, n_queries: 256, output_dim: 4096 })
    expect(qwenVisualConfig({ ...QWEN_VL.visual, mlp_size: 8192 })).toEqual(config)
    expect(visionConfig(QWEN_VL)).toEqual(config)
  })

  test('what has been read can be written and read again', () => {
    for (const json of [CLIP_L, QWEN_VL]) {
      const config = visionConfig(json)
      expect(visionConfig(JSON.parse(JSON.stringify(config)))).toEqual(config)
    }
    const config = llamaConfig(LLAMA_3_2_1B)
    expect(llamaConfig(JSON.parse(JSON.stringify(config)))).toEqual(config)
  })
})

describe('what makes no sense is refused', () => {
  const visual = QWEN_VL.visual
  test.each([
    ['layers without end', () => qwenVisualConfig({ ...visual, layers: 4e9 }), /layers is 4000000000, not a positive/],
    ['patches that do not divide', () => qwenVisualConfig({ ...visual, image_size: 450 }), /multiple of patch_size/],
    ['heads that do not divide', () => qwenVisualConfig({ ...visual, heads: 15 }), /multiple of heads/],
    ['queries without a grid', () => qwenVisualConfig({ ...visual, n_queries: 20 }), /n_queries 20 is not a square/],
    ['a resampler without a head', () => qwenVisualConfig({ ...visual, output_dim: 64 }), /output_dim 64 is less than/],
    [
      'heads of no equal width',
      () => qwenVisualConfig({ ...visual, output_dim: 400 }),
      /not a multiple of its 3 heads/,
    ],
    ['no position for each axis', () => qwenVisualConfig({ ...visual, output_dim: 130 }), /not a multiple of 4/],
    ['no size for the MLP', () => qwenVisualConfig({ ...visual, mlp_ratio: undefined }), /mlp_ratio is missing/],
    ['another encoder', () => visionConfig({ ...visual, kind: 'siglip' }), /kind is "siglip"/],
    ['no configuration', () => visionConfig(null), /not an object/],
    ['odd heads', () => llamaConfig({ ...LLAMA_2_7B, head_dim: 63 }), /heads of odd size 63/],
    [
      'bounds of llama3 that cross',
      () => llamaConfig({ ...LLAMA_2_7B, rope_scaling: { ...ROPE_3, low_freq_factor: 5 } }),
      /low_freq_factor 5 is not below high_freq_factor 4/,
    ],
    [
      'llama3 without the length it was trained at',
      () => llamaConfig({ ...LLAMA_2_7B, rope_scaling: { ...ROPE_3, original_max_position_embeddings: undefined } }),
      /original_max_position_embeddings is missing/,
    ],
  ])('%s', (_, read, message) => {
    expect(read).toThrow(ValueError)
    expect(read).toThrow(message)
  })

  test('a scaling that weft lacks', () => {
    const yarn = { ...LLAMA_2_7B, rope_scaling: { rope_type: 'yarn', factor: 4 } }
    expect(() => llamaConfig(yarn)).toThrow(UnsupportedError)
    expect(() => llamaConfig({ ...LLAMA_2_7B, rope_scaling: { factor: 4 } })).toThrow(UnsupportedError)
  })
})

test('heads may be wider than hidden_size / heads', () => {
  const config = llamaConfig({
    ...LLAMA_2_7B,
    hidden_size: 6,
    num_attention_heads: 5,
    num_key_value_heads: 1,
    head_dim: 4,
  })
  const shapes = flattenNames(llamaSpec(config), isParamSpec)
  const shapeOf = (name: string) => shapes.get(`model.layers.0.self_attn.${name}.weight`)!.shape
  expect(['q_proj', 'k_proj', 'v_proj', 'o_proj'].map(shapeOf)).toEqual([
    [20, 6],
    [4, 6],
    [4, 6],
    [6, 20],
  ])
})

test('RoPE that is stretched reaches further than the trained positions', () => {
  const reach = (rope_scaling: unknown): number => mostPositions(llamaConfig({ ...LLAMA_2_7B, rope_scaling }))
  expect([null, { type: 'linear', factor: 4 }, { type: 'dynamic', factor: 2 }, ROPE_3].map(reach)).toEqual([
    4096, 16384, 8192, 4096,
  ])
})
