import type { Equation, Value } from '../ir/graph.ts'
import { sizeOf } from '../ir/shape.ts'
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

/** A kernel with the values that its buffers hold, ready to be dispatched. */
export interface Scheduled {
  readonly kernel: Kernel
  readonly params: readonly number[]
  /** Value held by each buffer, in the order of the kernel's bindings. */
  readonly values: readonly Value[]
  readonly output: number
  readonly workgroups: readonly [number, number, number]
  /** Values whose every read is at the very element that is written: their buffers may be overwritten. */
  readonly inPlace: readonly Value[]
  readonly flops: number
}

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b)

const describe = (group: Group): string[] =>
  group.equations.filter((e) => e.prim.kind !== 'constant').map((e) => e.prim.name)

/** The common frame of every schedule: builder, emitter, output buffer, and what the runtime must know. */
export class Frame {
  readonly k = new KernelBuilder()
  readonly emitter: Emitter
  readonly output: number
  private readonly stores = new Set<Expr>()

  constructor(
    readonly group: Group,
    readonly context: ScheduleContext,
    access: 'write' | 'update' = 'write',
  ) {
    const { root } = group
    this.emitter = new Emitter(this.k, context.producer, (v) => v !== root && context.stored(v))
    this.emitter.role(root)
    this.output = this.k.buffer({
      dtype: root.type.dtype,
      access: 'read_write',
      comment: `${access} ${root.type.dtype}`,
    })
  }

  store(index: Expr, value: Expr): void {
    this.stores.add(index)
    this.k.store(this.output, index, value)
  }

  finish(
    name: string,
    workgroupSize: readonly [number, number, number],
    workgroups: readonly [number, number, number],
    flops: number,
  ): Scheduled {
    const names = describe(this.group)
    const kernel = this.k.finish(name, workgroupSize, [`${name}: ${names.join(', ')}`])
    const values = new Array<Value>(kernel.buffers.length).fill(this.group.root)
    for (const [v, b] of this.emitter.readBuffers) values[b] = v
    const inPlace = [...this.emitter.reads]
      .filter(([, reads]) => [...reads].every((index) => this.stores.has(index)))
      .map(([v]) => v)
    return { kernel, params: this.k.paramValues, values, output: this.output, workgroups, inPlace, flops }
  }
}

export const groupFlops = (group: Group): number =>
  group.equations.reduce(
    (n, e) => n + (e.prim.kind === 'elementwise' ? e.prim.cost * sizeOf(e.outputs[0]!.type.shape) : 0),
    0,
  )
