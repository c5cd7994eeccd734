import type { Tensor } from '../ir/tensor.ts'
import { type RopeScaling, type RopeTable, ropeTable } from '../nn/rope.ts'
import type { LlamaConfig } from './config.ts'

/** The decoder's rotation of i32 positions [T] or [B,T], with `length` positions in use, of all texts or, [B], of each; see `ropeTable`. */
export const decoderRope = (config: LlamaConfig, positions: Tensor, length: number | Tensor): RopeTable =>
  ropeTable(positions, config.head_dim, { theta: config.rope_theta, scaling: scalingOf(config), length })

function scalingOf({ rope_scaling: given, max_position_embeddings: maxPositions }: LlamaConfig): RopeScaling | null {
  if (given?.type !== 'llama3') return given && { ...given, maxPositions }
  return {
    type: 'llama3',
    factor: given.factor,
    low: given.low_freq_factor,
    high: given.high_freq_factor,
    trainedPositions: given.original_max_position_embeddings,
  }
}
