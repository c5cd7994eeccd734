import {
  isMatrixSpec,
  isParamSpec,
  type MatrixSpec,
  type ParamSpec,
  param,
  type SpecTree,
  uniform,
  zeros,
} from '../nn/param.ts'
import { ValueError } from '../util/errors.ts'
import { nearest } from '../util/suggest.ts'
import type { LoraScaling } from './lora.ts'
import { flattenNames } from './names.ts'

/** Which linear layers are adapted; a layer must satisfy both where both are given. */
export interface LoraTargets {
  /** Layers whose name contains this, or one of these: `model.layers.`, `encoder.layers.`, as the release names them. */
  readonly scope?: string | readonly string[] | undefined
  /** Layers whose name is, or ends in a dot and, one of these: `q_proj`, as PEFT's `target_modules`. */
  readonly targets?: readonly string[] | undefined
}

export interface LoraConfig extends LoraScaling, LoraTargets {
  /** Inner values R of each adapter. */
  readonly rank: number
}

/** The adapters of a model before they exist: `initParams` makes them. */
export type AdapterSpecs = { readonly [module: string]: { readonly down: ParamSpec; readonly up: ParamSpec } }

/**
 * Adapters for those linear layers of a model that `scope` and `targets` name. They start as PEFT's do: down [R,I]
 * uniform in +-1/sqrt(I) (Kaiming with a = sqrt 5), up [O,R] zero, so that the model computes at first what it did.
 *
 * Throws ValueError for a rank that is no positive integer, and for a scope or a target that no layer has: the release
 * goes on without a word there. Tables of embeddings are no linear layers.
 * Source: LoRA (arXiv:2106.09685); `convert_linear_layer_to_lora` of DeepSpeed-VisualChat for scopes. The release stores
 * down transposed, so that PyTorch takes R for its inputs, and it starts uniform in +-1/sqrt(R).
 */
export function loraSpec(spec: SpecTree, { rank, scope, targets }: LoraConfig): AdapterSpecs {
  if (!Number.isInteger(rank) || rank < 1) throw new ValueError(`LoRA: a rank of ${rank}`, { hint: '4 to 64, say' })
  return Object.fromEntries(
    [...targetLayers(spec, { scope, targets })].map(([name, { shape }]) => {
      const [O, I] = shape
      return [name, { down: param([rank, I], uniform(1 / Math.sqrt(I))), up: param([O, rank], zeros) }] as const
    }),
  )
}

/** The linear layers of a model by name. */
export function linearLayers(spec: SpecTree): Map<string, MatrixSpec> {
  const layers = new Map<string, MatrixSpec>()
  for (const [name, leaf] of flattenNames(spec, isParamSpec)) {
    if (name.endsWith('.weight') && isMatrixSpec(leaf) && !leaf.table)
      layers.set(name.slice(0, -'.weight'.length), leaf)
  }
  return layers
}

/** Those that are meant. Throws ValueError for a scope or a target that no layer has, and where none has both. */
export function targetLayers(spec: SpecTree, { scope, targets }: LoraTargets): Map<string, MatrixSpec> {
  const layers = linearLayers(spec)
  const scopes = scope === undefined ? undefined : typeof scope === 'string' ? [scope] : scope
  if (!scopes && !targets) throw new ValueError('LoRA: no layers are named', { hint: 'give scope, targets or both' })
  requireEach('scope', scopes, layers, inScope)
  requireEach('target', targets, layers, isTarget)
  const chosen = new Map(
    [...layers].filter(
      ([name]) =>
        (scopes?.some((part) => inScope(name, part)) ?? true) &&
        (targets?.some((suffix) => isTarget(name, suffix)) ?? true),
    ),
  )
  if (chosen.size === 0) throw nothing(`scope ${scopes?.join(', ')} with targets ${targets?.join(', ')}`, layers)
  return chosen
}

const inScope = (name: string, part: string): boolean => name.includes(part)
const isTarget = (name: string, suffix: string): boolean => name === suffix || name.endsWith(`.${suffix}`)

/** Of the layers that the ends of names mean, those without an adapter. */
export const missingTargets = (spec: SpecTree, targets: readonly string[], adapters: object): string[] =>
  [...linearLayers(spec).keys()].filter(
    (name) => targets.some((suffix) => isTarget(name, suffix)) && !Object.hasOwn(adapters, name),
  )

function requireEach(
  what: string,
  parts: readonly string[] | undefined,
  layers: ReadonlyMap<string, unknown>,
  matches: (name: string, part: string) => boolean,
): void {
  if (parts?.length === 0) throw nothing(`an empty list of ${what}s`, layers)
  for (const part of parts ?? []) {
    if (part === '' || ![...layers.keys()].some((name) => matches(name, part)))
      throw nothing(`${what} '${part}'`, layers, part)
  }
}

function nothing(what: string, layers: ReadonlyMap<string, unknown>, part?: string): ValueError {
  const names = [...layers.keys()]
  const near = part === undefined ? undefined : nearest(part, partsOf(names))
  const some = names.slice(0, 4).join(', ') + (names.length > 4 ? `, ... (${names.length})` : '')
  const hint = `${near === undefined ? '' : `did you mean ${near}? `}linear layers are ${some || 'not among the parameters'}`
  return new ValueError(`LoRA: ${what} names no linear layer of the model`, { hint })
}

/** What a scope or a target may be: runs of whole parts of a name, numbers left out, each with and without a dot. */
function partsOf(names: readonly string[]): Set<string> {
  const parts = new Set<string>()
  for (const name of names) {
    for (const run of name.split(/\.\d+\./)) {
      const words = run.split('.')
      for (let from = 0; from < words.length; from++) {
        for (let to = from + 1; to <= words.length; to++) {
          parts.add(words.slice(from, to).join('.'))
        }
      }
    }
  }
  return parts
}
