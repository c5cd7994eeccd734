import { add, cast, full, matmul, mul, slice } from '../ir/ops.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { type Weight, weightShape } from '../nn/weight.ts'
import { UnsupportedError } from '../util/errors.ts'
import { type Adapter, type Adapters, type LoraScaling, loraScale } from './lora.ts'
import { replaceWeights } from './replace-weights.ts'

/**
 * Parameters without adapters that compute what `withLora(params, adapters, scaling)` does: W + scale * up down for every
 * adapted layer, computed in f32 and rounded once to W's dtype. `params` stays as it was, so that to unfuse is to go back
 * to it, and nothing drifts. On a device, or for a model of any size, compile it:
 * `compile((p, a) => fuse(p, a, scaling), [params, adapters])`.
 *
 * Throws UnsupportedError for a layer with a quantised weight, otherwise as `withLora` does.
 */
export const fuse = <P>(params: P, adapters: Adapters, scaling: LoraScaling): P =>
  replaceWeights(params, adapters, (base, adapter, name) => {
    const { down, up } = adapter
    const scale = full([], loraScale(scaling, down.shape[0] ?? 1))
    weightShape({ base, down, up, scale })
    return fused(base, adapter, scale, name)
  })

function fused(weight: Weight, { down, up }: Adapter, scale: Tensor, name: string): Weight {
  if (isTensor(weight)) {
    const change = mul(matmul(cast(up, 'f32'), cast(down, 'f32')), cast(scale, 'f32'))
    return cast(add(cast(weight, 'f32'), change), weight.dtype)
  }
  if ('base' in weight) {
    return fused(fused(weight.base, weight, weight.scale, name), { down, up }, scale, name)
  }
  if ('parts' in weight) {
    let begin = 0
    const parts = weight.parts.map((part) => {
      const [O] = weightShape(part)
      const rows = slice(up, [begin, 0], [begin + O, up.shape[1]!])
      begin += O
      return fused(part, { down, up: rows }, scale, name)
    })
    return { parts }
  }
  throw new UnsupportedError(`fuse: the weight of ${name} is quantised, and the sum would not be`, {
    hint: 'keep the adapters beside it (withLora), or put dequantise(weight) in its place first',
  })
}
