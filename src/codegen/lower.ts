import type { HostArray } from '../ir/dtype.ts'
import { type Equation, formatType, type Graph, type Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import type { DeviceLimits } from '../runtime/device.ts'
import { fuse, type Group, type Item } from './fusion.ts'
import { lowerLoop } from './lower-loop.ts'
import type { VirtualBuffer, VirtualStep } from './memory-plan.ts'
import { deviceBytes, type KernelSource } from './program.ts'
import { scheduleCumulative } from './schedules/cumulative.ts'
import { scheduleMap } from './schedules/map.ts'
import { scheduleMatmul } from './schedules/matmul.ts'
import { scheduleReduce } from './schedules/reduce.ts'
import type { ScheduleContext, Scheduled } from './schedules/schedule.ts'
import { scheduleUpdate } from './schedules/update.ts'
import { printWgsl, stripComments, usesF16 } from './wgsl.ts'

/** Bindings left for the result and for what is not a leaf of the fusion plan. */
const RESERVED_BINDINGS = 1

/** What `explain` tells of one kernel call. */
export interface KernelReport {
  readonly kernel: number
  readonly label: string
  readonly group: Group
  readonly workgroups: readonly [number, number, number]
  readonly flops: number
  readonly bytes: number
  readonly inPlace: boolean
}

/** State shared by a program and the loops nested in it. */
export class LoweringContext {
  readonly kernels: KernelSource[] = []
  readonly reports: KernelReport[] = []
  readonly constants: HostArray[] = []
  private readonly kernelIndex = new Map<string, number>()
  private nextBuffer = 0

  constructor(readonly limits: DeviceLimits) {}

  buffer(name: string, bytes: number, ref: VirtualBuffer['ref'] = null, writable = true): VirtualBuffer {
    return { id: this.nextBuffer++, bytes, name, ref, writable }
  }

  bufferFor(v: Value): VirtualBuffer {
    return this.buffer(v.name ?? formatType(v.type), deviceBytes(v.type.dtype, sizeOf(v.type.shape)))
  }

  constant(array: HostArray): VirtualBuffer {
    const index = this.constants.push(array) - 1
    return this.buffer('constant', deviceBytes(array.dtype, array.data.length), { kind: 'constant', index }, false)
  }

  /** Position of a kernel among the program's; kernels that differ in comments only are one. */
  kernel(scheduled: Scheduled): number {
    const wgsl = printWgsl(scheduled.kernel)
    const key = stripComments(wgsl)
    let index = this.kernelIndex.get(key)
    if (index === undefined) {
      const bound = scheduled.kernel.buffers.filter((_, i) => !scheduled.kernel.aliases.has(i))
      const name = `${scheduled.kernel.name}_${this.kernels.length}`
      index =
        this.kernels.push({
          name,
          wgsl,
          bindings: bound.map((b) => b.access),
          paramWords: Math.ceil(scheduled.kernel.params.length / 4) * 4,
          workgroupSize: scheduled.kernel.workgroupSize,
          usesF16: usesF16(scheduled.kernel),
        }) - 1
      this.kernelIndex.set(key, index)
    }
    return index
  }
}

/**
 * Lowers a graph to steps. `env` holds the buffers of its inputs and receives those of every stored value.
 * `frozen` buffers are read again after the graph, so that nothing may be written over them.
 */
export function lowerGraph(
  context: LoweringContext,
  graph: Graph,
  env: Map<Value, VirtualBuffer>,
  frozen: ReadonlySet<VirtualBuffer>,
): VirtualStep[] {
  return new GraphLowering(context, graph, env, frozen).run()
}

class GraphLowering {
  private readonly producer = new Map<Value, Equation>()
  private readonly lastRead = new Map<Value, number>()
  private readonly items: readonly Item[]
  private readonly steps: VirtualStep[] = []
  private readonly scheduling: ScheduleContext
  private readonly storedValues = new Set<Value>()

  constructor(
    private readonly context: LoweringContext,
    graph: Graph,
    private readonly env: Map<Value, VirtualBuffer>,
    private readonly frozen: ReadonlySet<VirtualBuffer>,
  ) {
    for (const e of graph.equations) for (const v of e.outputs) this.producer.set(v, e)
    this.items = fuse(graph, context.limits.storageBuffersPerKernel - RESERVED_BINDINGS)
    this.items.forEach((item, i) => {
      const reads = item.kind === 'group' ? item.leaves : item.equation.inputs
      for (const v of reads) this.lastRead.set(v, i)
    })
    for (const v of graph.outputs) this.lastRead.set(v, Number.POSITIVE_INFINITY)
    for (const v of graph.inputs) this.storedValues.add(v)
    for (const item of this.items) {
      if (item.kind === 'group') this.storedValues.add(item.root)
      else for (const v of item.equation.outputs) this.storedValues.add(v)
    }
    for (const e of graph.equations) this.addConstantArray(e)
    this.scheduling = {
      producer: this.producer,
      stored: (v) => this.storedValues.has(v),
      limits: context.limits,
    }
  }

  private addConstantArray(e: Equation): void {
    if (e.prim.kind !== 'constant') return
    const element = e.prim.element(e.attrs)
    if (element.kind !== 'array') return
    this.storedValues.add(e.outputs[0]!)
    this.env.set(e.outputs[0]!, this.context.constant(element.data))
  }

  run(): VirtualStep[] {
    this.items.forEach((item, i) => {
      if (item.kind === 'loop') this.steps.push(...lowerLoop(this.context, item.equation, this.env))
      else this.lowerGroup(item, i)
    })
    return this.steps
  }

  private lowerGroup(group: Group, at: number): void {
    if (sizeOf(group.root.type.shape) === 0) {
      this.env.set(group.root, this.context.bufferFor(group.root))
      return
    }
    if (group.hero?.prim.kind === 'update') this.lowerUpdate(group, at)
    else this.lowerFresh(group, at)
  }

  /** A kernel that writes its whole result, over a dying operand where every read allows it. */
  private lowerFresh(group: Group, at: number): void {
    const scheduled = this.schedule(group)
    const bytes = deviceBytes(group.root.type.dtype, sizeOf(group.root.type.shape))
    const dying = scheduled.inPlace.find(
      (v) => v.type.dtype === group.root.type.dtype && this.env.get(v)!.bytes === bytes && this.mayOverwrite(v, at),
    )
    if (!dying) {
      this.env.set(group.root, this.context.bufferFor(group.root))
      this.dispatch(group, scheduled, false)
      return
    }
    this.env.set(group.root, this.env.get(dying)!)
    const aliases = new Map([[scheduled.values.indexOf(dying), scheduled.output]])
    this.dispatch(group, { ...scheduled, kernel: { ...scheduled.kernel, aliases } }, true)
  }

  /** A kernel that rewrites a part of a buffer: in place if the operand dies here, else in a copy of it. */
  private lowerUpdate(group: Group, at: number): void {
    const operand = group.hero!.inputs[0]!
    const updates = group.hero!.prim.kind === 'update' ? group.hero!.inputs[group.hero!.prim.updates]! : operand
    const scheduled = this.schedule(group)
    const readsOperand = scheduled.values.some((v, b) => v === operand && b !== scheduled.output)
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
    return buffer.writable && !this.frozen.has(buffer) && (this.lastRead.get(v) ?? -1) <= at
  }

  private schedule(group: Group): Scheduled {
    switch (group.hero?.prim.kind) {
      case 'reduce':
        return scheduleReduce(group, this.scheduling)
      case 'contract':
        return scheduleMatmul(group, this.scheduling)
      case 'cumulative':
        return scheduleCumulative(group, this.scheduling)
      case 'update':
        return scheduleUpdate(group, this.scheduling)
      default:
        return scheduleMap(group, this.scheduling)
    }
  }

  private dispatch(group: Group, scheduled: Scheduled, inPlace: boolean): void {
    const { kernel } = scheduled
    const index = this.context.kernel(scheduled)
    const padding = this.context.kernels[index]!.paramWords - scheduled.params.length
    const buffers = scheduled.values.filter((_, b) => !kernel.aliases.has(b)).map((v) => this.env.get(v)!)
    const label = `${group.equations
      .filter((e) => e.prim.kind !== 'constant')
      .map((e) => e.prim.name)
      .join(' ')} -> ${formatType(group.root.type)}`
    const bytes = buffers.reduce((n, b) => n + b.bytes, 0)
    const { workgroups, flops } = scheduled
    this.context.reports.push({ kernel: index, label, group, workgroups, flops, bytes, inPlace })
    this.steps.push({
      buffers,
      resolve: (place) => ({
        kind: 'dispatch',
        kernel: index,
        buffers: buffers.map(place),
        params: [...scheduled.params, ...new Array<number>(padding).fill(0)],
        workgroups,
        label,
        flops,
        bytes,
      }),
    })
  }
}

export function copyStep(from: VirtualBuffer, to: VirtualBuffer, label: string): VirtualStep {
  return {
    buffers: [from, to],
    resolve: (place) => ({ kind: 'copy', from: place(from), to: place(to), bytes: from.bytes, label }),
  }
}
