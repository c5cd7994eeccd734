import type { PendingTensor } from '../data/safetensors-stream.ts'
import { formatShape, sameShape } from '../ir/shape.ts'
import { isTensor, type Tensor } from '../ir/tensor.ts'
import { flattenNames } from '../models/names.ts'
import { isWeight } from '../models/replace-weights.ts'
import { isParamSpec, type SpecTree } from '../nn/param.ts'
import { type Weight, weightShape } from '../nn/weight.ts'
import { CheckpointError, UnsupportedError } from '../util/errors.ts'
import { pendingTensor, type SaveDType } from './pending.ts'

/**
 * A model's parameters as tensors to be written, under the names and in the order of its spec. Matrices in pieces are
 * written as one.
 *
 * Throws CheckpointError where the parameters are not those of the spec, UnsupportedError for a weight that is quantised or
 * adapted.
 */
export function pendingParams(spec: SpecTree, params: unknown, dtype?: SaveDType): PendingTensor[] {
  const weights = flattenNames(params, isWeight)
  const wanted = flattenNames(spec, isParamSpec)
  const strange = [...weights.keys()].find((name) => !wanted.has(name))
  if (strange !== undefined) throw misfit(`the model has no ${strange}`)
  return [...wanted].map(([name, { shape }]) => {
    const weight = weights.get(name)
    if (!weight) throw misfit(`${name} is missing`)
    const pieces = tensorsOf(weight, name)
    const own = isTensor(weight) ? weight.shape : weightShape(weight)
    if (!sameShape(own, shape)) throw misfit(`${name} is ${formatShape(own)}, not ${formatShape(shape)}`)
    return pendingTensor(name, shape, pieces, dtype)
  })
}

function tensorsOf(weight: Weight, name: string): Tensor[] {
  if (isTensor(weight)) return [weight]
  if ('parts' in weight) return weight.parts.flatMap((part) => tensorsOf(part, name))
  if ('base' in weight) {
    throw new UnsupportedError(`saving ${name}: the weight is adapted`, {
      hint: 'fuse(params, adapters, ...) makes it one matrix; saveAdapters saves the adapters by themselves',
    })
  }
  throw new UnsupportedError(`saving ${name}: the weight is quantised`, {
    hint: 'put dequantise(weight) in its place; files of quantised weights are not written',
  })
}

const misfit = (what: string): CheckpointError =>
  new CheckpointError(`the parameters do not fit the configuration: ${what}`, {
    hint: 'give the configuration that they were made with',
  })
