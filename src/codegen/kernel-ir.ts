import type { DType } from '../ir/dtype.ts'
import type { ElementwisePrim, MonoidName } from '../ir/prim.ts'

/**
 * The kernel IR: what stands between the graph and a target. A kernel is a loop nest over scalars and vectors with
 * explicit loads and stores; it names no target. Schedules build it; a printer (WGSL) or an assembler (WebAssembly)
 * reads it.
 *
 *   kernel ::= buffers params workgroup body
 *   stmt   ::= let | var | assign | for | if | store | store-shared | barrier
 *   expr   ::= const | param | builtin | variable | load | load-shared | integer op | select | cast | prim | random
 *            | ramp | fused multiply-add | fold | fold across lanes | lane | vector of scalars
 *            | broadcast in a subgroup | fold of a subgroup
 *
 * An expression is a scalar or a vector of four lanes. Vectors begin with a ramp (i, i+1, i+2, i+3), the index of a
 * vectorised loop, and go on through whatever reads it: a mixed operation repeats its scalar operands in every lane.
 * Expressions are interned: equal expressions are the same object, so that sharing is a look-up by identity.
 */
export type Lanes = 1 | 4
/** Lanes of a vector. */
export const LANES = 4
export type BinaryFn = '+' | '-' | '*' | '/' | '%' | '<' | '>=' | '==' | '&&' | 'min' | 'max'
export type Builtin = 'global_x' | 'local_x' | 'local_y' | 'group_x' | 'group_y' | 'group_z' | 'subgroup_lane'

interface ExprBase {
  readonly id: number
  readonly dtype: DType
  readonly lanes: Lanes
  /** Nesting level of the innermost loop whose variables it reads: it may be computed at that level, not above. */
  readonly depth: number
}

export type Expr = ExprBase &
  (
    | { readonly op: 'const'; readonly value: number }
    | { readonly op: 'param'; readonly name: string }
    | { readonly op: 'builtin'; readonly name: Builtin }
    | { readonly op: 'variable'; readonly name: string }
    | { readonly op: 'load'; readonly buffer: number; readonly index: Expr }
    | { readonly op: 'loadShared'; readonly array: string; readonly index: Expr }
    /**
     * The first element of a shared array, for which all threads wait: barriers may stand in control flow that depends
     * on it. (WGSL takes no other value from memory for the same in all threads.)
     */
    | { readonly op: 'loadUniform'; readonly array: string }
    | { readonly op: 'binary'; readonly fn: BinaryFn; readonly a: Expr; readonly b: Expr }
    | { readonly op: 'select'; readonly condition: Expr; readonly a: Expr; readonly b: Expr }
    | { readonly op: 'cast'; readonly x: Expr }
    | { readonly op: 'prim'; readonly prim: ElementwisePrim; readonly args: readonly Expr[] }
    | { readonly op: 'random'; readonly args: readonly Expr[] }
    | { readonly op: 'fold'; readonly monoid: MonoidName; readonly a: Expr; readonly b: Expr }
    /** (base, base + 1, base + 2, base + 3) in i32. */
    | { readonly op: 'ramp'; readonly base: Expr }
    /** a * b + c in f32, rounded once where the target can (the result may differ by that rounding). */
    | { readonly op: 'fma'; readonly a: Expr; readonly b: Expr; readonly c: Expr }
    /** The four lanes of a vector folded into a scalar: (x0 . x2) . (x1 . x3). */
    | { readonly op: 'across'; readonly monoid: MonoidName; readonly x: Expr }
    /** One lane of a vector. */
    | { readonly op: 'lane'; readonly x: Expr; readonly lane: number }
    /** The vector of four scalars. */
    | { readonly op: 'pack'; readonly parts: readonly Expr[] }
    /** What one thread of the subgroup has, as all of them then know it. In uniform control flow only. */
    | { readonly op: 'broadcast'; readonly x: Expr; readonly from: number }
    /** What the threads of the subgroup have, folded, as all of them then know it. In uniform control flow only. */
    | { readonly op: 'subgroupFold'; readonly monoid: MonoidName; readonly x: Expr }
  )

export type Stmt =
  | { readonly kind: 'let'; readonly name: string; readonly value: Expr; readonly comment?: string | undefined }
  | {
      readonly kind: 'var'
      readonly name: string
      readonly dtype: DType
      readonly lanes: Lanes
      readonly init: Expr
    }
  | { readonly kind: 'assign'; readonly name: string; readonly value: Expr }
  | {
      readonly kind: 'for'
      readonly name: string
      readonly from: Expr
      readonly to: Expr
      readonly step: Expr
      readonly body: readonly Stmt[]
    }
  | { readonly kind: 'if'; readonly condition: Expr; readonly body: readonly Stmt[] }
  | { readonly kind: 'store'; readonly buffer: number; readonly index: Expr; readonly value: Expr }
  | { readonly kind: 'storeShared'; readonly array: string; readonly index: Expr; readonly value: Expr }
  | { readonly kind: 'barrier' }
  | { readonly kind: 'comment'; readonly text: string }

export interface KernelBuffer {
  readonly dtype: DType
  readonly access: 'read' | 'read_write'
  /** What it holds, for the reader of the kernel. */
  readonly comment: string
}

export interface SharedArray {
  readonly name: string
  readonly dtype: DType
  /** Elements. Only the last array's may differ between kernels of one text. */
  readonly length: number
  /** Each thread has one of its own. */
  readonly ofThread: boolean
}

export interface Kernel {
  /** Of the schedule, and of the way it took: kernels of one name share their work out in one manner. */
  readonly name: string
  readonly buffers: readonly KernelBuffer[]
  /** Names of the i32 parameters, in order. */
  readonly params: readonly string[]
  /** Those that are multiples of four wherever this kernel is used. */
  readonly multiplesOfFour: ReadonlySet<string>
  readonly shared: readonly SharedArray[]
  readonly workgroupSize: readonly [number, number, number]
  readonly body: readonly Stmt[]
  /** Buffers that are another one's memory, written in place: they have no binding of their own. */
  readonly aliases: ReadonlyMap<number, number>
  /** A line or two on what is computed. */
  readonly comments: readonly string[]
}

/** Makes interned, constant-folded expressions. One factory serves one kernel. */
export class ExprFactory {
  private readonly known = new Map<string, Expr>()

  private intern(key: string, make: (id: number) => Expr): Expr {
    const found = this.known.get(key)
    if (found) return found
    const made = make(this.known.size)
    this.known.set(key, made)
    return made
  }

  constant(value: number, dtype: DType = 'i32'): Expr {
    const key = `c ${dtype} ${Object.is(value, -0) ? '-0' : value}`
    return this.intern(key, (id) => ({ id, op: 'const', dtype, lanes: 1, depth: 0, value }))
  }
  param(name: string): Expr {
    return this.intern(`p ${name}`, (id) => ({ id, op: 'param', dtype: 'i32', lanes: 1, depth: 0, name }))
  }
  builtin(name: Builtin): Expr {
    return this.intern(`b ${name}`, (id) => ({ id, op: 'builtin', dtype: 'i32', lanes: 1, depth: 0, name }))
  }
  variable(name: string, dtype: DType, depth: number, lanes: Lanes = 1): Expr {
    return this.intern(`v ${name}`, (id) => ({ id, op: 'variable', dtype, lanes, depth, name }))
  }
  /** Loads of a buffer that the kernel writes are pinned to `depth`, below which they must not be hoisted. */
  load(buffer: number, dtype: DType, index: Expr, depth = 0): Expr {
    return this.intern(`l ${buffer} ${index.id}`, (id) => ({
      id,
      op: 'load',
      dtype,
      lanes: index.lanes,
      depth: Math.max(depth, index.depth),
      buffer,
      index,
    }))
  }
  loadShared(array: string, dtype: DType, index: Expr, depth: number): Expr {
    return this.intern(`s ${array} ${index.id}`, (id) => ({
      id,
      op: 'loadShared',
      dtype,
      lanes: index.lanes,
      depth: Math.max(depth, index.depth),
      array,
      index,
    }))
  }

  loadUniform(array: string, dtype: DType, depth: number): Expr {
    return this.intern(`u ${array} ${depth}`, (id) => ({ id, op: 'loadUniform', dtype, lanes: 1, depth, array }))
  }

  binary(fn: BinaryFn, a: Expr, b: Expr): Expr {
    const folded = this.fold(fn, a, b)
    if (folded) return folded
    const dtype: DType = fn === '<' || fn === '>=' || fn === '==' || fn === '&&' ? 'bool' : a.dtype
    return this.intern(`${fn} ${a.id} ${b.id}`, (id) => ({
      id,
      op: 'binary',
      dtype,
      lanes: widest([a, b]),
      depth: deepest([a, b]),
      fn,
      a,
      b,
    }))
  }

  private fold(fn: BinaryFn, a: Expr, b: Expr): Expr | undefined {
    if (a.dtype === 'f32' || a.dtype === 'f16') return undefined
    const x = a.op === 'const' ? a.value : undefined
    const y = b.op === 'const' ? b.value : undefined
    if (fn === '+' && x === 0) return b
    if ((fn === '+' || fn === '-') && y === 0) return a
    if (fn === '*' && (x === 0 || y === 0)) return this.constant(0, a.dtype)
    if (fn === '*' && x === 1) return b
    if ((fn === '*' || fn === '/') && y === 1) return a
    if (fn === '%' && y === 1) return this.constant(0, a.dtype)
    if ((fn === '/' || fn === '%') && x === 0) return a
    // A size of 0: the index into an empty tensor, in a loop that never runs.
    if ((fn === '/' || fn === '%') && y === 0) return this.constant(0, a.dtype)
    if (fn === '&&' && x === 1) return b
    if (fn === '&&' && y === 1) return a
    if (x === undefined || y === undefined) return undefined
    if (fn === '+') return this.constant(x + y, a.dtype)
    if (fn === '-') return this.constant(x - y, a.dtype)
    if (fn === '*') return this.constant(x * y, a.dtype)
    if (fn === 'min') return this.constant(Math.min(x, y), a.dtype)
    if (fn === 'max') return this.constant(Math.max(x, y), a.dtype)
    return undefined
  }

  add = (a: Expr, b: Expr): Expr => this.binary('+', a, b)
  sub = (a: Expr, b: Expr): Expr => this.binary('-', a, b)
  mul = (a: Expr, b: Expr): Expr => this.binary('*', a, b)
  div = (a: Expr, b: Expr): Expr => this.binary('/', a, b)
  rem = (a: Expr, b: Expr): Expr => this.binary('%', a, b)
  min = (a: Expr, b: Expr): Expr => this.binary('min', a, b)
  max = (a: Expr, b: Expr): Expr => this.binary('max', a, b)
  less = (a: Expr, b: Expr): Expr => this.binary('<', a, b)
  and = (a: Expr, b: Expr): Expr => this.binary('&&', a, b)

  select(condition: Expr, a: Expr, b: Expr): Expr {
    if (condition.op === 'const') return condition.value ? a : b
    if (a === b) return a
    return this.intern(`? ${condition.id} ${a.id} ${b.id}`, (id) => ({
      id,
      op: 'select',
      dtype: a.dtype,
      lanes: widest([condition, a, b]),
      depth: deepest([condition, a, b]),
      condition,
      a,
      b,
    }))
  }
  cast(x: Expr, dtype: DType): Expr {
    if (x.dtype === dtype) return x
    if (x.op === 'const' && dtype !== 'bool') return this.constant(x.value, dtype)
    return this.intern(`as ${dtype} ${x.id}`, (id) => ({ id, op: 'cast', dtype, lanes: x.lanes, depth: x.depth, x }))
  }
  prim(prim: ElementwisePrim, args: readonly Expr[], dtype: DType): Expr {
    return this.intern(`${prim.name}:${dtype} ${args.map((a) => a.id).join(' ')}`, (id) => ({
      id,
      op: 'prim',
      dtype,
      lanes: widest(args),
      depth: deepest(args),
      prim,
      args,
    }))
  }
  random(args: readonly Expr[]): Expr {
    return this.intern(`random ${args.map((a) => a.id).join(' ')}`, (id) => ({
      id,
      op: 'random',
      dtype: 'u32',
      lanes: widest(args),
      depth: deepest(args),
      args,
    }))
  }
  foldMonoid(monoid: MonoidName, a: Expr, b: Expr): Expr {
    return this.intern(`${monoid} ${a.id} ${b.id}`, (id) => ({
      id,
      op: 'fold',
      dtype: a.dtype,
      lanes: widest([a, b]),
      depth: deepest([a, b]),
      monoid,
      a,
      b,
    }))
  }
  ramp(base: Expr): Expr {
    return this.intern(`ramp ${base.id}`, (id) => ({ id, op: 'ramp', dtype: 'i32', lanes: 4, depth: base.depth, base }))
  }
  fma(a: Expr, b: Expr, c: Expr): Expr {
    return this.intern(`fma ${a.id} ${b.id} ${c.id}`, (id) => ({
      id,
      op: 'fma',
      dtype: 'f32',
      lanes: widest([a, b, c]),
      depth: deepest([a, b, c]),
      a,
      b,
      c,
    }))
  }
  across(monoid: MonoidName, x: Expr): Expr {
    return this.intern(`across ${monoid} ${x.id}`, (id) => ({
      id,
      op: 'across',
      dtype: x.dtype,
      lanes: 1,
      depth: x.depth,
      monoid,
      x,
    }))
  }
  lane(x: Expr, lane: number): Expr {
    const key = `lane ${lane} ${x.id}`
    return this.intern(key, (id) => ({ id, op: 'lane', dtype: x.dtype, lanes: 1, depth: x.depth, x, lane }))
  }
  pack(parts: readonly Expr[]): Expr {
    const { dtype } = parts[0]!
    const key = `pack ${parts.map((p) => p.id).join(' ')}`
    return this.intern(key, (id) => ({ id, op: 'pack', dtype, lanes: LANES, depth: deepest(parts), parts }))
  }
  broadcast(x: Expr, from: number): Expr {
    const { dtype, lanes, depth } = x
    return this.intern(`from ${from} ${x.id}`, (id) => ({ id, op: 'broadcast', dtype, lanes, depth, x, from }))
  }
  subgroupFold(monoid: MonoidName, x: Expr): Expr {
    const { dtype, lanes, depth } = x
    return this.intern(`all ${monoid} ${x.id}`, (id) => ({ id, op: 'subgroupFold', dtype, lanes, depth, monoid, x }))
  }
}

const widest = (list: readonly Expr[]): Lanes => (list.some((e) => e.lanes === LANES) ? LANES : 1)
const deepest = (list: readonly Expr[]): number => list.reduce((d, e) => Math.max(d, e.depth), 0)
