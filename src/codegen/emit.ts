import { type Equation, formatType, type Value } from '../ir/graph.ts'
import type { IndexMath } from '../ir/prim.ts'
import { sizeOf } from '../ir/shape.ts'
import { Position } from './index-space.ts'
import type { KernelBuilder } from './kernel-builder.ts'
import type { Expr } from './kernel-ir.ts'
import { timesRepeated } from './repeated.ts'

/** Whole numbers below this are taken to mean themselves: a kind, a flag, a step. */
const LEAST_SIZE = 8

/**
 * Turns values into expressions: the element of a value at a position, as a load where the value is stored, and as
 * the expression of its equation, over the elements that this one reads, where it is not. At a position that is a
 * vector it is a vector: four elements.
 */
export class Emitter {
  /** Values whose element is at hand, such as the result of a reduction that has just been folded. */
  readonly bound = new Map<Value, Expr>()
  /** Every index at which a stored value is read; what decides whether its buffer may be written in place. */
  readonly reads = new Map<Value, Set<Expr>>()
  private readonly buffers = new Map<Value, number>()
  private readonly roles = new Map<Value, string>()
  private readonly memo = new Map<Value, Map<string, Expr>>()

  constructor(
    readonly k: KernelBuilder,
    private readonly producer: ReadonlyMap<Value, Equation>,
    private readonly stored: (v: Value) => boolean,
  ) {}

  /** A name for a value's sizes and strides, by order of appearance, so that equal structures give equal text. */
  role(v: Value): string {
    let role = this.roles.get(v)
    if (role === undefined) {
      role = `t${this.roles.size}`
      this.roles.set(v, role)
    }
    return role
  }

  position(v: Value, axes: readonly Expr[]): Position {
    return Position.multi(this.k, v.type.shape, this.role(v), axes)
  }

  linearPosition(v: Value, linear: Expr): Position {
    return Position.linear(this.k, v.type.shape, this.role(v), linear)
  }

  /** The kernel's buffer that holds a stored value. */
  bufferOf(v: Value): number {
    let b = this.buffers.get(v)
    if (b === undefined) {
      const comment = `${v.name ? `${v.name}: ` : ''}${formatType(v.type)}`
      b = this.k.buffer({ dtype: v.type.dtype, access: 'read', comment })
      this.buffers.set(v, b)
    }
    return b
  }

  /** Stored values read by the kernel, with their buffers. */
  get readBuffers(): ReadonlyMap<Value, number> {
    return this.buffers
  }

  loadAt(v: Value, index: Expr): Expr {
    const reads = this.reads.get(v) ?? new Set()
    this.reads.set(v, reads.add(index))
    return this.k.share(this.k.x.load(this.bufferOf(v), v.type.dtype, index), 'x')
  }

  /** The element of a product's operand at a linear index: a load, or computed in place. */
  operandAt(v: Value, index: Expr): Expr {
    if (this.stored(v)) return this.loadAt(v, index)
    this.k.operandIndices.add(index)
    return this.element(v, this.linearPosition(v, index))
  }

  element(v: Value, at: Position): Expr {
    const bound = this.bound.get(v)
    if (bound) return bound
    if (this.stored(v)) return this.loadAt(v, at.linear())
    const memo = this.memo.get(v) ?? new Map<string, Expr>()
    this.memo.set(v, memo)
    const key = at.key
    const known = memo.get(key)
    if (known) return known
    const made = this.compute(v, at)
    memo.set(key, made)
    return made
  }

  private compute(v: Value, at: Position): Expr {
    const e = this.producer.get(v)!
    const { x } = this.k
    const { prim } = e
    switch (prim.kind) {
      case 'elementwise': {
        const args = e.inputs.map((i) => this.element(i, at))
        return this.k.share(x.prim(prim, args, v.type.dtype), prim.name, formatType(v.type))
      }
      case 'reshape':
        return this.element(e.inputs[0]!, this.linearPosition(e.inputs[0]!, at.linear()))
      case 'view':
        return this.view(e, at)
      case 'constant': {
        const element = prim.element(e.attrs)
        if (element.kind === 'array') throw new Error('constant arrays are stored')
        if (element.kind === 'axis') return x.cast(at.axis(element.axis), v.type.dtype)
        // Whole numbers are sizes more often than not: another length should not be another kernel.
        if (v.type.dtype === 'i32' && element.value >= LEAST_SIZE)
          return this.k.param(`${this.role(v)}_value`, element.value)
        return x.constant(element.value, v.type.dtype)
      }
      case 'piecewise':
        return this.pieces(e, at)
      case 'index': {
        const index = prim.locate(
          this.indexMath(e),
          at.all(),
          e.inputs.map((i) => i.type),
          e.attrs,
        )
        return this.element(e.inputs[0]!, this.position(e.inputs[0]!, index))
      }
      case 'random':
        return this.randomBits(e, at)
      default:
        throw new Error(`${prim.name} (${prim.kind}) cannot be computed in the middle of a kernel`)
    }
  }

  private view(e: Equation, at: Position): Expr {
    if (e.prim.kind !== 'view') throw new Error('not a view')
    const { x } = this.k
    const input = e.inputs[0]!
    const role = this.role(e.outputs[0]!)
    const repeated = timesRepeated(e)
    const row = repeated && at.row(repeated)
    if (row) return this.element(input, this.linearPosition(input, row))
    const axes = e.prim.axisMaps(input.type, e.attrs).map((m, axis) => {
      if (input.type.shape[axis] === 1) return x.constant(0)
      const start = this.k.param(`${role}_start${axis}`, m.start)
      if (m.from === null) return start
      const i = at.axis(m.from)
      if (m.step === -1) return x.sub(start, i)
      return x.add(start, x.mul(i, this.k.param(`${role}_step${axis}`, m.step)))
    })
    return this.element(input, this.position(input, axes))
  }

  /** pad and concat: the piece in which the position lies, read at an index kept inside that piece. */
  private pieces(e: Equation, at: Position): Expr {
    if (e.prim.kind !== 'piecewise') throw new Error('not piecewise')
    const { x } = this.k
    const v = e.outputs[0]!
    const role = this.role(v)
    const fill = x.constant(e.prim.fill(e.attrs), v.type.dtype)
    return e.prim
      .pieces(
        e.inputs.map((i) => i.type),
        e.attrs,
      )
      .reduceRight((rest, piece, n) => {
        const input = e.inputs[piece.input]!
        let inside = x.constant(1, 'bool')
        if (sizeOf(input.type.shape) === 0) return rest
        const axes = input.type.shape.map((size, axis) => {
          const i = at.axis(axis)
          if (piece.low[axis] === 0 && piece.step[axis] === 1 && size === v.type.shape[axis]) return i
          const low = this.k.param(`${role}_low${n}_${axis}`, piece.low[axis]!)
          const step = this.k.param(`${role}_step${n}_${axis}`, piece.step[axis]!)
          const offset = x.sub(i, low)
          const last = x.constant(size - 1)
          const end = this.k.param(`${role}_end${n}_${axis}`, piece.low[axis]! + (size - 1) * piece.step[axis]! + 1)
          inside = x.and(inside, x.and(x.binary('>=', i, low), x.less(i, end)))
          if (piece.step[axis] !== 1) inside = x.and(inside, x.binary('==', x.rem(offset, step), x.constant(0)))
          const count =
            last.op === 'const' && last.value <= 1 ? last : this.k.param(`${role}_last${n}_${axis}`, size - 1)
          return this.k.share(x.min(x.max(x.div(offset, step), x.constant(0)), count), 'piece')
        })
        const value = this.element(input, this.position(input, axes))
        return this.k.share(x.select(inside, value, rest), 'choose', formatType(v.type))
      }, fill)
  }

  private randomBits(e: Equation, at: Position): Expr {
    const { x } = this.k
    const [key] = e.inputs
    const keys = key!.type.shape.slice(0, -1)
    const v = e.outputs[0]!
    const word = (w: number): Expr =>
      this.element(key!, this.position(key!, [...at.all().slice(0, keys.length), x.constant(w)]))
    const counter =
      keys.length === 0
        ? at.linear()
        : x.rem(at.linear(), this.k.param(`${this.role(v)}_count`, sizeOf(v.type.shape.slice(keys.length))))
    return this.k.share(x.random([word(0), word(1), x.cast(counter, 'u32')]), 'bits', formatType(v.type))
  }

  indexMath(e: Equation): IndexMath<Expr> {
    const { x } = this.k
    const shapeOf = (input: number): readonly number[] => e.inputs[input]!.type.shape
    return {
      constant: (n) => x.constant(n),
      add: (a, b) => x.add(a, b),
      size: (input, axis) => this.k.param(`${this.role(e.inputs[input]!)}_dim${axis}`, shapeOf(input)[axis]!),
      room: (input, axis, extent) =>
        this.k.param(
          `${this.role(e.inputs[input]!)}_room${axis}_${this.role(e.outputs[0]!)}`,
          shapeOf(input)[axis]! - extent,
        ),
      clamp: (i, low, high) => x.min(x.max(i, low), high),
      lookup: (input, index) => {
        const found = this.element(e.inputs[input]!, this.position(e.inputs[input]!, index))
        // An index beyond i32 is out of any range; it must not come out negative.
        return x.cast(found.dtype === 'u32' ? x.min(found, x.constant(2147483647, 'u32')) : found, 'i32')
      },
    }
  }
}
