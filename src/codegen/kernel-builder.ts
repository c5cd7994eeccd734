import type { DType } from '../ir/dtype.ts'
import { type Expr, ExprFactory, type Kernel, type KernelBuffer, type SharedArray, type Stmt } from './kernel-ir.ts'

/** A linear index as the loops made it: of a column below `inner`, and of the row in which it lies. */
export interface Split {
  readonly inner: number
  row(): Expr
  readonly column: Expr
}

/** The numbers that the variable of a loop goes through. */
export interface Loop {
  readonly from: Expr
  readonly to: Expr
  readonly step: Expr
}

/**
 * Builds one kernel: blocks of statements nested by loops, and `share`, which gives an expression a name in the
 * outermost block where its variables exist. Loop-invariant work thereby leaves the loop by itself.
 */
export class KernelBuilder {
  readonly x = new ExprFactory()
  private readonly blocks: { stmts: Stmt[]; names: Map<Expr, Expr> }[] = [{ stmts: [], names: new Map() }]
  private readonly bufferList: KernelBuffer[] = []
  private readonly paramNames: string[] = []
  readonly paramValues: number[] = []
  /** Linear indices known as row * inner + column; see `Position`. */
  readonly splits = new Map<Expr, Split>()
  /** Linear indices of operands, which are divided by what is known of their parts; see `divide`. */
  readonly operandIndices = new Set<Expr>()
  private readonly sharedArrays: SharedArray[] = []
  private readonly meanings = new Map<string, Expr>()
  private readonly loops = new Map<string, Loop>()
  private counter = 0

  /** Level of the innermost open block. */
  get depth(): number {
    return this.blocks.length - 1
  }

  buffer(b: KernelBuffer): number {
    return this.bufferList.push(b) - 1
  }

  /** A size or stride known when the program is lowered, kept out of the text so that equal structures share it. */
  param(role: string, value: number): Expr {
    if (value === 0 || value === 1) return this.x.constant(value)
    const at = this.paramNames.indexOf(role)
    if (at < 0) {
      this.paramNames.push(role)
      this.paramValues.push(value)
    } else if (this.paramValues[at] !== value) {
      throw new Error(`parameter ${role} has two values: ${this.paramValues[at]} and ${value}`)
    }
    return this.x.param(role)
  }

  /** Of a parameter. What follows from it must show in the text, which kernels of other values share. */
  valueOf(param: string): number {
    return this.paramValues[this.paramNames.indexOf(param)]!
  }

  /** The expression that `share` gave this name; undefined for variables of other kinds. */
  meaningOf(variable: Expr & { op: 'variable' }): Expr | undefined {
    return this.meanings.get(variable.name)
  }

  loopOf(variable: Expr & { op: 'variable' }): Loop | undefined {
    return this.loops.get(variable.name)
  }

  /** An array that the threads of a workgroup share. */
  shared(name: string, dtype: DType, length: number): string {
    this.sharedArrays.push({ name, dtype, length, ofThread: false })
    return name
  }

  /** An array of which each thread has one of its own, for what is found by an index that varies. */
  ofThread(name: string, dtype: DType, length: number): string {
    this.sharedArrays.push({ name, dtype, length, ofThread: true })
    return name
  }

  fresh(stem: string): string {
    return `${stem}_${this.counter++}`
  }

  private push(s: Stmt): void {
    this.blocks.at(-1)!.stmts.push(s)
  }

  /** Names an expression (once per block nest), unless it is so small that a name would only hide it. */
  share(e: Expr, stem: string, comment?: string): Expr {
    if (e.op === 'const' || e.op === 'param' || e.op === 'variable') return e
    for (const block of this.blocks) {
      const known = block.names.get(e)
      if (known) return known
    }
    const home = this.blocks[e.depth]!
    const name = this.fresh(stem)
    home.stmts.push({ kind: 'let', name, value: e, comment })
    const variable = this.x.variable(name, e.dtype, e.depth, e.lanes)
    home.names.set(e, variable)
    this.meanings.set(name, e)
    return variable
  }

  /** A variable of as many lanes as `init` has, unless told. */
  variable(stem: string, dtype: DType, init: Expr, lanes = init.lanes): Expr {
    const name = this.fresh(stem)
    this.push({ kind: 'var', name, dtype, lanes, init })
    return this.x.variable(name, dtype, this.depth, lanes)
  }

  assign(variable: Expr, value: Expr): void {
    if (variable.op !== 'variable') throw new Error('assign: not a variable')
    this.push({ kind: 'assign', name: variable.name, value })
  }

  store(buffer: number, index: Expr, value: Expr): void {
    this.push({ kind: 'store', buffer, index, value })
  }

  storeShared(array: string, index: Expr, value: Expr): void {
    this.push({ kind: 'storeShared', array, index, value })
  }

  /** A line for the reader of the kernel. */
  comment(text: string): void {
    this.push({ kind: 'comment', text })
  }

  barrier(): void {
    this.push({ kind: 'barrier' })
  }

  loop(stem: string, from: Expr, to: Expr, step: Expr, body: (i: Expr) => void): void {
    if (from.op === 'const' && from.value === 0 && to.op === 'const' && to.value === 1) {
      body(from)
      return
    }
    const name = this.fresh(stem)
    this.loops.set(name, { from, to, step })
    const inner = this.block(() => body(this.x.variable(name, 'i32', this.depth)))
    this.push({ kind: 'for', name, from, to, step, body: inner })
  }

  when(condition: Expr, body: () => void): void {
    if (condition.op === 'const' && condition.value) {
      body()
      return
    }
    const inner = this.block(body)
    this.push({ kind: 'if', condition, body: inner })
  }

  /** Statements that were made elsewhere. */
  include(stmts: readonly Stmt[]): void {
    for (const s of stmts) this.push(s)
  }

  private block(body: () => void): readonly Stmt[] {
    this.blocks.push({ stmts: [], names: new Map() })
    body()
    return this.blocks.pop()!.stmts
  }

  finish(name: string, workgroupSize: readonly [number, number, number], comments: readonly string[]): Kernel {
    return {
      name,
      buffers: this.bufferList,
      params: this.paramNames,
      multiplesOfFour: new Set(this.paramNames.filter((_, i) => this.paramValues[i]! % 4 === 0)),
      shared: this.sharedArrays,
      workgroupSize,
      body: this.blocks[0]!.stmts,
      aliases: new Map(),
      comments,
    }
  }
}
