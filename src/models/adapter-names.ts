import { type HostArray, isFloat } from '../ir/dtype.ts'
import { transpose } from '../ir/ops.ts'
import { formatShape, sameShape } from '../ir/shape.ts'
import { fromHost, type Tensor } from '../ir/tensor.ts'
import type { SpecTree } from '../nn/param.ts'
import { CheckpointError } from '../util/errors.ts'
import { didYouMean } from '../util/suggest.ts'
import type { Adapter, Adapters } from './lora.ts'
import { linearLayers } from './lora-spec.ts'

/** How a file calls the two matrices of an adapter, and which way round it stores them. */
interface Naming {
  readonly prefix: string
  readonly down: string
  readonly up: string
  /** Whether down is [I,R] and up [R,O]. */
  readonly transposed: boolean
}

/** Source: the guide "PEFT checkpoint format" (huggingface.co/docs/peft/developer_guides/checkpoint). */
const PEFT: Naming = { prefix: 'base_model.model.', down: '.lora_A.weight', up: '.lora_B.weight', transposed: false }

/** Source: `LinearLayer_LoRA` of DeepSpeed-VisualChat, y = x W^T + (x right left) * scaling. */
const RELEASE: Naming = { prefix: '', down: '.lora_right_weight', up: '.lora_left_weight', transposed: true }

/** Adapters under PEFT's names. */
export function peftNames(adapters: Adapters): Map<string, Tensor> {
  const { prefix, down, up } = PEFT
  return new Map(
    Object.entries(adapters).flatMap(([module, adapter]) => [
      [`${prefix}${module}${down}`, adapter.down],
      [`${prefix}${module}${up}`, adapter.up],
    ]),
  )
}

/**
 * Adapters [R,I] and [O,R] of rank R from tensors under PEFT's names, f32 or f16 as they are stored.
 *
 * Throws CheckpointError naming every tensor that is missing, of another shape, or belongs to no linear layer of `spec`.
 */
export const fromPeftNames = (spec: SpecTree, tensors: ReadonlyMap<string, HostArray>, rank: number): Adapters =>
  fromNames(spec, tensors, rank, PEFT)

/**
 * Adapters from the tensors of a checkpoint of DeepSpeed-VisualChat (`lora_right_weight` [I,R], `lora_left_weight` [R,O]);
 * those of other names are passed over. Their alpha is 1: `withLora(params, adapters, { alpha: 1 })`. `prefix` is left out of the
 * names where the checkpoint has one that the model does not.
 *
 * Throws CheckpointError as `fromPeftNames` does, and where there are none.
 */
export function fromReleaseNames(
  spec: SpecTree,
  tensors: ReadonlyMap<string, HostArray>,
  rank: number,
  prefix = '',
): Adapters {
  const naming = { ...RELEASE, prefix }
  const own = new Map([...tensors].filter(([name]) => name.endsWith(naming.down) || name.endsWith(naming.up)))
  if (own.size === 0)
    throw new CheckpointError('the checkpoint holds no lora_right_weight', { hint: 'it may be fused' })
  return fromNames(spec, own, rank, naming)
}

function fromNames(spec: SpecTree, tensors: ReadonlyMap<string, HostArray>, rank: number, naming: Naming): Adapters {
  const layers = linearLayers(spec)
  const problems: string[] = []
  const adapters = new Map<string, Adapter>()
  const modules = new Set<string>()
  for (const name of tensors.keys()) {
    const module = moduleOf(name, naming)
    if (module === undefined) problems.push(`unexpected ${name}`)
    else modules.add(module)
  }
  for (const module of modules) {
    const layer = layers.get(module)
    if (!layer) {
      const hint = didYouMean(module, layers.keys())
      problems.push(`no linear layer ${module}${hint ? ` (${hint})` : ''}`)
      continue
    }
    const [O, I] = layer.shape
    const name = naming.prefix + module
    const down = read(tensors, name + naming.down, [rank, I], naming, problems)
    const up = read(tensors, name + naming.up, [O, rank], naming, problems)
    if (down && up) adapters.set(module, { down, up })
  }
  if (problems.length === 0) return Object.fromEntries(adapters)
  throw new CheckpointError(`the adapters do not fit the model:\n  ${problems.slice(0, 20).join('\n  ')}`, {
    hint: `compare the base model and the rank (${rank}) with those that they were trained with`,
  })
}

/** A matrix of the given shape, or undefined and one problem more. */
function read(
  tensors: ReadonlyMap<string, HostArray>,
  name: string,
  shape: readonly number[],
  { transposed }: Naming,
  problems: string[],
): Tensor | undefined {
  const stored = transposed ? [...shape].reverse() : shape
  const array = tensors.get(name)
  if (array && sameShape(array.shape, stored) && isFloat(array.dtype)) {
    return transposed ? transpose(fromHost(array)) : fromHost(array)
  }
  if (!array) problems.push(`missing ${name} ${formatShape(stored)}`)
  else if (isFloat(array.dtype)) {
    problems.push(`wrong shape ${name}: ${formatShape(array.shape)}, not ${formatShape(stored)}`)
  } else problems.push(`wrong dtype ${name}: ${array.dtype}, not f32 or f16`)
  return undefined
}

function moduleOf(name: string, { prefix, down, up }: Naming): string | undefined {
  const end = [down, up].find((ending) => name.endsWith(ending))
  return end !== undefined && name.startsWith(prefix) ? name.slice(prefix.length, -end.length) : undefined
}
