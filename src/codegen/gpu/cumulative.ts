import { range, sizeOf } from '../../ir/shape.ts'
import type { Group } from '../fusion.ts'
import { Position } from '../index-space.ts'
import { accumulatorOf, ceilDiv, elementwiseFlops, Frame, type ScheduleContext, type Scheduled } from '../schedule.ts'
import { spreadGroups } from './spread.ts'

const WORKGROUP = 64

/** One thread walks one line of a running sum. */
export function scheduleCumulative(group: Group, context: ScheduleContext): Scheduled {
  const frame = new Frame(group, context)
  const { k, emitter } = frame
  const { x } = k
  const { root } = group
  const input = group.hero!.inputs[0]!
  const axis = group.hero!.attrs['axis'] as number
  const reverse = group.hero!.attrs['reverse'] as boolean
  const others = range(root.type.shape.length).filter((a) => a !== axis)
  const lines = others.map((a) => root.type.shape[a]!)
  const n = sizeOf(lines)
  const count = k.param('count', n)
  const thread = x.builtin('global_x')
  const line = Position.linear(k, lines, 'line', k.share(x.min(thread, x.sub(count, x.constant(1))), 'line'))
  const dtype = accumulatorOf(root.type.dtype)
  const total = k.variable('total', dtype, x.constant(0, dtype))
  const length = k.param('length', root.type.shape[axis]!)
  k.loop('step', x.constant(0), length, x.constant(1), (step) => {
    const i = reverse ? k.share(x.sub(x.sub(length, x.constant(1)), step), 'i') : step
    const index = root.type.shape.map((_, a) => (a === axis ? i : line.axis(others.indexOf(a))))
    const term = emitter.element(input, emitter.position(input, index))
    k.assign(total, x.foldMonoid('sum', total, x.cast(term, dtype)))
    k.when(x.less(thread, count), () => {
      frame.store(emitter.position(root, index).linear(), x.cast(total, root.type.dtype))
    })
  })
  return frame.finish(
    'cumulative',
    [WORKGROUP, 1, 1],
    spreadGroups(ceilDiv(n, WORKGROUP), context.limits),
    elementwiseFlops(group) + sizeOf(root.type.shape),
  )
}
