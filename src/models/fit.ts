import { formatShape, sameShape } from '../ir/shape.ts'
import type { ParamSpec } from '../nn/param.ts'
import { CheckpointError } from '../util/errors.ts'

/** Values that old Hugging Face checkpoints hold beside the parameters, and that the model computes itself. */
export const isBuffer = (name: string): boolean => /(^|\.)(rotary_emb\.inv_freq|position_ids)$/.test(name)

export interface FitOptions {
  /** Only names that start so are looked at, and are known to the model by what follows: 'lang_decoder.'. */
  readonly prefix?: string | undefined
  /** Names to pass over besides the buffers of `isBuffer`. */
  readonly ignore?: ((name: string) => boolean) | undefined
}

/** One tensor that does not fit: `missing model.norm.weight [64]` is what, name and detail. */
export interface Misfit {
  readonly what: string
  readonly name: string
  readonly detail: string
}

/**
 * Holds a checkpoint's tensors against a model's parameters (by name, without the prefix).
 * @throws CheckpointError naming at once every tensor that is missing, unexpected or of another shape, and what
 * `moreProblems` finds. Tensors that differ only in a number of their names (those of all layers) share a line.
 */
export function assertFit(
  wanted: ReadonlyMap<string, ParamSpec>,
  held: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  { prefix = '', ignore = () => false }: FitOptions,
  moreProblems: readonly Misfit[] = [],
): void {
  const problems: Misfit[] = []
  for (const [name, { shape }] of wanted) {
    const there = held.get(prefix + name)?.shape
    if (!there) problems.push({ what: 'missing', name: prefix + name, detail: ` ${formatShape(shape)}` })
    else if (!sameShape(there, shape)) {
      const detail = `: ${formatShape(there)}, not ${formatShape(shape)}`
      problems.push({ what: 'wrong shape', name: prefix + name, detail })
    }
  }
  problems.push(...moreProblems)
  for (const [name, { shape }] of held) {
    const expected = !name.startsWith(prefix) || wanted.has(name.slice(prefix.length)) || isBuffer(name) || ignore(name)
    if (!expected) problems.push({ what: 'unexpected', name, detail: ` ${formatShape(shape)}` })
  }
  if (problems.length > 0) throw misfit(problems)
}

const MOST_LINES = 40

function misfit(problems: readonly Misfit[]): CheckpointError {
  const count = problems.length === 1 ? '1 tensor does' : `${problems.length} tensors do`
  const lines = groups(problems).map(line)
  const shown =
    lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more`] : lines
  return new CheckpointError(`the checkpoint does not fit the model: ${count} not match\n  ${shown.join('\n  ')}`, {
    hint: 'compare the configuration (layers, widths, vocabulary) and the prefix of the names with the checkpoint',
  })
}

/** Those that differ in one number of their names alone, in the order of each group's first. */
function groups(problems: readonly Misfit[]): Misfit[][] {
  const byForm = new Map<string, Misfit[]>()
  for (const problem of problems) {
    const form = JSON.stringify([problem.what, problem.detail, problem.name.replace(LAYER, '.*.')])
    const group = byForm.get(form) ?? []
    group.push(problem)
    byForm.set(form, group)
  }
  return [...byForm.values()]
}

/** The first number of a name: that of a layer. */
const LAYER = /\.(\d+)\./

function line(group: readonly Misfit[]): string {
  const { what, name, detail } = group[0]!
  if (group.length === 1) return `${what} ${name}${detail}`
  return `${what} ${name.replace(LAYER, `.{${layerList(group)}}.`)}${detail} (${group.length} tensors)`
}

/** `0..31`, or `0..3,7`. */
function layerList(group: readonly Misfit[]): string {
  const layers = group.map(({ name }) => Number(LAYER.exec(name)?.[1])).sort((a, b) => a - b)
  const runs: [from: number, to: number][] = []
  for (const layer of layers) {
    const last = runs.at(-1)
    if (last?.[1] === layer - 1) last[1] = layer
    else runs.push([layer, layer])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}..${to}`)).join(',')
}
