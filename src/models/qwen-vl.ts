import { add, gelu, reshape, split, transpose } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { attention } from '../nn/attention.ts'
import { mergeHeads } from '../nn/heads.ts'
import { biasedLinearSpec, linear, linearSpec } from '../nn/linear.ts'
import { layerNorm, layerNormSpec } from '../nn/norms.ts'
import { normal, param, type WeightsOf } from '../nn/param.ts'
import { full } from '../nn/variants.ts'
import { resizePositions } from './grid-positions.ts'
import { patchEmbedding } from './patches.ts'
import type { QwenVisualConfig } from './qwen-config.ts'
import { resample, resamplerSpec } from './resampler.ts'

/** Side of the grid of learned positions, whatever the images' size: that of CLIP's 224 pixels in patches of 14. */
const GRID = 16
const EPS = 1e-6
const CHANNELS = 3
const INIT = normal(0.02)

/** The parameters of Qwen-VL's visual encoder under its names. */
export function qwenVisualSpec(config: QwenVisualConfig) {
  const { width: W, patch_size: P, output_dim: E, n_queries } = config
  return {
    positional_embedding: param([GRID * GRID, W], normal(W ** -0.5)),
    conv1: { weight: param([W, CHANNELS, P, P], INIT) },
    ln_pre: layerNormSpec(W),
    transformer: { resblocks: Array.from({ length: config.layers }, () => blockSpec(config)) },
    attn_pool: {
      ...resamplerSpec(Math.sqrt(n_queries), E),
      // The release has no map between equal widths.
      ...(W === E ? {} : { kv_proj: linearSpec(W, E, INIT) }),
    },
    ln_post: layerNormSpec(E),
  }
}

function blockSpec({ width: W, mlp_size: F }: QwenVisualConfig) {
  return {
    ln_1: layerNormSpec(W),
    ln_2: layerNormSpec(W),
    attn: { in_proj: biasedLinearSpec(W, 3 * W, INIT), out_proj: biasedLinearSpec(W, W, INIT) },
    mlp: { c_fc: biasedLinearSpec(W, F, INIT), c_proj: biasedLinearSpec(F, W, INIT) },
  }
}

export type QwenVisualParams = WeightsOf<ReturnType<typeof qwenVisualSpec>>
type BlockParams = WeightsOf<ReturnType<typeof blockSpec>>

/**
 * Features [N,Q,E] of pixels [N,3,S,S] (normalised as CLIP's preprocessor does), Q queries per image.
 *
 * Throws ShapeError for images of another size.
 * Source: Qwen-VL (arXiv:2308.12966), section 2.1, as its released VisionTransformer computes it.
 */
export function qwenVisual(params: QwenVisualParams, config: QwenVisualConfig, pixels: Tensor): Tensor {
  const { image_size: S, patch_size: P, heads } = config
  const patches = patchEmbedding(pixels, params.conv1.weight, S)
  const placed = add(patches, resizePositions(params.positional_embedding, S / P))
  const start = layerNorm(placed, params.ln_pre, EPS)
  const encoded = params.transformer.resblocks.reduce((x, block) => encoderBlock(block, heads, x), start)
  return layerNorm(resample(params.attn_pool, encoded, EPS), params.ln_post, EPS)
}

/** One pre-norm block: full attention, then an MLP, each added to its input [N,T,W]. */
function encoderBlock(p: BlockParams, H: number, x: Tensor): Tensor {
  const [q, k, v] = fusedHeads(linear(layerNorm(x, p.ln_1, EPS), p.attn.in_proj), H)
  const y = add(x, linear(mergeHeads(attention(q, k, v, full)), p.attn.out_proj))
  const z = layerNorm(y, p.ln_2, EPS)
  return add(y, linear(gelu(linear(z, p.mlp.c_fc)), p.mlp.c_proj))
}

/** [N,T,H*3*E], the query, key and value of one head side by side, as three of [N,H,T,E]. */
function fusedHeads(x: Tensor, H: number): readonly [q: Tensor, k: Tensor, v: Tensor] {
  const [N, T, D] = x.shape as readonly [number, number, number]
  const heads = transpose(reshape(x, [N, T, H, D / H]), [0, 2, 1, 3])
  const [q, k, v] = split(heads, 3, -1)
  return [q!, k!, v!]
}
