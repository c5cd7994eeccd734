import { foldIn, full, mul, normal, tensor, uniform } from '../ir/ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import type { ParamSpec, ParamsOf, SpecTree } from '../nn/param.ts'
import { buildParams } from './params.ts'

/**
 * Parameters as their specs say they start, f32, from a random key u32[2]. Each draws from a key of its own, derived
 * from its place in the tree: equal keys and specs give equal parameters on every device.
 */
export const initParams = <T extends SpecTree>(spec: T, key: Tensor): ParamsOf<T> =>
  buildParams(spec, (_, leaf, i) => initParam(leaf, foldIn(key, i)))

function initParam({ shape, init }: ParamSpec, key: Tensor): Tensor {
  switch (init.kind) {
    case 'constant':
      return full(shape, init.value)
    case 'normal':
      return mul(normal(key, shape), init.std)
    case 'uniform':
      return uniform(key, shape, { low: -init.bound, high: init.bound })
    case 'fixed':
      return tensor(init.values(), { shape })
  }
}
