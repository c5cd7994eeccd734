import fc from 'fast-check'
import { DTYPES, type DType, type HostArray, isFloat } from '../../src/ir/dtype.ts'
import { type Attrs, type Graph, isGraph, makeGraph, type TensorType, tensorType } from '../../src/ir/graph.ts'
import { findPrim, type Prim } from '../../src/ir/prim.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import { range, sizeOf } from '../../src/ir/shape.ts'
import type { Tensor } from '../../src/ir/tensor.ts'
import { trace } from '../../src/ir/trace.ts'
import { attention } from '../../src/nn/attention.ts'
import { causal } from '../../src/nn/variants.ts'
import { host } from './cases.ts'

/**
 * Random well-formed programs over every kind of primitive, built as users build them: by tracing operations. A
 * program is a list of numbers from which each step takes what it has to choose.
 */
export interface Program {
  readonly types: readonly TensorType[]
  readonly names: readonly (string | undefined)[]
  readonly steps: readonly (readonly number[])[]
}

/** Names that users give, some of which the text form cannot write as they are. */
const NAMES = ['x', 'x', 'params.layers[0].w', '[1].b', 'return', 'a b', '', 'größe', 'x_2', '3rd', '"', undefined]
/** Larger tensors are made, but not built on. */
const LARGEST = 48

const arbType = fc
  .tuple(fc.constantFrom(...DTYPES), fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }))
  .map(([dtype, shape]) => tensorType(dtype, shape))

export const arbProgram: fc.Arbitrary<Program> = fc
  .array(fc.tuple(arbType, fc.constantFrom(...NAMES)), { minLength: 1, maxLength: 3 })
  .chain((inputs) =>
    fc.record({
      types: fc.constant(inputs.map(([type]) => type)),
      names: fc.constant(inputs.map(([, name]) => name)),
      steps: fc.array(fc.array(fc.nat(997), { minLength: 10, maxLength: 10 }), { minLength: 1, maxLength: 10 }),
    }),
  )

/** Takes choices off a list, from the start again when it is used up. */
class Choices {
  private at = 0
  constructor(private readonly numbers: readonly number[]) {}
  nat(below: number): number {
    return this.numbers[this.at++ % this.numbers.length]! % below
  }
  pick<T>(list: readonly T[]): T {
    return list[this.nat(list.length)]!
  }
  /** A subset, in order. */
  some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.nat(2) === 1)
  }
}

const primitive = (name: string): Prim => {
  const prim = findPrim(name)
  if (!prim) throw new Error(`no primitive ${name}`)
  return prim
}

type Step = (x: Tensor, c: Choices, pool: readonly Tensor[], inner: (types: readonly TensorType[]) => Graph) => Tensor[]

const typeOf = (t: Tensor): TensorType => tensorType(t.dtype, t.shape)
const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : o.cast(x, 'f32'))
const numeric = (x: Tensor): Tensor => (x.dtype === 'bool' ? o.cast(x, 'i32') : x)
const logical = (x: Tensor): Tensor => (isFloat(x.dtype) ? o.gt(x, 0) : x)
const integers = (x: Tensor): Tensor => (x.dtype === 'i32' || x.dtype === 'u32' ? x : o.cast(x, 'i32'))
const axisOf = (x: Tensor, c: Choices): number => c.nat(x.rank)
/** Another value of the same type, or the value itself. */
const mate = (x: Tensor, c: Choices, pool: readonly Tensor[]): Tensor =>
  c.pick([x, ...pool.filter((t) => t.dtype === x.dtype && t.shape.join() === x.shape.join())])

const SPECIAL = [0, -0, 1, 0.1, -1.5, 1 / 3, 1e-45, 3.4e38, 65504, 2 ** -24, 16777217, Infinity, -Infinity, Number.NaN]

function literal(dtype: DType, c: Choices): HostArray {
  const shape = [c.nat(4), c.nat(3)]
  const numbers = range(sizeOf(shape)).map(() => c.pick(SPECIAL))
  return host(dtype, numbers, shape)
}

const UNARY = ['neg', 'abs', 'sign', 'floor', 'ceil', 'round', 'exp', 'log', 'sqrt', 'rsqrt'] as const
const MORE_UNARY = ['sin', 'cos', 'tanh', 'erf', 'sigmoid', 'stopGradient', 'barrier'] as const
const ARITHMETIC = ['add', 'sub', 'mul', 'div', 'rem', 'maximum', 'minimum'] as const
const COMPARISONS = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const

/** Steps that index axes; they are given tensors with at least one. */
const WITH_AXES: readonly Step[] = [
  (x, c) => [o[c.pick(['sum', 'max', 'min'] as const)](numeric(x), c.some(range(x.rank)))],
  (x, c) => [o.cumsum(numeric(x), axisOf(x, c), c.nat(2) === 1)],
  (x, c) => [o.transpose(x, [...range(x.rank).slice(1), c.nat(1)])],
  (x, c) => [
    o.slice(
      x,
      x.shape.map((n) => c.nat(n + 1)),
      x.shape,
      x.shape.map(() => 1 + c.nat(2)),
    ),
  ],
  (x, c) => [o.flip(x, c.some(range(x.rank)))],
  (x, c) => {
    const counts = (): number[] => x.shape.map(() => c.nat(2))
    return [o.pad(x, counts(), counts(), { value: c.pick(SPECIAL), interior: counts() })]
  },
  (x, c) => [o.concat([x, x], axisOf(x, c))],
  (x, c) => {
    const axis = axisOf(x, c)
    return [o.dot(floats(x), floats(x), { lhsContract: [axis], rhsContract: [axis], lhsBatch: [], rhsBatch: [] })]
  },
  (x) => {
    const all = range(x.rank).slice(1)
    return [o.dot(floats(x), floats(x), { lhsContract: all, rhsContract: all, lhsBatch: [0], rhsBatch: [0] })]
  },
  (x, c, pool) => {
    const axis = axisOf(x, c)
    if (x.shape[axis] === 0) return []
    return [o.gather(x, integers(c.pick(pool)), { axis, batch: 0 })]
  },
  (x, c) => {
    const indices = o.iota('i32', x.shape.slice(0, 1), 0)
    return [o.scatterAdd(numeric(x), indices, numeric(x), { axis: 0, batch: c.nat(1) })]
  },
  (x, c) => {
    const starts = o.iota('i32', [x.rank], 0)
    const sizes = x.shape.map((n) => c.nat(n + 1))
    return [o.dynamicUpdateSlice(x, o.dynamicSlice(x, starts, sizes), starts)]
  },
]

const STEPS: readonly Step[] = [
  (x, c) => [o[c.pick(UNARY)](floats(x))],
  (x, c) => [o[c.pick(MORE_UNARY)](floats(x))],
  (x) => [o.not(logical(x))],
  (x, c) => [o.cast(x, c.pick(DTYPES))],
  (x, c, pool) => [o[c.pick(ARITHMETIC)](numeric(x), mate(numeric(x), c, pool))],
  (x, c) => [o[c.pick(ARITHMETIC)](numeric(x), c.nat(3)), o.pow(floats(x), c.pick(SPECIAL))],
  (x, c, pool) => [o[c.pick(COMPARISONS)](numeric(x), mate(numeric(x), c, pool))],
  (x, c, pool) => [o[c.pick(['and', 'or', 'xor'] as const)](logical(x), mate(logical(x), c, pool))],
  (x, c) => [o[c.pick(['shiftLeft', 'shiftRight'] as const)](integers(x), c.nat(40))],
  (x, c, pool) => [o.where(o.ne(x, x), x, mate(x, c, pool))],
  (x) => [o.reshape(x, [x.size])],
  (x, c) => [
    o.broadcastInDim(
      x,
      [c.nat(3), ...x.shape],
      range(x.rank).map((a) => a + 1),
    ),
  ],
  (_, c) => [o.full(c.pick(DTYPES), [c.nat(3)], c.pick(SPECIAL))],
  (_, c) => [o.randomBits(o.iota('u32', [c.nat(2) + 1, 2], c.nat(2)), [c.nat(3)])],
  (x, c) => {
    const rows = o.broadcastInDim(o.cast(o.reshape(x, [x.size]), 'f32'), [1, 1 + c.nat(2), x.size, 1 + c.nat(2)], [2])
    return [attention(rows, rows, rows, causal)]
  },
  (_, c) => o.bind(primitive('literal'), [], { data: literal(c.pick(DTYPES), c) }),
  (x, _, __, inner) => o.bind(primitive('checkpoint'), [x], { body: inner([typeOf(x)]) }),
  (x, c, _, inner) => {
    const forward = inner([typeOf(x)])
    const outputs = c.nat(forward.outputs.length + 1)
    return o.bind(primitive('custom_vjp'), [x], { forward, backward: inner([typeOf(x), typeOf(x)]), outputs })
  },
  (x, c, pool, inner) => {
    const [k, s] = [c.pick(pool), c.pick(pool)]
    const found = inner([k, s, x].map(typeOf))
    // The carry must keep its type: it is what comes in, and the rest is gathered.
    const body = makeGraph('scan body', found.inputs, found.equations, [found.inputs[1]!, ...found.outputs])
    const length = c.nat(3)
    const xs = o.broadcastInDim(
      x,
      [length, ...x.shape],
      range(x.rank).map((a) => a + 1),
    )
    return o.bind(primitive('scan'), [k, s, xs], { body, length, consts: 1, carries: 1, reverse: c.nat(2) === 1 })
  },
  ...WITH_AXES.map(
    (step): Step =>
      (x, ...rest) =>
        x.rank === 0 ? [] : step(x, ...rest),
  ),
]

/** Traces a program; nested graphs run a few of its own steps. */
export function build(program: Program, name = 'main', depth = 0): Graph {
  const types = program.types.map((t, i) => ({ ...t, name: program.names[i] }))
  return trace(name, types, (...args) => {
    const pool = [...args]
    const made: Tensor[] = []
    for (const numbers of program.steps) {
      const c = new Choices(numbers)
      const inner = (inputs: readonly TensorType[]): Graph => {
        const steps = depth < 2 ? program.steps.slice(0, 3).map((s) => s.map((n) => n * 3 + depth + 1)) : []
        return build({ types: inputs, names: program.names, steps }, `${name}.${depth}`, depth + 1)
      }
      const step = c.pick(STEPS)
      const results = step(c.pick(pool), c, pool, inner)
      made.push(...results)
      pool.push(...results.filter((t) => t.size <= LARGEST && t.rank <= 4))
    }
    return [...made.slice(-2), args[0]!]
  }).graph
}

/** Values for a graph's inputs. */
export const valuesFor = (graph: Graph): HostArray[] =>
  graph.inputs.map(({ type }, k) =>
    host(
      type.dtype,
      range(sizeOf(type.shape)).map((i) => ((i * 5 + k) % 7) - 2.5),
      type.shape,
    ),
  )

/** Kinds of primitives in a graph and the graphs in it. */
export const kindsIn = (graph: Graph): string[] =>
  graph.equations.flatMap(({ prim, attrs }) => [prim.kind, ...nested(attrs).flatMap(kindsIn)])

const nested = (attrs: Attrs): Graph[] => Object.values(attrs).filter((a) => typeof a === 'object' && isGraph(a))
