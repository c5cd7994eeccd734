import { allocate, type FloatDType, getElement, type HostArray, isFloat, setElement } from '../ir/dtype.ts'
import { formatShape, sameShape } from '../ir/shape.ts'
import { fromHost, isTensor, type Tensor } from '../ir/tensor.ts'
import { isParamSpec, type ParamSpec, type ParamsOf, type SpecTree } from '../nn/param.ts'
import { CheckpointError } from '../util/errors.ts'
import { flatten } from '../util/tree.ts'
import { flattenNames } from './names.ts'

export interface LoadOptions {
  /** Only names that start so are looked at, and are known to the model by what follows: 'lang_decoder.'. */
  readonly prefix?: string
  /** Names to pass over besides the buffers of `isBuffer`. */
  readonly ignore?: (name: string) => boolean
  /** Converts every parameter; without it they keep the file's dtype, which must then be one for all. */
  readonly dtype?: FloatDType
}

/** Values that old Hugging Face checkpoints hold beside the parameters, and that the model computes itself. */
export const isBuffer = (name: string): boolean => /(^|\.)(rotary_emb\.inv_freq|position_ids)$/.test(name)

/**
 * Parameters from a checkpoint's tensors, by name. The host arrays are used as they are, without a copy, unless
 * `dtype` asks for another type.
 *
 * Throws CheckpointError naming every missing, unexpected, wrongly shaped and wrongly typed tensor at once.
 */
export function loadParams<T extends SpecTree>(
  spec: T,
  tensors: ReadonlyMap<string, HostArray>,
  { prefix = '', ignore = () => false, dtype }: LoadOptions = {},
): ParamsOf<T> {
  const wanted = flattenNames(spec, isParamSpec)
  const names = [...tensors.keys()].filter((name) => name.startsWith(prefix))
  const inModel = (name: string): boolean => wanted.has(name.slice(prefix.length))
  const problems = [...wanted].flatMap(([name, leaf]) => problemOf(prefix + name, tensors.get(prefix + name), leaf))
  problems.push(
    ...names.filter((n) => !inModel(n) && !isBuffer(n) && !ignore(n)).map((n) => `unexpected ${describe(n, tensors)}`),
  )
  const dtypes = new Set(names.filter(inModel).map((n) => tensors.get(n)!.dtype))
  if (problems.length === 0 && dtypes.size > 1 && !dtype) {
    problems.push(`mixed dtypes ${[...dtypes].join(' and ')}: ask for one`)
  }
  if (problems.length > 0) throw misfit(problems)
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

function problemOf(name: string, array: HostArray | undefined, { shape }: ParamSpec): string[] {
  if (!array) return [`missing ${name} ${formatShape(shape)}`]
  if (!sameShape(array.shape, shape))
    return [`wrong shape ${name}: ${formatShape(array.shape)}, not ${formatShape(shape)}`]
  return isFloat(array.dtype) ? [] : [`wrong dtype ${name}: ${array.dtype}, not f32 or f16`]
}

const describe = (name: string, tensors: ReadonlyMap<string, HostArray>): string =>
  `${name} ${formatShape(tensors.get(name)!.shape)}`

function misfit(problems: readonly string[]): CheckpointError {
  const count = problems.length === 1 ? '1 tensor does' : `${problems.length} tensors do`
  return new CheckpointError(`the checkpoint does not fit the model: ${count} not match\n  ${problems.join('\n  ')}`, {
    hint: 'compare the configuration (layers, widths, vocabulary) and the prefix of the names with the checkpoint',
  })
}

function convert(array: HostArray, dtype: FloatDType): HostArray {
  if (array.dtype === dtype) return array
  const out: HostArray = { dtype, shape: array.shape, data: allocate(dtype, array.data.length) }
  for (let i = 0; i < array.data.length; i++) setElement(out, i, getElement(array, i))
  return out
}
