import type { DType, HostArray } from '../../src/ir/dtype.ts'
import { type Attrs, tensorType } from '../../src/ir/graph.ts'
import { parse } from '../../src/ir/parse.ts'
import { attention } from '../../src/nn/attention.ts'
import { variant } from '../../src/nn/variant.ts'
import { derivativeGraph } from '../prims/attention-samples.ts'
import { bool, type Case, f16, f32, i32, u32 } from './cases.ts'

/** Primitives that move, choose and gather elements. */

const INF = Infinity
const NAN = Number.NaN

const one = (prim: string, inputs: readonly HostArray[], attrs: Attrs, ...want: HostArray[]): Case => ({
  prim,
  inputs,
  attrs,
  want,
})

const full = (dtype: DType, shape: readonly number[], value: number, want: HostArray): Case =>
  one('full', [], { dtype, shape, value }, want)

const GRID = f32([1, 2, 3, 4, 5, 6], [2, 3])

const CONSTANT: readonly Case[] = [
  full('f32', [2, 2], 0.1, f32([0.1, 0.1, 0.1, 0.1], [2, 2])),
  full('f32', [], -0, f32([-0], [])),
  full('f16', [1], 1e6, f16([INF])),
  full('i32', [2], -1, i32([-1, -1])),
  full('u32', [1], -1, u32([4294967295])),
  full('bool', [2], 1, bool([1, 1])),
  full('f32', [3, 0], 5, f32([], [3, 0])),
  one('iota', [], { dtype: 'i32', shape: [2, 3], axis: 1 }, i32([0, 1, 2, 0, 1, 2], [2, 3])),
  one('iota', [], { dtype: 'f16', shape: [2, 3], axis: 0 }, f16([0, 0, 0, 1, 1, 1], [2, 3])),
  one('iota', [], { dtype: 'u32', shape: [0], axis: 0 }, u32([])),
  one('literal', [], { data: f32([NAN, -0], [2, 1]) }, f32([NAN, -0], [2, 1])),
  one('literal', [], { data: bool([], [0]) }, bool([])),
]

const FOLDS: readonly Case[] = [
  one('sum', [GRID], { axes: [0] }, f32([5, 7, 9])),
  one('sum', [GRID], { axes: [1] }, f32([6, 15])),
  one('sum', [GRID], { axes: [0, 1] }, f32([21], [])),
  one('sum', [f32([], [0, 2])], { axes: [0] }, f32([0, 0])),
  one('sum', [f32([], [0, 2])], { axes: [1] }, f32([])),
  one('sum', [f32([7], [1, 1])], { axes: [1] }, f32([7])),
  one('sum', [i32([2147483647, 1])], { axes: [0] }, i32([-2147483648], [])),
  one('sum', [u32([4294967295, 4294967295])], { axes: [0] }, u32([4294967294], [])),
  one('sum', [f32([INF, -INF])], { axes: [0] }, f32([NAN], [])),
  one('sum', [f16([2048, 1, 1])], { axes: [0] }, f16([2050], [])),
  one('max', [GRID], { axes: [1] }, f32([3, 6])),
  one('max', [f32([-INF, NAN, 1])], { axes: [0] }, f32([NAN], [])),
  one('max', [f32([], [0])], { axes: [0] }, f32([-INF], [])),
  one('max', [i32([], [0])], { axes: [0] }, i32([-2147483648], [])),
  one('max', [u32([], [0])], { axes: [0] }, u32([0], [])),
  one('max', [bool([0, 1, 0, 0], [2, 2])], { axes: [1] }, bool([1, 0])),
  one('max', [bool([], [0])], { axes: [0] }, bool([0], [])),
  one('min', [GRID], { axes: [0] }, f32([1, 2, 3])),
  one('min', [f32([], [0])], { axes: [0] }, f32([INF], [])),
  one('min', [u32([], [0])], { axes: [0] }, u32([4294967295], [])),
  one('min', [bool([], [0])], { axes: [0] }, bool([1], [])),
  one('min', [i32([-5, 3])], { axes: [0] }, i32([-5], [])),
  one('cumsum', [GRID], { axis: 1, reverse: false }, f32([1, 3, 6, 4, 9, 15], [2, 3])),
  one('cumsum', [GRID], { axis: 0, reverse: true }, f32([5, 7, 9, 4, 5, 6], [2, 3])),
  one('cumsum', [f32([1, INF, -INF, 1])], { axis: 0, reverse: false }, f32([1, INF, NAN, NAN])),
  one('cumsum', [i32([2147483647, 1, 1])], { axis: 0, reverse: false }, i32([2147483647, -2147483648, -2147483647])),
  one('cumsum', [f32([], [2, 0])], { axis: 1, reverse: false }, f32([], [2, 0])),
  one(
    'dot',
    [GRID, f32([1, 0, 0, 1, 1, 1], [3, 2])],
    { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    f32([4, 5, 10, 11], [2, 2]),
  ),
  one(
    'dot',
    [GRID, f32([1, 2, 3, 4, 5, 6], [2, 3])],
    { lhsContract: [1], rhsContract: [1], lhsBatch: [0], rhsBatch: [0] },
    f32([14, 77]),
  ),
  one(
    'dot',
    [f32([1, 2]), f32([3, 4])],
    { lhsContract: [], rhsContract: [], lhsBatch: [], rhsBatch: [] },
    f32([3, 4, 6, 8], [2, 2]),
  ),
  one(
    'dot',
    [f32([], [2, 0]), f32([], [0, 1])],
    { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    f32([0, 0], [2, 1]),
  ),
  one(
    'dot',
    [f16([2048, 1]), f16([1, 1])],
    { lhsContract: [0], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    f16([2048], []),
  ),
  one(
    'dot',
    [f32([0]), f32([INF])],
    { lhsContract: [0], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    f32([NAN], []),
  ),
]

const VIEWS: readonly Case[] = [
  one('transpose', [GRID], { perm: [1, 0] }, f32([1, 4, 2, 5, 3, 6], [3, 2])),
  one('transpose', [i32([1, 2, 3, 4, 5, 6], [1, 2, 3])], { perm: [2, 0, 1] }, i32([1, 4, 2, 5, 3, 6], [3, 1, 2])),
  one('broadcast', [f32([1, 2])], { shape: [2, 3], dims: [0] }, f32([1, 1, 1, 2, 2, 2], [2, 3])),
  one('broadcast', [f32([1, 2], [2, 1])], { shape: [2, 2], dims: [0, 1] }, f32([1, 1, 2, 2], [2, 2])),
  one('broadcast', [bool([1], [])], { shape: [3], dims: [] }, bool([1, 1, 1])),
  one('broadcast', [f32([1], [1])], { shape: [0], dims: [0] }, f32([])),
  one('slice', [GRID], { starts: [0, 1], stops: [2, 3], steps: [1, 1] }, f32([2, 3, 5, 6], [2, 2])),
  one('slice', [i32([0, 1, 2, 3, 4])], { starts: [1], stops: [5], steps: [2] }, i32([1, 3])),
  one('slice', [i32([0, 1])], { starts: [1], stops: [1], steps: [1] }, i32([])),
  one('flip', [GRID], { axes: [1] }, f32([3, 2, 1, 6, 5, 4], [2, 3])),
  one('flip', [GRID], { axes: [0, 1] }, f32([6, 5, 4, 3, 2, 1], [2, 3])),
  one('flip', [f32([])], { axes: [0] }, f32([])),
  one('reshape', [GRID], { shape: [3, 2] }, f32([1, 2, 3, 4, 5, 6], [3, 2])),
  one('reshape', [u32([9], [1, 1])], { shape: [] }, u32([9], [])),
  one('reshape', [f32([], [0, 4])], { shape: [2, 0] }, f32([], [2, 0])),
  one('pad', [f32([1, 2])], { low: [1], high: [2], interior: [1], value: -0 }, f32([-0, 1, -0, 2, -0, -0])),
  one(
    'pad',
    [i32([1, 2], [2, 1])],
    { low: [0, 1], high: [1, 0], interior: [0, 3], value: 7 },
    i32([7, 1, 7, 2, 7, 7], [3, 2]),
  ),
  one('pad', [f32([])], { low: [1], high: [1], interior: [5], value: NAN }, f32([NAN, NAN])),
  one('concat', [f32([1, 2]), f32([]), f32([3])], { axis: 0 }, f32([1, 2, 3])),
  one('concat', [i32([1, 2], [2, 1]), i32([3, 4, 5, 6], [2, 2])], { axis: 1 }, i32([1, 3, 4, 2, 5, 6], [2, 3])),
  one('concat', [bool([1])], { axis: 0 }, bool([1])),
]

const INDEXED: readonly Case[] = [
  one('select', [bool([1, 0]), f32([NAN, 1]), f32([2, NAN])], {}, f32([NAN, NAN])),
  one('select', [bool([1, 0]), i32([1, 2]), i32([3, 4])], {}, i32([1, 4])),
  one('gather', [GRID, i32([2, 0])], { axis: 1, batch: 0 }, f32([3, 1, 6, 4], [2, 2])),
  one('gather', [GRID, i32([1], [])], { axis: 0, batch: 0 }, f32([4, 5, 6])),
  one('gather', [f32([1, 2, 3]), i32([-1, 3, 2147483647, -2147483648])], { axis: 0, batch: 0 }, f32([1, 3, 3, 1])),
  one('gather', [f32([1, 2, 3]), u32([4294967295, 0])], { axis: 0, batch: 0 }, f32([3, 1])),
  one('gather', [GRID, i32([2, 1, 0, 0], [2, 2])], { axis: 1, batch: 1 }, f32([3, 2, 4, 4], [2, 2])),
  one('gather', [GRID, i32([], [0])], { axis: 0, batch: 0 }, f32([], [0, 3])),
  one('scatter_add', [f32([1, 1, 1]), i32([0, 0, 2]), f32([2, 3, 4])], { axis: 0, batch: 0 }, f32([6, 1, 5])),
  one('scatter_add', [i32([0, 0]), i32([-9, 9]), i32([5, 6])], { axis: 0, batch: 0 }, i32([5, 6])),
  one('scatter_add', [u32([4294967295]), u32([0]), u32([2])], { axis: 0, batch: 0 }, u32([1])),
  one(
    'scatter_add',
    [f32([0, 0, 0, 0], [2, 2]), i32([1, 0], [2, 1]), f32([5, 6], [2, 1])],
    { axis: 1, batch: 1 },
    f32([0, 5, 6, 0], [2, 2]),
  ),
  one('scatter_add', [f32([1]), i32([]), f32([])], { axis: 0, batch: 0 }, f32([1])),
  one('dynamic_slice', [GRID, i32([1, 1])], { sizes: [1, 2] }, f32([5, 6], [1, 2])),
  one('dynamic_slice', [GRID, i32([-5, 99])], { sizes: [1, 2] }, f32([2, 3], [1, 2])),
  one('dynamic_slice', [f32([7], []), i32([])], { sizes: [] }, f32([7], [])),
  one('dynamic_slice', [GRID, i32([0, 0])], { sizes: [0, 1] }, f32([], [0, 1])),
  one('dynamic_update_slice', [GRID, f32([9, 8], [1, 2]), i32([0, 9])], {}, f32([1, 9, 8, 4, 5, 6], [2, 3])),
  one('dynamic_update_slice', [i32([1, 2]), i32([]), i32([1])], {}, i32([1, 2])),
  // Random123's known answers (kat_vectors: threefry2x32, 20 rounds); the counter's high word is 0 here.
  one('random_bits', [u32([0, 0])], { shape: [1] }, u32([0x6b200159])),
  one('random_bits', [u32([], [0, 2])], { shape: [3] }, u32([], [0, 3])),
]

const step = parse(`fn step(k: f32[], sum: f32[], x: f32[2]) -> (f32[], f32[2], bool[]) {
  s: f32[]   = sum x {axes=[0]}
  p: f32[]   = mul k s
  n: f32[]   = add sum p
  b: f32[2]  = broadcast n {shape=[2], dims=[]}
  y: f32[2]  = sub b x
  g: bool[]  = gt n k
  return n, y, g
}`)
const twice = parse(`fn twice(x: f32[2]) -> (f32[2], f32[2]) {
  y: f32[2] = add x x
  return y, x
}`)
const back = parse(`fn back(x: f32[2], ct: f32[2]) -> f32[2] {
  y: f32[2] = mul x ct
  return y
}`)
const scanned = (reverse: boolean, length: number): Attrs => ({ body: step, length, consts: 1, carries: 1, reverse })
const TWO = f32([2], [])

const NESTED: readonly Case[] = [
  one(
    'scan',
    [TWO, f32([1], []), f32([1, 2, 3, 4], [2, 2])],
    scanned(false, 2),
    f32([21], []),
    f32([6, 5, 18, 17], [2, 2]),
    bool([1, 1]),
  ),
  one(
    'scan',
    [TWO, f32([-20], []), f32([1, 2, 3, 4], [2, 2])],
    scanned(true, 2),
    f32([0], []),
    f32([-1, -2, -9, -10], [2, 2]),
    bool([0, 0]),
  ),
  one('scan', [TWO, f32([5], []), f32([], [0, 2])], scanned(false, 0), f32([5], []), f32([], [0, 2]), bool([])),
  one('checkpoint', [f32([1, -INF])], { body: twice }, f32([2, -INF]), f32([1, -INF])),
  one('custom_vjp', [f32([1, 2])], { forward: twice, backward: back, outputs: 1 }, f32([2, 4])),
]

/** One query that finds both keys alike: their values 1 and 3 are averaged. */
const ONES = [f32([1], [1, 1, 1, 1]), f32([0, 0], [1, 1, 2, 1]), f32([1, 3], [1, 1, 2, 1]), bool([1], [1, 1, 1, 1])]
const LOGS = f32([Math.log(2)], [1, 1, 1, 1])
/** With the cotangent 1 of the output, and its product with the output. */
const SAVED = [f32([1], [1, 1, 1, 1]), LOGS, f32([2], [1, 1, 1, 1])]
const derivative = derivativeGraph(
  ONES.slice(0, 3).map((x) => tensorType(x.dtype, x.shape)),
  (q, k, v) => attention(q!, k!, v!, variant({})),
)
const attentionAttrs = (prim: string): Attrs => derivative.equations.find((e) => e.prim.name === prim)!.attrs

const ATTENTION: readonly Case[] = [
  one('attention', ONES, attentionAttrs('attention'), f32([2], [1, 1, 1, 1]), LOGS, f32([2], [1, 1, 1, 1, 1])),
  one('attention_queries', [...ONES, ...SAVED], attentionAttrs('attention_queries'), f32([0], [1, 1, 1, 1])),
  one(
    'attention_keys_values',
    [...ONES, ...SAVED],
    attentionAttrs('attention_keys_values'),
    f32([-0.5, 0.5], [1, 1, 2, 1]),
    f32([0.5, 0.5], [1, 1, 2, 1]),
  ),
]

export const STRUCTURE: readonly Case[] = [...CONSTANT, ...FOLDS, ...VIEWS, ...INDEXED, ...NESTED, ...ATTENTION]
