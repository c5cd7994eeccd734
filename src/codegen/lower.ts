import { type Equation, formatType, type Graph, type Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import type { Sliced } from '../util/sliced.ts'
import { type Group, updateOf } from './fusion.ts'
import { boundBuffers } from './kernel-walk.ts'
import { lowerLoop } from './lower-loop.ts'
import { copyStep, type LoweringContext } from './lowering-context.ts'
import { planKernels } from './plan-kernels.ts'
import { deviceBytes } from './program.ts'
import { type Call, equationsOf, leavesOf, outputsOf, type Scheduled, type Work, worksOf } from './schedule.ts'
import type { VirtualBuffer, VirtualStep } from './virtual-steps.ts'

/**
 * Lowers a graph to steps. `env` holds the buffers of its inputs and receives those of every stored value.
 * `frozen` buffers are read again after the graph, so that nothing may be written over them.
 */
export function lowerGraph(
  context: LoweringContext,
  graph: Graph,
  env: Map<Value, VirtualBuffer>,
  frozen: ReadonlySet<VirtualBuffer>,
): Sliced<VirtualStep[]> {
  return new GraphLowering(context, graph, env, frozen).run()
}

class GraphLowering {
  private readonly lastRead = new Map<Value, number>()
  private readonly steps: VirtualStep[] = []
  private readonly results: ReadonlySet<Value>
  /** State before, by state after: what is given up, in the order of the results. A loop's carries need it so. */
  private readonly oldOf: ReadonlyMap<Value, Value>

  constructor(
    private readonly context: LoweringContext,
    private readonly graph: Graph,
    private readonly env: Map<Value, VirtualBuffer>,
    private readonly frozen: ReadonlySet<VirtualBuffer>,
  ) {
    this.results = new Set(graph.outputs)
    const givenUp = graph.inputs.filter((v) => this.isOurs(env.get(v)!))
    this.oldOf = new Map(graph.outputs.slice(0, givenUp.length).map((v, i) => [v, givenUp[i]!]))
    for (const e of graph.equations) this.addConstantArray(e)
  }

  private addConstantArray(e: Equation): void {
    if (e.prim.kind !== 'constant') return
    const element = e.prim.element(e.attrs)
    if (element.kind === 'array') this.env.set(e.outputs[0]!, this.context.constant(element.data))
  }

  *run(): Sliced<VirtualStep[]> {
    const inputs = new Set(this.graph.inputs)
    const given = (v: Value): boolean => inputs.has(v) && !this.results.has(v) && this.isOurs(this.env.get(v)!)
    const items = yield* planKernels(this.graph, this.context.target, this.context.limits, given)
    for (const [i, item] of items.entries()) {
      const reads = item.kind === 'loop' ? item.equation.inputs : item.kind === 'call' ? leavesOf(item.work) : []
      for (const v of reads) this.lastRead.set(v, i)
    }
    for (const v of this.graph.outputs) this.lastRead.set(v, Number.POSITIVE_INFINITY)
    for (const [i, item] of items.entries()) {
      if (item.kind === 'loop') {
        const dies = (v: Value): boolean => this.mayOverwrite(v, i)
        this.steps.push(...(yield* lowerLoop(this.context, item.equation, this.env, dies, lowerGraph)))
      } else if (item.kind === 'empty') {
        for (const v of item.values) this.env.set(v, this.context.bufferFor(v))
      } else if (item.work.kind === 'group' && updateOf(item.work)) {
        this.lowerUpdate(item.work, item.scheduled, i)
      } else this.lowerFresh(item.work, item.scheduled, i)
      yield
    }
    return this.steps
  }

  /** A kernel that writes whole results, over dying operands where every read allows it. */
  private lowerFresh(work: Call, scheduled: Scheduled, at: number): void {
    const aliases = new Map<number, number>()
    const taken = new Set<VirtualBuffer>()
    // Results first: they take what the caller gave up, and leave temporaries to temporaries.
    const outputs = [...scheduled.outputs].sort((a, b) => this.rank(a.value) - this.rank(b.value))
    for (const { value, buffer, over } of outputs) {
      const { dtype, shape } = value.type
      const bytes = deviceBytes(dtype, sizeOf(shape))
      const fitting = over.filter((v) => {
        const old = this.env.get(v)!
        return v.type.dtype === dtype && old.bytes === bytes && !taken.has(old) && this.mayOverwrite(v, at)
      })
      const isResult = this.results.has(value)
      const dying =
        fitting.find((v) => v === this.oldOf.get(value)) ??
        fitting.find((v) => (this.env.get(v)!.ref?.kind === 'input') === isResult) ??
        fitting[0]
      const target = dying ? this.env.get(dying)! : this.context.bufferFor(value)
      this.env.set(value, target)
      taken.add(target)
      if (dying) aliases.set(scheduled.values.indexOf(dying), buffer)
    }
    this.dispatch(work, { ...scheduled, kernel: { ...scheduled.kernel, aliases } }, aliases.size > 0)
  }

  private rank = (v: Value): number => (this.results.has(v) ? 0 : 1)

  /** A kernel that rewrites a part of a buffer: in place if the operand dies here, else in a copy of it. */
  private lowerUpdate(group: Group, scheduled: Scheduled, at: number): void {
    const { operand, updates } = updateOf(group)!
    const readsOperand = scheduled.values.some((v, b) => v === operand && b !== scheduled.outputs[0]!.buffer)
    const inPlace = !readsOperand && this.mayOverwrite(operand, at)
    if (inPlace) {
      this.env.set(group.root, this.env.get(operand)!)
    } else {
      const target = this.context.bufferFor(group.root)
      this.env.set(group.root, target)
      this.steps.push(copyStep(this.env.get(operand)!, target, 'copy before an update'))
    }
    if (sizeOf(updates.type.shape) > 0) this.dispatch(group, scheduled, inPlace)
  }

  private mayOverwrite(v: Value, at: number): boolean {
    const buffer = this.env.get(v)!
    return this.isOurs(buffer) && (this.lastRead.get(v) ?? -1) <= at
  }

  private isOurs = (buffer: VirtualBuffer): boolean => buffer.writable && !this.frozen.has(buffer)

  private dispatch(work: Call, scheduled: Scheduled, inPlace: boolean): void {
    const { kernel, params, workgroups, flops, choice } = scheduled
    const buffers = boundBuffers(kernel).map((b) => this.env.get(scheduled.values[b]!)!)
    const label = worksOf(work).map(labelOf).join(' | ')
    const bytes = buffers.reduce((n, b) => n + b.bytes, 0)
    const scratchBytes = this.context.target.scratchBytes(kernel)
    this.steps.push({
      buffers,
      resolve: (place) => {
        const places = buffers.map(place)
        const index = this.context.kernel(kernel, places)
        this.context.reports.push({
          kernel: index,
          label,
          work,
          workgroups,
          flops,
          bytes,
          inPlace,
          choice,
        })
        const padding = this.context.kernels[index]!.paramWords - params.length
        return {
          kind: 'dispatch',
          kernel: index,
          buffers: places,
          params: [...params, ...new Array<number>(padding).fill(0)],
          workgroups,
          scratchBytes,
          label,
          flops,
          bytes,
        }
      },
    })
  }
}

/** Names of the operations, and what comes of them. */
function labelOf(work: Work): string {
  const names = equationsOf(work).filter((e) => e.prim.kind !== 'constant')
  const types = outputsOf(work).map((v) => formatType(v.type))
  return `${names.map((e) => e.prim.name).join(' ')} -> ${types.join(', ')}`
}
