import { isFloat } from '../../ir/dtype.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { Builtin, Expr, Kernel, Lanes } from '../kernel-ir.ts'
import { boundBuffers } from '../kernel-walk.ts'
import { IndexFacts } from './index-facts.ts'
import { load } from './instructions.ts'
import type { Address } from './memory.ts'
import type { ModuleWriter } from './module.ts'
import { getLocal, type Node, type ValueType } from './node.ts'
import { splat } from './operand.ts'
import { scratchOffsets } from './scratch.ts'

const ARGS = 0
export const GROUP = 1
export const END = 2
const SCRATCH = 3

export const typeOf = (dtype: Expr['dtype'], lanes: Lanes): ValueType =>
  lanes === 4 ? 'v128' : isFloat(dtype) ? 'f32' : 'i32'

/** A local that is assigned to. */
interface Variable {
  readonly local: number
  readonly type: ValueType
}

/** A local, and what is to be put in it. */
interface Assignment {
  readonly local: number
  readonly value: Node
}

/**
 * The names of a kernel and their locals. What a `let` names is computed where the `let` stands, but only in the
 * forms that somebody asked for: its value, that value repeated in four lanes, or the first lane of a vector.
 */
export class Scope {
  readonly facts: IndexFacts
  private readonly sharedOffsets: ReadonlyMap<string, number>
  private readonly lets = new Map<string, { readonly value: Expr; readonly forms: Map<Lanes, Assignment> }>()
  private readonly variables = new Map<string, Variable>()
  /** Words of the arguments in use, by position. */
  private readonly words = new Map<number, number>()
  private readonly bound: readonly number[]

  constructor(
    private readonly kernel: Kernel,
    readonly module: ModuleWriter,
    /** The lowering of expressions, which in turn asks the scope for names. */
    private readonly lower: (scope: Scope, e: Expr, lanes: Lanes) => Node,
  ) {
    this.facts = new IndexFacts(kernel.body)
    this.sharedOffsets = scratchOffsets(kernel.shared)
    this.bound = boundBuffers(kernel)
  }

  private word(position: number): Node {
    let local = this.words.get(position)
    if (local === undefined) {
      local = this.module.run.newLocal('i32')
      this.words.set(position, local)
    }
    return getLocal(local, 'i32')
  }

  /** What the prologue loads: once all else is lowered. */
  prologue(): readonly Assignment[] {
    const args = getLocal(ARGS, 'i32')
    return [...this.words].map(([position, local]) => ({ local, value: load.i32(args, 4 * position) }))
  }

  param(name: string): Node {
    const position = this.kernel.params.indexOf(name)
    if (position < 0) throw new Error(`${this.kernel.name} has no parameter ${name}`)
    return this.word(this.bound.length + position)
  }

  /** Byte address of a buffer. */
  buffer(index: number): Node {
    return this.word(this.bound.indexOf(this.kernel.aliases.get(index) ?? index))
  }

  sharedArray(name: string): Address {
    const offset = this.sharedOffsets.get(name)
    if (offset === undefined) throw new Error(`${this.kernel.name} has no shared array ${name}`)
    return { address: getLocal(SCRATCH, 'i32'), offset }
  }

  builtin(name: Builtin): Node {
    if (name !== 'group_x') throw new UnsupportedError(`${name}: a kernel on wasm knows group_x alone`)
    return getLocal(GROUP, 'i32')
  }

  bindLet(name: string, value: Expr): ReadonlyMap<Lanes, Assignment> {
    this.checkNew(name)
    const forms = new Map<Lanes, Assignment>()
    this.lets.set(name, { value, forms })
    return forms
  }

  /** A variable that is assigned to. */
  bindVariable(name: string, type: ValueType): number {
    this.checkNew(name)
    const local = this.module.run.newLocal(type)
    this.variables.set(name, { local, type })
    return local
  }

  private checkNew(name: string): void {
    if (this.lets.has(name) || this.variables.has(name)) throw new Error(`${this.kernel.name} binds ${name} twice`)
  }

  isLet = (name: string): boolean => this.lets.has(name)

  letValue(name: string, lanes: Lanes): Node {
    const { value, forms } = this.lets.get(name)!
    const type = typeOf(value.dtype, lanes)
    let form = forms.get(lanes)
    if (!form) {
      form = { local: this.module.run.newLocal(type), value: this.letForm(name, value, lanes) }
      forms.set(lanes, form)
    }
    return getLocal(form.local, type)
  }

  private letForm(name: string, value: Expr, lanes: Lanes): Node {
    const direct = value.lanes === lanes || lanes === 1 || value.op === 'load' || value.op === 'loadShared'
    return direct ? this.lower(this, value, lanes) : splat(this.letValue(name, 1), value.dtype)
  }

  variable(name: string): Variable {
    const found = this.variables.get(name)
    if (!found) throw new Error(`${this.kernel.name}: nothing binds ${name}`)
    return found
  }
}
