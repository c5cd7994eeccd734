import type { Equation, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import type { Emitter } from './emit.ts'
import { Position } from './index-space.ts'
import type { Expr } from './kernel-ir.ts'
import type { ScheduleContext } from './schedule.ts'

/**
 * The longest run of elements of `v` that a vectorised loop may walk without crossing an axis that the computation
 * asks for: the whole tensor where everything is elementwise, else the last axis of the finest tensor whose axes matter.
 */
export function innerLength(v: Value, context: ScheduleContext): number {
  let inner = sizeOf(v.type.shape)
  const seen = new Set<Value>()
  const visit = (u: Value, isRoot: boolean): void => {
    if (seen.has(u) || (!isRoot && context.stored(u))) return
    seen.add(u)
    const e = context.producer.get(u)
    if (!e) return
    if (e.prim.kind === 'elementwise' || e.prim.kind === 'reshape') for (const i of e.inputs) visit(i, false)
    else if (asksForAxes(e)) inner = Math.min(inner, lastLength(u.type.shape))
  }
  visit(v, true)
  return inner
}

const lastLength = (shape: readonly number[]): number => shape.findLast((n) => n !== 1) ?? 1

function asksForAxes(e: Equation): boolean {
  const { prim } = e
  switch (prim.kind) {
    case 'view':
      return prim
        .axisMaps(e.inputs[0]!.type, e.attrs)
        .some((m, a) => m.from !== null && e.inputs[0]!.type.shape[a] !== 1)
    case 'constant':
      return prim.element(e.attrs).kind === 'axis'
    case 'random':
      return e.inputs[0]!.type.shape.length > 1
    default:
      // Heroes give elements that are at hand already; index and piecewise primitives ask for every axis.
      return prim.kind === 'index' || prim.kind === 'piecewise'
  }
}

/** The position row * inner + column of `v`, from which its axes are found without dividing the column. */
export function positionAt(emitter: Emitter, v: Value, inner: number, row: Expr, column: Expr): Position {
  const { k } = emitter
  const { x } = k
  const base = k.share(x.mul(row, k.param(`${emitter.role(v)}_inner`, inner)), 'base')
  const linear = k.share(x.add(base, column), 'at')
  k.splits.set(linear, { inner, column, row: () => row })
  return emitter.linearPosition(v, linear)
}

/** The position of `v` at an index per axis, of which the last may be a vector. */
export function positionByAxes(emitter: Emitter, v: Value, axes: readonly Expr[]): Position {
  const { k } = emitter
  const { shape } = v.type
  const position = emitter.position(v, axes)
  const last = shape.length - 1
  if (last < 0 || shape[last] === 1) return position
  const inner = shape[last]!
  const row = (): Expr => {
    const leading = shape.slice(0, last)
    return Position.multi(k, leading, `${emitter.role(v)}_row`, axes.slice(0, last)).linear()
  }
  k.splits.set(position.linear(), { inner, column: axes[last]!, row })
  return position
}
