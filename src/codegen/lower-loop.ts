import type { HostArray } from '../ir/dtype.ts'
import { type Equation, type Graph, type TensorType, tensorType, type Value } from '../ir/graph.ts'
import type { ScanAttrs } from '../ir/prims/nested.ts'
import { rawOps as o } from '../ir/raw-ops.ts'
import type { Tensor } from '../ir/tensor.ts'
import { inline, trace } from '../ir/trace.ts'
import type { Sliced } from '../util/sliced.ts'
import { copyStep, type LoweringContext } from './lowering-context.ts'
import type { VirtualBuffer, VirtualStep } from './virtual-steps.ts'

export type LowerGraph = (
  context: LoweringContext,
  graph: Graph,
  env: Map<Value, VirtualBuffer>,
  frozen: ReadonlySet<VirtualBuffer>,
) => Sliced<VirtualStep[]>

/**
 * A scan as steps that the runtime repeats. The kernels of every iteration are the same; which slice of xs and ys
 * they touch is read from a counter on the device, which the iteration itself advances. Carries lie where their first
 * values did, if nothing else needs those.
 */
export function* lowerLoop(
  context: LoweringContext,
  e: Equation,
  env: Map<Value, VirtualBuffer>,
  mayOverwrite: (v: Value) => boolean,
  lowerBody: LowerGraph,
): Sliced<VirtualStep[]> {
  const attrs = e.attrs as unknown as ScanAttrs
  const { length, consts, carries } = attrs
  const buffersOf = (values: readonly Value[]): VirtualBuffer[] => values.map((v) => env.get(v)!)
  const constBuffers = buffersOf(e.inputs.slice(0, consts))
  const xBuffers = buffersOf(e.inputs.slice(consts + carries))
  const steps: VirtualStep[] = []
  const ownedCopy = (from: VirtualBuffer, name: string): VirtualBuffer => {
    const to = context.buffer(name, from.bytes)
    steps.push(copyStep(from, to, name))
    return to
  }
  const carryBuffers = e.inputs.slice(consts, consts + carries).map((v) => {
    const taken = mayOverwrite(v) && e.inputs.indexOf(v) === e.inputs.lastIndexOf(v)
    return taken ? env.get(v)! : ownedCopy(env.get(v)!, 'loop carry')
  })
  const yBuffers = e.outputs.slice(carries).map((v) => context.bufferFor(v))
  const start: HostArray = { dtype: 'i32', shape: [], data: Int32Array.of(attrs.reverse ? length - 1 : 0) }
  const counter = ownedCopy(context.constant(start), 'loop counter')

  const owned = [...carryBuffers, ...yBuffers, counter]
  const given = [...constBuffers, ...carryBuffers, ...xBuffers, ...yBuffers, counter]
  if (length > 0) {
    const graph = iteration(e, attrs)
    const bodyEnv = new Map(graph.inputs.map((v, i) => [v, given[i]!]))
    const body = yield* lowerBody(context, graph, bodyEnv, new Set([...constBuffers, ...xBuffers]))
    body.push(
      ...writeBack(
        context,
        graph.outputs.map((v) => bodyEnv.get(v)!),
        owned,
      ),
    )
    steps.push({
      buffers: given,
      body,
      resolve: (_, resolved) => ({ kind: 'loop', count: length, steps: resolved, label: `scan x${length}` }),
    })
  }
  e.outputs.forEach((v, i) => env.set(v, i < carries ? carryBuffers[i]! : yBuffers[i - carries]!))
  return steps
}

/** consts, carries, whole xs, whole ys, counter -> carries, ys with one slice written, counter moved on. */
function iteration(e: Equation, { body, consts, carries, reverse }: ScanAttrs): Graph {
  const ys = e.outputs.slice(carries).map((v) => v.type)
  const types: TensorType[] = [...e.inputs.map((v) => v.type), ...ys, tensorType('i32', [])]
  const firstX = consts + carries
  return trace('iteration', types, (...args) => {
    const i = args.at(-1)!
    const xs = args.slice(firstX, e.inputs.length).map((x) => o.squeeze(window(x, i), 0))
    const results = inline(body, [...args.slice(0, firstX), ...xs])
    const written = ys.map((_, k) => {
      const y = results[carries + k]!
      return o.dynamicUpdateSlice(args[e.inputs.length + k]!, o.expandDims(y, 0), startAt(i, y.rank + 1))
    })
    return [...results.slice(0, carries), ...written, o.add(i, reverse ? -1 : 1)]
  }).graph
}

const window = (x: Tensor, i: Tensor): Tensor => o.dynamicSlice(x, startAt(i, x.rank), [1, ...x.shape.slice(1)])

/** Starts [i, 0, 0, ...] of a window along the first axis. */
const startAt = (i: Tensor, rank: number): Tensor => o.pad(o.reshape(i, [1]), [0], [rank - 1])

/** Moves the results of an iteration to where the next one reads them, in an order that loses none. */
function writeBack(
  context: LoweringContext,
  results: readonly VirtualBuffer[],
  owned: readonly VirtualBuffer[],
): VirtualStep[] {
  const steps: VirtualStep[] = []
  const safe = results.map((from, i) => {
    if (from === owned[i] || !owned.includes(from)) return from
    const saved = context.buffer('loop carry exchanged', from.bytes)
    steps.push(copyStep(from, saved, 'exchange of carries'))
    return saved
  })
  safe.forEach((from, i) => {
    if (from !== owned[i]) steps.push(copyStep(from, owned[i]!, 'next iteration'))
  })
  return steps
}
