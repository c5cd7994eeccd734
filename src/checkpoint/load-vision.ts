import { renamedSource } from '../data/renamed-source.ts'
import type { TensorSource } from '../data/tensor-source.ts'
import { type VisionConfig, type VisionParams, visionConfig, visionSpec } from '../models/vision.ts'
import { CheckpointError } from '../util/errors.ts'
import { type Loaded, type LoadOptions, needed, placement } from './load-llama.ts'
import { loadModel } from './load-model.ts'
import { type Checkpoint, openCheckpoint } from './open-checkpoint.ts'

const QWEN_PREFIX = 'transformer.visual.'

/**
 * What the visual encoder of a checkpoint calls a tensor; undefined for one of another part. A whole CLIP has a text
 * model and projections beside the tower, a whole Qwen-VL a decoder around its encoder, and the encoder an output
 * projection that DeepSpeed-VisualChat leaves out.
 */
export function visionName(kind: Checkpoint['kind'], name: string): string | undefined {
  if (kind !== 'qwen-vl') return name.startsWith('vision_model.') ? name : undefined
  const inner = name.startsWith(QWEN_PREFIX) ? name.slice(QWEN_PREFIX.length) : name
  const isOther = /^(transformer|lm_head)\.(?!resblocks\.)/.test(inner)
  return inner === 'proj' || isOther ? undefined : inner
}

/** The tensors of the visual encoder alone, under its own names. */
export const visionTensors = ({ source, kind }: Checkpoint): TensorSource =>
  renamedSource(source, (name) => visionName(kind, name))

/**
 * A visual encoder: the tower of a CLIP (`openai/clip-vit-large-patch14`, whole or the tower alone), or the encoder of a
 * Qwen-VL (whole, or as DeepSpeed-VisualChat's helper extracts it).
 * @throws as `openCheckpoint`, `visionConfig` and `loadModel` do; CheckpointError for the checkpoint of another model,
 * ValueError where there is no configuration.
 */
export async function loadVision(path: string, options: LoadOptions = {}): Promise<Loaded<VisionConfig, VisionParams>> {
  const checkpoint = await openCheckpoint(path)
  try {
    if (checkpoint.kind !== 'clip' && checkpoint.kind !== 'qwen-vl') {
      throw new CheckpointError(`${path}: holds neither a CLIP nor a Qwen-VL`)
    }
    const config = visionConfig(needed(options.config ?? checkpoint.config, path))
    const params = await loadModel(visionSpec(config), visionTensors(checkpoint), placement(options))
    return { config, params }
  } finally {
    await checkpoint.source.close()
  }
}
