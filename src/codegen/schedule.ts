import type { DType } from '../ir/dtype.ts'
import type { Equation, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
import type { Bundle } from './bundles.ts'
import type { Cluster } from './clusters.ts'
import { Emitter } from './emit.ts'
import type { Group } from './fusion.ts'
import { KernelBuilder } from './kernel-builder.ts'
import type { Expr, Kernel } from './kernel-ir.ts'
import type { DeviceLimits } from './program.ts'

/** What a schedule needs to know of the graph and the device. */
export interface ScheduleContext {
  readonly producer: ReadonlyMap<Value, Equation>
  stored(v: Value): boolean
  readonly limits: DeviceLimits
}

/** A value that a kernel writes. */
export interface Output {
  readonly value: Value
  readonly buffer: number
  /** Values whose every read is at the very element that is written, and not after: it may take their buffer. */
  readonly over: readonly Value[]
}

/** A kernel with the values that its buffers hold, ready to be dispatched. */
export interface Scheduled {
  readonly kernel: Kernel
  readonly params: readonly number[]
  /** Value held by each buffer, in the order of the kernel's bindings. */
  readonly values: readonly Value[]
  readonly outputs: readonly Output[]
  readonly workgroups: readonly [number, number, number]
  readonly flops: number
  /** Which of several ways the schedule took, and why, where it had a choice. */
  readonly choice?: string
}

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b)

/** One group, or several that walk the same rows. */
export type Work = Group | Cluster

/** What one kernel does: one such work, or several side by side. */
export type Call = Work | Bundle

export const worksOf = (call: Call): readonly Work[] => (call.kind === 'bundle' ? call.members : [call])
export const groupsOf = (call: Call): readonly Group[] =>
  worksOf(call).flatMap((work) => (work.kind === 'cluster' ? work.groups : [work]))
export const outputsOf = (call: Call): readonly Value[] => worksOf(call).flatMap((work) => work.outputs)
/** Stored values that it reads. */
export const leavesOf = (call: Call): readonly Value[] => worksOf(call).flatMap((work) => work.leaves)

/** The group that has the reduction or product of a kernel. */
export const headOf = (work: Work): Group => groupsOf(work).find((g) => g.hero) ?? groupsOf(work)[0]!

export const equationsOf = (call: Call): Equation[] => [...new Set(groupsOf(call).flatMap((g) => g.equations))]

/** The common frame of every schedule: builder, emitter, output buffers, and what the runtime must know. */
export class Frame {
  readonly k = new KernelBuilder()
  readonly emitter: Emitter
  private readonly buffers = new Map<Value, number>()
  private readonly stores = new Set<Expr>()

  constructor(
    readonly work: Work,
    readonly context: ScheduleContext,
    access: 'write' | 'update' = 'write',
  ) {
    const made = new Set(groupsOf(work).flatMap((g) => g.outputs))
    this.emitter = new Emitter(this.k, context.producer, (v) => !made.has(v) && context.stored(v))
    for (const v of outputsOf(work)) {
      this.emitter.role(v)
      const { dtype } = v.type
      this.buffers.set(v, this.k.buffer({ dtype, access: 'read_write', comment: `${access} ${dtype}` }))
    }
  }

  /** The buffer of an output; of the only one, unless told. */
  output(v: Value = outputsOf(this.work)[0]!): number {
    return this.buffers.get(v)!
  }

  isOutput(v: Value): boolean {
    return this.buffers.has(v)
  }

  /**
   * The results of all groups at one linear position, each group reading what those before it made. Everything is
   * read before anything is written: an output may lie where an input did.
   */
  resultsAt(position: Expr): ReadonlyMap<Value, Expr> {
    const results = new Map<Value, Expr>()
    for (const { root } of groupsOf(this.work)) {
      const value = this.k.share(this.emitter.element(root, this.emitter.linearPosition(root, position)), 'result')
      this.emitter.bound.set(root, value)
      results.set(root, value)
    }
    for (const root of results.keys()) this.emitter.bound.delete(root)
    return results
  }

  storeAll(position: Expr, results: ReadonlyMap<Value, Expr>): void {
    for (const v of outputsOf(this.work)) this.store(position, results.get(v)!, v)
  }

  /** The results of all groups at a position, and their stores. */
  storeResults(position: Expr): void {
    this.storeAll(position, this.resultsAt(position))
  }

  store(index: Expr, value: Expr, v?: Value): void {
    this.stores.add(index)
    this.k.store(this.output(v), index, value)
  }

  /** `over`: what an output may be written over, where it does not follow from where the kernel reads and stores. */
  finish(
    name: string,
    workgroupSize: readonly [number, number, number],
    workgroups: readonly [number, number, number],
    flops: number,
    over: (v: Value) => readonly Value[] = () => this.readWhereStored(),
  ): Scheduled {
    const names = equationsOf(this.work).filter((e) => e.prim.kind !== 'constant')
    const kernel = this.k.finish(name, workgroupSize, [`${name}: ${names.map((e) => e.prim.name).join(', ')}`])
    const values = new Array<Value>(kernel.buffers.length)
    for (const [v, b] of [...this.buffers, ...this.emitter.readBuffers]) values[b] = v
    const outputs = [...this.buffers].map(([value, buffer]) => ({ value, buffer, over: over(value) }))
    return { kernel, params: this.k.paramValues, values, outputs, workgroups, flops }
  }

  private readWhereStored(): Value[] {
    return [...this.emitter.reads]
      .filter(([, reads]) => [...reads].every((index) => this.stores.has(index)))
      .map(([v]) => v)
  }
}

/** What a dtype is summed in: halves in f32. */
export const accumulatorOf = (dtype: DType): DType => (dtype === 'f16' ? 'f32' : dtype)

/** Of what is folded, and of what is computed element by element. */
export const foldingFlops = (work: Work): number =>
  elementwiseFlops(work) +
  groupsOf(work).reduce((n, g) => n + (g.hero?.prim.kind === 'reduce' ? sizeOf(g.hero.inputs[0]!.type.shape) : 0), 0)

/** Of what is computed element by element. */
export const elementwiseFlops = (work: Work): number =>
  equationsOf(work).reduce(
    (n, e) => n + (e.prim.kind === 'elementwise' ? e.prim.cost * sizeOf(e.outputs[0]!.type.shape) : 0),
    0,
  )
