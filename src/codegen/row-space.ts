import type { Equation, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import type { Group } from './fusion.ts'
import { timesRepeated } from './repeated.ts'
import { areTrailing } from './trailing.ts'

/** rows * columns elements in row-major order, of which a reduction folds each row. */
export interface RowSpace {
  readonly rows: number
  readonly columns: number
}

/**
 * How a group reads a stored value, seen from one point (row, column) of its own work: the one element of the row, the
 * element at the very point, or elements that lie elsewhere.
 */
export type Access = 'row' | 'point' | 'elsewhere'

/** The rows that a group's reduction folds, or null where they do not lie together. */
export function reducedRows({ hero }: Group): RowSpace | null {
  if (hero?.prim.kind !== 'reduce') return null
  const { shape } = hero.inputs[0]!.type
  const axes = hero.attrs['axes'] as readonly number[]
  if (!areTrailing(shape, axes)) return null
  return { rows: sizeOf(hero.outputs[0]!.type.shape), columns: sizeOf(axes.map((a) => shape[a]!)) }
}

/** What a value of this size is in a row space: one element for each row, one for each point, or neither. */
export function placeOf(v: Value, { rows, columns }: RowSpace): 'row' | 'point' | null {
  const size = sizeOf(v.type.shape)
  return size === rows * columns ? 'point' : size === rows ? 'row' : null
}

/** Every way in which the group reads each of its leaves. */
export function accessesOf(
  group: Group,
  space: RowSpace,
  producer: ReadonlyMap<Value, Equation>,
  stored: (v: Value) => boolean,
): ReadonlyMap<Value, ReadonlySet<Access>> {
  const found = new Map<Value, Set<Access>>()
  const visit = (v: Value, access: Access): void => {
    const known = found.get(v) ?? new Set<Access>()
    if (known.has(access)) return
    found.set(v, known.add(access))
    const e = v !== group.root && stored(v) ? undefined : producer.get(v)
    for (const input of e?.inputs ?? []) visit(input, through(e!, access, space))
  }
  const place = placeOf(group.root, space)
  visit(group.root, place ?? 'elsewhere')
  return found
}

/** How an input is read where an equation's output is read so. */
function through(e: Equation, access: Access, space: RowSpace): Access {
  if (access === 'elsewhere') return access
  switch (e.prim.kind) {
    case 'elementwise':
    case 'reshape':
      return access
    case 'reduce':
      return access === 'row' ? 'point' : 'elsewhere'
    case 'view':
      return access === 'point' && repeatsRows(e, space) ? 'row' : 'elsewhere'
    default:
      return 'elsewhere'
  }
}

/** Is this the broadcast of one element to each point of its row? */
const repeatsRows = (e: Equation, { rows }: RowSpace): boolean =>
  sizeOf(e.inputs[0]!.type.shape) === rows && timesRepeated(e) !== undefined
