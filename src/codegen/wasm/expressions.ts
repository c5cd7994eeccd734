import { UnsupportedError } from '../../util/errors.ts'
import type { Expr, Lanes } from '../kernel-ir.ts'
import { loadAt, type MemoryAccess } from './accesses.ts'
import { type Arithmetic, SCALAR, VECTOR } from './arithmetic.ts'
import { castValue } from './cast.ts'
import { choose, f32, i32, i32x4, v128 } from './instructions.ts'
import { quotientLanes, remainderLanes } from './math/division.ts'
import { THREEFRY } from './math/threefry.ts'
import { constLanes, getLocal, type Node } from './node.ts'
import { constant, extractLane, onLanes, splat } from './operand.ts'
import { lowerFold, lowerPrim, uniformShift } from './prims.ts'
import type { Scope } from './scope.ts'

const PRIM_OF = { '+': 'add', '-': 'sub', '*': 'mul', '<': 'lt', '>=': 'ge', '==': 'eq', min: 'min2', max: 'max2' }

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
        return this.select(e.condition, e.a, e.b, A)
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
        return lowerFold(e.monoid, this.lower(e.a, lanes), this.lower(e.b, lanes), this.place(A), e.dtype)
      case 'ramp':
        return this.ramp(e.base, lanes)
      case 'fma':
        return this.multiplyAdd(e.a, e.b, e.c, lanes)
      case 'across':
        return this.across(e)
    }
  }

  private place = (A: Arithmetic): { A: Arithmetic; m: Scope['module'] } => ({ A, m: this.scope.module })

  private variable(name: string, lanes: Lanes): Node {
    if (this.scope.isLet(name)) return this.scope.letValue(name, lanes)
    const { local, type } = this.scope.variable(name)
    return getLocal(local, type)
  }

  private binary(e: Expr & { op: 'binary' }, A: Arithmetic): Node {
    const { dtype } = e.a
    const a = this.lower(e.a, A.lanes)
    const b = this.lower(e.b, A.lanes)
    if (e.fn === '&&') return A.i32.and(a, b)
    if (e.fn === '/' || e.fn === '%') return this.divide(e, a, b, A)
    return lowerPrim(PRIM_OF[e.fn], [a, b], this.place(A), { inputs: [dtype, dtype], output: e.dtype })
  }

  /** Between integers the divisor is a size, and so positive. */
  private divide(e: Expr & { op: 'binary' }, a: Node, b: Node, A: Arithmetic): Node {
    const { dtype } = e
    if (dtype !== 'i32' && dtype !== 'u32') {
      return lowerPrim(e.fn === '/' ? 'div' : 'rem', [a, b], this.place(A), { inputs: [dtype, dtype], output: dtype })
    }
    const signed = dtype === 'i32'
    if (A.lanes === 4) return (e.fn === '/' ? quotientLanes : remainderLanes)(a, b, signed)
    if (e.fn === '/') return signed ? i32.divS(a, b) : i32.divU(a, b)
    return signed ? i32.remS(a, b) : i32.remU(a, b)
  }

  private select(condition: Expr, a: Expr, b: Expr, A: Arithmetic): Node {
    const [yes, no] = [this.lower(a, A.lanes), this.lower(b, A.lanes)]
    if (condition.lanes === 1) return choose(yes, no, this.lower(condition, 1))
    return A.select(this.lower(condition, A.lanes), yes, no)
  }

  private prim(e: Expr & { op: 'prim' }, A: Arithmetic): Node {
    const { name } = e.prim
    const [a, b, c] = e.args
    if (name === 'select') return this.select(a!, b!, c!, A)
    if ((name === 'shl' || name === 'shr') && A.lanes === 4 && b!.lanes === 1) {
      return i32x4[uniformShift(name, e.dtype)](this.lower(a!, 4), this.lower(b!, 1))
    }
    return lowerPrim(
      name,
      e.args.map((x) => this.lower(x, A.lanes)),
      this.place(A),
      { inputs: e.args.map((x) => x.dtype), output: e.dtype },
    )
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
    const place = this.place(VECTOR)
    const pairs = lowerFold(e.monoid, x, v128.shuffle(x, x, [2, 3, 2, 3]), place, e.dtype)
    const all = lowerFold(e.monoid, pairs, v128.shuffle(pairs, pairs, [1, 1, 1, 1]), place, e.dtype)
    return extractLane(all, 0, e.dtype)
  }
}
