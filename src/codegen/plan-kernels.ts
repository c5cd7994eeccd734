import type { Equation, Graph, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import type { Sliced } from '../util/sliced.ts'
import { packAttention } from './attention-limits.ts'
import { bundle } from './bundles.ts'
import { cluster } from './clusters.ts'
import { fuse, isArrayConstant, type LoopItem } from './fusion.ts'
import type { DeviceLimits } from './program.ts'
import { type Call, groupsOf, type ScheduleContext, type Scheduled, type Work } from './schedule.ts'
import { ScheduleOnce } from './schedule-once.ts'
import type { Target } from './target.ts'

/** Bindings left for the result and for what is not a leaf of the fusion plan. */
const RESERVED_BINDINGS = 1

/** A kernel call before it is known where its buffers lie. */
export interface PlannedCall {
  readonly kind: 'call'
  readonly work: Call
  readonly scheduled: Scheduled
}

/** Values without elements: nothing computes them. */
export interface EmptyItem {
  readonly kind: 'empty'
  readonly values: readonly Value[]
}

/**
 * What a graph is computed by, in the order in which it runs. `given`: inputs whose buffers results may take.
 */
export function* planKernels(
  wanted: Graph,
  target: Target,
  limits: DeviceLimits,
  given: (v: Value) => boolean,
): Sliced<(PlannedCall | LoopItem | EmptyItem)[]> {
  const maxBuffers = limits.storageBuffersPerKernel
  const graph = packAttention(wanted, maxBuffers)
  const works = cluster(fuse(graph, maxBuffers - RESERVED_BINDINGS), graph, {
    maxBuffers,
    keptBytes: target.keepsRows ? limits.workgroupMemoryBytes : 0,
    joinsHeroes: target.joinsHeroes,
    given,
  })
  const schedules = new ScheduleOnce(target, contextOf(graph, works, limits))
  const scheduled = new Map<Work | LoopItem, Scheduled>()
  for (const work of works) {
    if (work.kind !== 'loop' && !isEmpty(work)) scheduled.set(work, schedules.schedule(work))
    yield
  }
  const { sideBySide } = target
  const calls = sideBySide ? bundle(works, scheduled, { maxBuffers, results: new Set(graph.outputs), given }) : works
  return calls.map((call) => {
    if (call.kind === 'loop') return call
    if (call.kind === 'group' && isEmpty(call)) return { kind: 'empty', values: call.outputs }
    const own = call.kind === 'bundle' ? call.members.map((work) => scheduled.get(work)!) : [scheduled.get(call)!]
    return {
      kind: 'call',
      work: call,
      scheduled: sideBySide && own.length > 1 ? schedules.sideBySide(own, sideBySide) : own[0]!,
    }
  })
}

const isEmpty = (work: Work): boolean => work.kind === 'group' && work.outputs.every((v) => sizeOf(v.type.shape) === 0)

function contextOf(graph: Graph, works: readonly (Work | LoopItem)[], limits: DeviceLimits): ScheduleContext {
  const producer = new Map<Value, Equation>()
  const stored = new Set(graph.inputs)
  for (const e of graph.equations) {
    for (const v of e.outputs) producer.set(v, e)
    if (isArrayConstant(e)) stored.add(e.outputs[0]!)
  }
  for (const work of works) {
    if (work.kind === 'loop') for (const v of work.equation.outputs) stored.add(v)
    else for (const v of groupsOf(work).flatMap((g) => g.outputs)) stored.add(v)
  }
  return { producer, stored: (v) => stored.has(v), limits }
}
