import { allocate, type FloatDType, getElement, type HostArray, isFloat, setElement } from '../ir/dtype.ts'
import { fromHost, isTensor, type Tensor } from '../ir/tensor.ts'
import { isParamSpec, type ParamSpec, type ParamsOf, type SpecTree } from '../nn/param.ts'
import { CheckpointError } from '../util/errors.ts'
import { flatten } from '../util/tree.ts'
import { assertFit, type FitOptions } from './fit.ts'
import { flattenNames } from './names.ts'

export interface LoadOptions extends FitOptions {
  /** Converts every parameter; without it they keep the file's dtype, which must then be one for all. */
  readonly dtype?: FloatDType
}

/**
 * Parameters from a checkpoint's tensors, by name. The host arrays are used as they are, without a copy, unless
 * `dtype` asks for another type.
 *
 * Throws CheckpointError naming every missing, unexpected, wrongly shaped and wrongly typed tensor at once.
 */
export function loadParams<T extends SpecTree>(
  spec: T,
  tensors: ReadonlyMap<string, HostArray>,
  { prefix = '', ignore, dtype }: LoadOptions = {},
): ParamsOf<T> {
  const wanted = flattenNames(spec, isParamSpec)
  const used = [...wanted.keys()].flatMap((name) => {
    const array = tensors.get(prefix + name)
    return array ? [{ name: prefix + name, dtype: array.dtype }] : []
  })
  const notFloat = used.filter(({ dtype: found }) => !isFloat(found))
  const wrongDtypes = notFloat.map(({ name, dtype: found }) => ({
    what: 'wrong dtype',
    name,
    detail: `: ${found}, not f32 or f16`,
  }))
  assertFit(wanted, tensors, { prefix, ignore }, wrongDtypes)
  const dtypes = new Set(used.map(({ dtype: found }) => found))
  if (dtypes.size > 1 && !dtype) {
    throw new CheckpointError(`the checkpoint mixes dtypes ${[...dtypes].join(' and ')}`, {
      hint: 'ask for one: dtype',
    })
  }
  return buildParams(spec, (name) => {
    const array = tensors.get(prefix + name)!
    return fromHost(dtype ? convert(array, dtype) : array)
  })
}

/**
 * A parameter tree with `make(name, spec)` at each leaf, in the spec's order.
 */
export function buildParams<T extends SpecTree>(
  spec: T,
  make: (name: string, leaf: ParamSpec, index: number) => Tensor,
): ParamsOf<T> {
  const leaves = [...flattenNames(spec, isParamSpec)].map(([name, leaf], i) => make(name, leaf, i))
  // ParamsOf maps the spec's structure leaf by leaf, which is what `rebuild` does.
  return flatten(spec, isParamSpec).rebuild(leaves) as ParamsOf<T>
}

/**
 * A parameter tree's tensors by name, read to the host: what `writeSafetensors` takes.
 */
export async function namedArrays(params: unknown, prefix = ''): Promise<Map<string, HostArray>> {
  const out = new Map<string, HostArray>()
  for (const [name, tensor] of flattenNames(params, isTensor)) {
    out.set(prefix + name, await tensor.readHost())
  }
  return out
}

function convert(array: HostArray, dtype: FloatDType): HostArray {
  if (array.dtype === dtype) return array
  const out: HostArray = { dtype, shape: array.shape, data: allocate(dtype, array.data.length) }
  for (let i = 0; i < array.data.length; i++) setElement(out, i, getElement(array, i))
  return out
}
