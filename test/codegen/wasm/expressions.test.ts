import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KernelBuilder } from '../../../src/codegen/kernel-builder.ts'
import type { Expr, Lanes } from '../../../src/codegen/kernel-ir.ts'
import { printKernelText } from '../../../src/codegen/kernel-text.ts'
import type { DType } from '../../../src/ir/dtype.ts'
import { elementwise } from './apply.ts'
import { type Environment, interpret } from './interpret.ts'
import { deviceArray, runKernel } from './run.ts'

/** Numbers that decide how a tree is built: every choice takes the next one. */
type Choices = (below: number) => number

const DATA = {
  f32: [0, -0, 1.5, -2.25, 3e9, 1e-30, 0.1, -7, 100, 2 ** 24, Infinity, -1, 0.3, 12.75, -0.001, 5],
  i32: [0, 1, -1, 2, 7, -5, 100, 2147483647, -2147483648, 12, 3, -13, 65536, 9, 4, -2],
} as const
const KINDS = ['f32', 'i32', 'bool'] as const

/** Trees of expressions over two buffers, parameters and the group, of any dtype and number of lanes. */
class Trees {
  readonly k = new KernelBuilder()
  readonly x = this.k.x
  private readonly sources: Record<'f32' | 'i32', number> = {
    f32: this.k.buffer({ dtype: 'f32', access: 'read', comment: 'floats' }),
    i32: this.k.buffer({ dtype: 'i32', access: 'read', comment: 'integers' }),
  }
  readonly out = this.k.buffer({ dtype: 'i32', access: 'read_write', comment: 'results' })
  private readonly param = this.k.param('p', 3)

  constructor(private readonly next: Choices) {}

  make(dtype: (typeof KINDS)[number], depth: number): Expr {
    const made = depth === 0 ? this.leaf(dtype) : this.node(dtype, depth - 1)
    return this.next(3) === 0 ? this.k.share(made, 'v') : made
  }

  /** An index from 0 to 15. */
  private index(): Expr {
    const { x, k } = this
    const group = x.min(x.builtin('group_x'), x.constant(3))
    const ramp = x.ramp(x.mul(group, x.constant(4)))
    const forms = [
      () => x.constant(this.next(16)),
      () => x.add(group, x.constant(this.next(12))),
      () => ramp,
      () => k.share(x.add(x.ramp(group), x.constant(this.next(8))), 'at'),
      () => x.mul(x.ramp(x.constant(0)), this.param),
      () => x.sub(x.constant(15), ramp),
      () => x.rem(x.mul(ramp, ramp), x.constant(11)),
      () => x.add(x.mul(x.sub(ramp, ramp), x.constant(3)), group),
    ]
    return forms[this.next(forms.length)]!()
  }

  private leaf(dtype: (typeof KINDS)[number]): Expr {
    const { x } = this
    if (dtype === 'bool') return x.less(this.leaf('i32'), this.leaf('i32'))
    if (this.next(4) === 0) return x.constant(DATA[dtype][this.next(16)]!, dtype)
    if (dtype === 'i32' && this.next(3) === 0) return x.ramp(this.param)
    return x.load(this.sources[dtype], dtype, this.index())
  }

  private node(dtype: (typeof KINDS)[number], depth: number): Expr {
    const { x } = this
    const of = (d: (typeof KINDS)[number]): Expr => this.make(d, depth)
    const pick = (forms: readonly (() => Expr)[]): Expr => forms[this.next(forms.length)]!()
    const prim = (names: string, from: typeof dtype, to: DType, arity = 2): Expr => {
      const list = names.split(' ')
      const args = Array.from({ length: arity }, () => of(from))
      return x.prim(elementwise(list[this.next(list.length)]!), args, to)
    }
    const half = (): Expr => x.cast(of('f32'), 'f16')
    const select = (): Expr => x.select(of('bool'), of(dtype), of(dtype))
    if (dtype === 'f32') {
      return pick([
        select,
        () => x.fma(of('f32'), of('f32'), of('f32')),
        () => prim('add sub mul div max2 min2 rem', 'f32', 'f32'),
        () => prim('neg abs floor ceil round sqrt sign', 'f32', 'f32', 1),
        () => x.foldMonoid('sum', of('f32'), of('f32')),
        () => x.cast(of('i32'), 'f32'),
        () => x.cast(x.foldMonoid('sum', half(), half()), 'f32'),
        () => this.folded('f32', depth),
      ])
    }
    if (dtype === 'i32') {
      return pick([
        select,
        () => prim('add sub mul div max2 min2 rem and or xor shl shr', 'i32', 'i32'),
        () => x.binary('+', of('i32'), of('i32')),
        () => x.binary('/', of('i32'), x.constant(1 + this.next(9))),
        () => x.binary('%', of('i32'), x.constant(1 + this.next(9))),
        () => x.cast(of('f32'), 'i32'),
        () => x.cast(of('bool'), 'i32'),
        () => x.cast(x.random([0, 1, 2].map(() => x.cast(of('i32'), 'u32'))), 'i32'),
        () => this.folded('i32', depth),
      ])
    }
    return pick([
      () => prim('lt le gt ge eq ne', 'f32', 'bool'),
      () => prim('lt le gt ge eq ne', 'i32', 'bool'),
      () => prim('and or xor eq', 'bool', 'bool'),
      () => prim('not', 'bool', 'bool', 1),
      () => x.cast(of('f32'), 'bool'),
    ])
  }

  private folded(dtype: 'f32' | 'i32', depth: number): Expr {
    const value = this.make(dtype, depth)
    const monoid = (['sum', 'max', 'min'] as const)[this.next(3)]!
    return value.lanes === 4 ? this.x.across(monoid, value) : value
  }
}

/** Floats as bits, so that -0 counts; of NaN there is one. */
const bits = new Float32Array(1)
function asInteger(dtype: DType, value: number): number {
  if (dtype !== 'f32') return value | 0
  bits[0] = value
  return Number.isNaN(value) ? 0x7fc00000 : new Int32Array(bits.buffer)[0]!
}

function check(choices: readonly number[], dtype: 'f32' | 'i32'): void {
  let at = 0
  const trees = new Trees((below) => (choices[at++ % choices.length]! + (at >> 6)) % below)
  const { k, x } = trees
  const tree = trees.make(dtype, 4)
  const lanes: Lanes = tree.lanes
  const index = lanes === 4 ? x.ramp(x.constant(0)) : x.constant(0)
  const buffers = [Float32Array.from(DATA.f32), Int32Array.from(DATA.i32), deviceArray('i32', 4)]
  // Bits of a float are seen by storing it as one; the buffer's dtype decides.
  const kernel = k.finish('tree', [1, 1, 1], [])
  const typed = kernel.buffers.map((b, i) => (i === trees.out ? { ...b, dtype } : b))
  k.store(trees.out, index, tree)
  const env: Environment = { params: { p: 3 }, buffers: [[...buffers[0]!], [...buffers[1]!]], group: 2 }
  const want = unfold(tree, k, env).map((v) => asInteger(dtype, v))
  runKernel({ kernel: { ...kernel, buffers: typed }, buffers, params: [3], groups: [2, 3] })
  const raw = new Float32Array(buffers[2]!.buffer)
  const got = want.map((_, i) => asInteger(dtype, dtype === 'f32' ? raw[i]! : buffers[2]![i]!))
  expect(got, printKernelText(kernel)).toEqual(want)
}

/** Interprets with names replaced by what they stand for. */
function unfold(e: Expr, k: KernelBuilder, env: Environment): readonly number[] {
  const lets = new Map(k.finish('', [1, 1, 1], []).body.flatMap((s) => (s.kind === 'let' ? [[s.name, s.value]] : [])))
  const replace = (x: Expr): Expr => {
    if (x.op === 'variable') return replace(lets.get(x.name)!)
    const entries = Object.entries(x).map(([key, value]) => [key, replaced(value)])
    return Object.fromEntries(entries)
  }
  const isExpr = (v: unknown): v is Expr => typeof v === 'object' && v !== null && 'op' in v
  const replaced = (v: unknown): unknown => (Array.isArray(v) ? v.map(replaced) : isExpr(v) ? replace(v) : v)
  return interpret(replace(e), env)
}

describe('expressions', () => {
  const choices = fc.array(fc.nat(5000), { minLength: 40, maxLength: 40 })
  it.each(['f32', 'i32'] as const)('of %s mean in a module what they mean on paper', (dtype) => {
    fc.assert(
      fc.property(choices, (list) => check(list, dtype)),
      { numRuns: 400 },
    )
  })
})
