import { llamaConfig } from './config.ts'
import { fields } from './config-fields.ts'
import { attentionKind } from './decoder-attention.ts'
import { clipVisionConfigJson, llamaConfigJson } from './huggingface-config.ts'
import { projectionKind } from './projection.ts'
import { visionConfig } from './vision.ts'
import type { VisualChatConfig } from './visualchat.ts'

/**
 * config.json of a VisualChat:
 *
 * - `model_type`: "visualchat"
 * - `vision`: the encoder's own configuration: CLIP's as Hugging Face writes it, or Qwen-VL's; `kind` says which
 * - `language`: the decoder's, as Hugging Face writes it
 * - `projection`, `attention`: their names here
 * - `imageToken`, `padToken`: ids
 * - `torch_dtype`: how the weights are stored
 */
export function visualChatConfigJson(config: VisualChatConfig, dtype: string): Readonly<Record<string, unknown>> {
  const { vision, language } = config
  return {
    model_type: 'visualchat',
    ...config,
    vision: vision.kind === 'clip' ? { kind: 'clip', ...clipVisionConfigJson(vision, dtype) } : vision,
    language: llamaConfigJson(language, dtype),
    torch_dtype: dtype,
  }
}

/**
 * A VisualChat's configuration from a parsed config.json. Without a `model_type` the other fields must be there.
 *
 * Throws ValueError for a field that is missing or makes no sense, UnsupportedError for a variant that weft lacks.
 */
export function visualChatConfig(json: unknown): VisualChatConfig {
  const read = fields('VisualChat config', json)
  const type = read.value('model_type')
  if (type !== undefined && type !== 'visualchat') read.fail(`model_type is ${JSON.stringify(type)}, not "visualchat"`)
  const name = (field: string): string => {
    const value = read.value(field)
    return typeof value === 'string'
      ? value
      : read.fail(`${field} is ${JSON.stringify(value) ?? 'missing'}, not a name`)
  }
  const id = (field: string): number => {
    const value = read.value(field)
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
    return read.fail(`${field} is ${JSON.stringify(value) ?? 'missing'}, not the id of a token`)
  }
  return {
    vision: visionConfig(read.value('vision')),
    language: llamaConfig(read.value('language')),
    projection: projectionKind(name('projection')),
    attention: attentionKind(name('attention')),
    imageToken: id('imageToken'),
    padToken: id('padToken'),
  }
}
