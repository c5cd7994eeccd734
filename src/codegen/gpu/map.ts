import { sizeOf } from '../../ir/shape.ts'
import { innerLength } from '../columns.ts'
import { type Expr, LANES } from '../kernel-ir.ts'
import {
  ceilDiv,
  elementwiseFlops,
  Frame,
  groupsOf,
  type ScheduleContext,
  type Scheduled,
  type Work,
} from '../schedule.ts'
import { spreadGroups } from './spread.ts'
import { inFours } from './vectors.ts'

const WORKGROUP = 64

/** One thread for each element of the results, or for each four that are neighbours. */
export function scheduleMap(work: Work, context: ScheduleContext): Scheduled {
  const frame = new Frame(work, context)
  const { k } = frame
  const { x } = k
  const n = sizeOf(groupsOf(work)[0]!.root.type.shape)
  const inner = Math.min(...groupsOf(work).map((g) => innerLength(g.root, context)))
  const lanes = inFours(work, inner) ? LANES : 1
  const count = k.param('count', n / lanes)
  const thread = x.builtin('global_x')
  // Threads past the end compute the last element once more, in bounds, and do not store it.
  const i = k.share(x.min(thread, x.sub(count, x.constant(1))), 'i')
  const at = lanes === 1 ? i : fourFrom(frame, x.mul(i, x.constant(LANES)), inner, n)
  const results = frame.resultsAt(at)
  k.when(x.less(thread, count), () => frame.storeAll(at, results))
  const groups = spreadGroups(ceilDiv(n / lanes, WORKGROUP), context.limits)
  return frame.finish('map', [WORKGROUP, 1, 1], groups, elementwiseFlops(work))
}

/** The index of four elements in a row of `inner` that crosses no axis; the row is divided, not each of the four. */
function fourFrom({ k }: Frame, first: Expr, inner: number, n: number): Expr {
  const { x } = k
  const at = x.ramp(first)
  if (inner === n) return at
  const size = k.param('inner', inner)
  const column = x.ramp(k.share(x.rem(first, size), 'column'))
  k.splits.set(at, { inner, column, row: () => k.share(x.div(first, size), 'row') })
  return at
}
