import type { DType } from '../../ir/dtype.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { Expr, Lanes } from '../kernel-ir.ts'
import { loadAt, type MemoryAccess } from './accesses.ts'
import { type Arithmetic, SCALAR, VECTOR } from './arithmetic.ts'
import { castValue } from './cast.ts'
import { f32, i32, i32x4, v128 } from './instructions.ts'
import { LaneOps, type Operand, ready } from './lane-ops.ts'
import { quotientLanes, remainderLanes } from './math/division.ts'
import { THREEFRY } from './math/threefry.ts'
import { constI32, constLanes, getLocal, type Node } from './node.ts'
import { constant, extractLane, onLanes, splat } from './operand.ts'
import type { Scope } from './scope.ts'

const OPERATION = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'rem',
  '<': 'lt',
  '>=': 'ge',
  '==': 'eq',
  min: 'min',
  max: 'max',
} as const

/**
 * The expressions of one statement as nodes. An expression can be asked for in one lane or in four: a scalar in four
 * lanes is repeated, and a vector in one is its first lane, which is all that an index in a row of memory needs.
 */
export class Expressions implements MemoryAccess {
  private readonly known: Record<Lanes, Map<Expr, Node>> = { 1: new Map(), 4: new Map() }

  constructor(readonly scope: Scope) {}

  lower(e: Expr, lanes: Lanes): Node {
    const found = this.known[lanes].get(e)
    if (found) return found
    const node = lanes === 4 && e.lanes === 1 ? this.repeat(e) : this.compute(e, lanes)
    this.known[lanes].set(e, node)
    return node
  }

  private repeat(e: Expr): Node {
    if (e.op === 'const') return constant(VECTOR, e.value, e.dtype)
    if (e.op === 'variable' && this.scope.isLet(e.name)) return this.scope.letValue(e.name, 4)
    if (e.op === 'load' || e.op === 'loadShared') return loadAt(this, e, 4)
    return splat(this.lower(e, 1), e.dtype)
  }

  private compute(e: Expr, lanes: Lanes): Node {
    const A = lanes === 4 ? VECTOR : SCALAR
    switch (e.op) {
      case 'const':
        return constant(A, e.value, e.dtype)
      case 'param':
        return this.scope.param(e.name)
      case 'builtin':
        return this.scope.builtin(e.name)
      case 'variable':
        return this.variable(e.name, lanes)
      case 'load':
      case 'loadShared':
        return loadAt(this, e, lanes)
      case 'binary':
        return this.binary(e, A)
      case 'select':
        return this.ops(A, [e.dtype], e.dtype).select(this.operand(e.condition), this.operand(e.a), this.operand(e.b))
      case 'cast':
        return castValue(A, this.lower(e.x, lanes), e.x.dtype, e.dtype)
      case 'prim':
        return this.prim(e, A)
      case 'random':
        return onLanes(
          A,
          e.args.map((a) => this.lower(a, lanes)),
          'u32',
          (...words) => this.scope.module.call(THREEFRY, words),
        )
      case 'fold':
        return this.ops(A, [e.dtype], e.dtype).fold(e.monoid, this.operand(e.a), this.operand(e.b))
      case 'ramp':
        return this.ramp(e.base, lanes)
      case 'fma':
        return this.multiplyAdd(e.a, e.b, e.c, lanes)
      case 'across':
        return this.across(e)
      case 'lane':
      case 'pack':
      case 'broadcast':
      case 'subgroupFold':
      case 'loadUniform':
        throw new UnsupportedError(`${e.op}: only schedules for WebGPU take vectors apart or have other threads`)
    }
  }

  private ops = (A: Arithmetic, inputs: readonly DType[], output: DType): LaneOps =>
    new LaneOps({ A, m: this.scope.module }, { inputs, output })

  private operand = (e: Expr): Operand => ({ lanes: e.lanes, at: (lanes) => this.lower(e, lanes) })

  private variable(name: string, lanes: Lanes): Node {
    if (this.scope.isLet(name)) return this.scope.letValue(name, lanes)
    const { local, type } = this.scope.variable(name)
    return getLocal(local, type)
  }

  private binary(e: Expr & { op: 'binary' }, A: Arithmetic): Node {
    const { dtype } = e.a
    if (e.fn === '&&') return A.i32.and(this.lower(e.a, A.lanes), this.lower(e.b, A.lanes))
    if ((e.fn === '/' || e.fn === '%') && (dtype === 'i32' || dtype === 'u32')) return this.divide(e, A)
    return this.ops(A, [dtype, dtype], e.dtype)[OPERATION[e.fn]](this.operand(e.a), this.operand(e.b))
  }

  /** Between integers the divisor is a size, and so positive. */
  private divide(e: Expr & { op: 'binary' }, A: Arithmetic): Node {
    const [a, b] = [this.lower(e.a, A.lanes), this.lower(e.b, A.lanes)]
    const signed = e.dtype === 'i32'
    if (A.lanes === 1 && e.b.op === 'const' && isPowerOfTwo(e.b.value) && this.scope.facts.isNatural(e.a)) {
      return e.fn === '/' ? i32.shrU(a, constI32(Math.log2(e.b.value))) : i32.and(a, constI32(e.b.value - 1))
    }
    if (A.lanes === 4) return (e.fn === '/' ? quotientLanes : remainderLanes)(a, b, signed)
    if (e.fn === '/') return signed ? i32.divS(a, b) : i32.divU(a, b)
    return signed ? i32.remS(a, b) : i32.remU(a, b)
  }

  private prim(e: Expr & { op: 'prim' }, A: Arithmetic): Node {
    const inputs = e.args.map((x) => x.dtype)
    return e.prim.apply(this.ops(A, inputs, e.dtype), e.args.map(this.operand))
  }

  private ramp(base: Expr, lanes: Lanes): Node {
    if (lanes === 1) return this.lower(base, 1)
    if (base.op === 'const') return constLanes([0, 1, 2, 3].map((lane) => base.value + lane))
    return i32x4.add(this.lower(base, 4), constLanes([0, 1, 2, 3]))
  }

  private multiplyAdd(a: Expr, b: Expr, c: Expr, lanes: Lanes): Node {
    const { module } = this.scope
    // A scalar must be rounded as the lanes of a vector are.
    if (lanes === 4 || module.fused) {
      const sum = module.madd(this.lower(a, 4), this.lower(b, 4), this.lower(c, 4))
      return lanes === 4 ? sum : extractLane(sum, 0, 'f32')
    }
    return f32.add(f32.mul(this.lower(a, 1), this.lower(b, 1)), this.lower(c, 1))
  }

  private across(e: Expr & { op: 'across' }): Node {
    if (e.x.lanes !== 4) throw new UnsupportedError('a fold across the lanes of a scalar')
    const x = this.lower(e.x, 4)
    const ops = this.ops(VECTOR, [e.dtype], e.dtype)
    const fold = (a: Node, b: Node): Node => ops.fold(e.monoid, ready(a, 4), ready(b, 4))
    const pairs = fold(x, v128.shuffle(x, x, [2, 3, 2, 3]))
    const all = fold(pairs, v128.shuffle(pairs, pairs, [1, 1, 1, 1]))
    return extractLane(all, 0, e.dtype)
  }
}

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0
