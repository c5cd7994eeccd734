import { didYouMean } from '../util/suggest.ts'
import type { DType, HostArray } from './dtype.ts'
import { DTYPES } from './dtype.ts'
import { type Attrs, type AttrValue, type Graph, isGraph, type TensorType } from './graph.ts'
import type { Prim } from './prim.ts'
import { formatTypes } from './prims/common.ts'
import { sizeOf } from './shape.ts'
import { isHostArray } from './text-values.ts'

/**
 * What each primitive takes: how many inputs, which attrs of which sort, and which of their values make sense. A
 * primitive's `infer` relies on all this, as the op builder upholds it; text that somebody wrote is held against it
 * before `infer` sees it.
 */
interface AttrSorts {
  /** A whole number, 0 or more: an axis, a length, a count. */
  count: number
  counts: readonly number[]
  number: number
  flag: boolean
  dtype: DType
  graph: Graph
  array: HostArray
}
type Sorts = Readonly<Record<string, keyof AttrSorts>>
type Typed<S extends Sorts> = { readonly [K in keyof S]: AttrSorts[S[K]] }
type Types = readonly TensorType[]

interface Complaint {
  readonly message: string
  readonly hint?: string | undefined
}
/** Undefined if all is well. */
type Check = (prim: Prim, inputs: Types, attrs: Attrs) => Complaint | undefined

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && Number(x) >= 0

const sorts: { readonly [K in keyof AttrSorts]: { readonly is: (a: AttrValue) => boolean; readonly what: string } } = {
  count: { is: isCount, what: 'a whole number, 0 or more' },
  counts: { is: (a) => Array.isArray(a) && a.every(isCount), what: 'a list of whole numbers, 0 or more' },
  number: { is: (a) => typeof a === 'number', what: 'a number' },
  flag: { is: (a) => typeof a === 'boolean', what: 'true or false' },
  dtype: { is: (a) => DTYPES.some((d) => d === a), what: `one of ${DTYPES.join(', ')}` },
  graph: { is: (a) => typeof a === 'object' && isGraph(a), what: 'a graph (fn ...)' },
  array: { is: (a) => isHostArray(a) && a.data.length === sizeOf(a.shape), what: 'an array such as f32[2](1, 2)' },
}

/** `inputs` is undefined where any number will do; `sense` returns what is wrong with attrs of the right sorts. */
function takes<S extends Sorts>(
  inputs: number | undefined,
  wanted: S,
  sense: (types: Types, attrs: Typed<S>) => string | undefined | false = () => undefined,
): Check {
  const conforms = (attrs: Attrs): attrs is Attrs & Typed<S> => wrongAttr(wanted, attrs) === undefined
  return (prim, types, attrs) => {
    if (inputs !== undefined && types.length !== inputs) {
      return { message: `${prim.name} takes ${inputs} input${inputs === 1 ? '' : 's'}, got ${types.length}` }
    }
    if (!conforms(attrs)) return wrongAttr(wanted, attrs, prim.name)
    const nonsense = sense(types, attrs)
    return nonsense ? { message: `${prim.name}: ${nonsense}` } : undefined
  }
}

function wrongAttr(wanted: Sorts, attrs: Attrs, op = ''): Complaint | undefined {
  const known = Object.keys(wanted)
  for (const key of Object.keys(attrs)) {
    if (!known.includes(key)) {
      const list = known.length === 0 ? 'none' : known.join(', ')
      return { message: `${op} has no attribute ${key} (it has ${list})`, hint: didYouMean(key, known) }
    }
  }
  for (const [key, sort] of Object.entries(wanted)) {
    const value = attrs[key]
    const { is, what } = sorts[sort]
    if (value === undefined) return { message: `${op} lacks the attribute ${key}, ${what}` }
    if (!is(value)) return { message: `${op}: the attribute ${key} must be ${what}` }
  }
  return undefined
}

const checkAxes = (axes: readonly number[], rank: number): string | undefined => {
  const outside = axes.find((a) => a >= rank)
  if (outside !== undefined) return `axis ${outside} is out of range for rank ${rank}`
  return new Set(axes).size === axes.length ? undefined : `axes [${axes.join(',')}] repeat`
}
const rankOf = (types: Types, i = 0): number => types[i]!.shape.length
const axesOfFirst = (types: Types, { axes }: { readonly axes: readonly number[] }): string | undefined =>
  checkAxes(axes, rankOf(types))
const axisOfFirst = (types: Types, { axis }: { readonly axis: number }): string | undefined =>
  types.length === 0 ? 'needs at least one input' : checkAxes([axis], rankOf(types))

const checkArguments = (what: string, graph: Graph, types: Types): string | undefined => {
  const expected = formatTypes(graph.inputs.map((v) => v.type))
  return expected === formatTypes(types) ? undefined : `${what} takes (${expected}), got (${formatTypes(types)})`
}

const reduction = takes(1, { axes: 'counts' }, axesOfFirst)

const ATTENTION = { definition: 'graph', score: 'graph', groups: 'count', scale: 'number' } as const

const attentionOperands = (types: Types, { definition, score, groups }: Typed<typeof ATTENTION>): string | undefined =>
  score.outputs.length === 2 * groups
    ? checkArguments('the definition', definition, types)
    : `the score gives ${score.outputs.length} values for ${groups} groups, which need 2 each`

const SIGNATURES: ReadonlyMap<string, Check> = new Map(
  Object.entries({
    full: takes(0, { dtype: 'dtype', shape: 'counts', value: 'number' }),
    iota: takes(0, { dtype: 'dtype', shape: 'counts', axis: 'count' }, (_, a) => checkAxes([a.axis], a.shape.length)),
    literal: takes(0, { data: 'array' }),
    cast: takes(1, { dtype: 'dtype' }),
    sum: reduction,
    max: reduction,
    min: reduction,
    cumsum: takes(1, { axis: 'count', reverse: 'flag' }, axisOfFirst),
    dot: takes(
      2,
      { lhsContract: 'counts', rhsContract: 'counts', lhsBatch: 'counts', rhsBatch: 'counts' },
      (types, a) =>
        checkAxes([...a.lhsContract, ...a.lhsBatch], rankOf(types)) ??
        checkAxes([...a.rhsContract, ...a.rhsBatch], rankOf(types, 1)),
    ),
    transpose: takes(1, { perm: 'counts' }),
    broadcast: takes(1, { shape: 'counts', dims: 'counts' }),
    slice: takes(1, { starts: 'counts', stops: 'counts', steps: 'counts' }),
    flip: takes(1, { axes: 'counts' }, axesOfFirst),
    reshape: takes(1, { shape: 'counts' }),
    pad: takes(1, { low: 'counts', high: 'counts', interior: 'counts', value: 'number' }),
    concat: takes(undefined, { axis: 'count' }, axisOfFirst),
    gather: takes(2, { axis: 'count', batch: 'count' }),
    scatter_add: takes(3, { axis: 'count', batch: 'count' }),
    dynamic_slice: takes(2, { sizes: 'counts' }),
    dynamic_update_slice: takes(3, {}),
    random_bits: takes(1, { shape: 'counts' }),
    checkpoint: takes(undefined, { body: 'graph' }, (types, { body }) => checkArguments('the body', body, types)),
    custom_vjp: takes(
      undefined,
      { forward: 'graph', backward: 'graph', outputs: 'count' },
      (types, { forward, outputs }) =>
        outputs > forward.outputs.length
          ? `the forward graph has ${forward.outputs.length} outputs, fewer than ${outputs}`
          : checkArguments('the forward graph', forward, types),
    ),
    attention: takes(undefined, ATTENTION, attentionOperands),
    attention_queries: takes(undefined, { ...ATTENTION, pullback: 'graph' }, attentionOperands),
    attention_keys_values: takes(undefined, { ...ATTENTION, pullback: 'graph' }, attentionOperands),
    scan: takes(
      undefined,
      { body: 'graph', length: 'count', consts: 'count', carries: 'count', reverse: 'flag' },
      (_, { body, consts, carries }) =>
        consts + carries > body.inputs.length || carries > body.outputs.length
          ? `the body has ${body.inputs.length} inputs and ${body.outputs.length} outputs, ` +
            `too few for ${consts} consts and ${carries} carries`
          : undefined,
    ),
  }),
)

/** True of a primitive whose attrs and inputs `checkSignature` can tell right from wrong. */
export const hasSignature = (prim: Prim): boolean => prim.kind === 'elementwise' || SIGNATURES.has(prim.name)

/**
 * What keeps a primitive's `infer` from being asked about these inputs and attrs, or undefined: a wrong number of
 * inputs, an attr that is missing, unknown or of the wrong sort, an axis out of range. A primitive without an entry
 * here is `infer`'s own affair.
 */
export function checkSignature(prim: Prim, inputs: Types, attrs: Attrs): Complaint | undefined {
  const check = SIGNATURES.get(prim.name) ?? (prim.kind === 'elementwise' ? takes(prim.arity, {}) : undefined)
  return check?.(prim, inputs, attrs)
}
