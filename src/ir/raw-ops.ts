import type { DType } from './dtype.ts'
import { isFloat } from './dtype.ts'
import type { Operand, Ops } from './ops-interface.ts'
import type { Prim } from './prim.ts'
import { failDType } from './prims/common.ts'
import {
  binary,
  constant,
  contract,
  cumulative,
  index,
  piecewise,
  random,
  reduce,
  unary,
  update,
  view,
} from './prims/index.ts'
import { broadcastShapes, failShape, formatShape, normAxes, normAxis, range, sameShape, sizeOf } from './shape.ts'
import { isTensor, type Tensor } from './tensor.ts'
import { bind } from './trace.ts'

/**
 * The operations with shapes checked at trace time only: broadcasting, number operands, negative axes and defaults
 * are resolved here, so that primitives see canonical input.
 */

/** Every rule of a primitive reads attrs of its own type; `infer` has checked them when the equation was made. */
const apply = (prim: unknown, inputs: readonly Tensor[], attrs: object = {}): Tensor =>
  bind(prim as Prim, inputs, attrs as Parameters<typeof bind>[2])[0]!

const unaryOp = (prim: Prim) => (x: Tensor) => apply(prim, [requireTensor(prim.name, x)])

function requireTensor(op: string, x: unknown): Tensor {
  if (!isTensor(x)) {
    failDType(`${op}: expected a tensor, got ${x === null ? 'null' : typeof x}`, 'wrap numbers with tensor(...)')
  }
  return x
}

/** Two operands at one shape and dtype; a number takes the dtype of the tensor beside it. */
function unify(op: string, a: Operand, b: Operand): [Tensor, Tensor] {
  if (!isTensor(a) && !isTensor(b)) {
    return [full('f32', [], requireNumber(op, a)), full('f32', [], requireNumber(op, b))]
  }
  if (!isTensor(a)) return [numberLike(op, a, b as Tensor), b as Tensor]
  if (!isTensor(b)) return [a, numberLike(op, b, a)]
  const shape = broadcastShapes(op, a.shape, b.shape)
  return [broadcastTo(a, shape), broadcastTo(b, shape)]
}

function requireNumber(op: string, x: unknown): number {
  if (typeof x !== 'number') {
    failDType(`${op}: expected a tensor or a number, got ${x === null ? 'null' : typeof x}`)
  }
  return x
}

function numberLike(op: string, value: unknown, like: Tensor): Tensor {
  const x = requireNumber(op, value)
  if (!isFloat(like.dtype) && !Number.isInteger(x)) {
    failDType(`${op}: the number ${x} with a tensor of ${like.dtype}`, "cast the tensor first: cast(x, 'f32')")
  }
  return full(like.dtype, like.shape, x)
}

const binaryOp = (prim: Prim) => (a: Operand, b: Operand) => apply(prim, unify(prim.name, a, b))

const reduction =
  (prim: unknown, name: string) =>
  (x: Tensor, axes?: number | readonly number[], keepDims = false) => {
    const list = normAxes(name, axes, requireTensor(name, x).rank)
    const out = list.length === 0 ? x : apply(prim, [x], { axes: list })
    return keepDims
      ? reshape(
          out,
          x.shape.map((n, a) => (list.includes(a) ? 1 : n)),
        )
      : out
  }

const full = (dtype: DType, shape: readonly number[], value: number): Tensor =>
  apply(constant.full, [], { dtype, shape, value })

function reshape(x: Tensor, shape: readonly number[]): Tensor {
  const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1)
  if (shape.filter((d) => d === -1).length > 1) failShape(`reshape: ${formatShape(shape)} has more than one -1`)
  const resolved = shape.map((d) => (d === -1 ? (known === 0 ? 0 : x.size / known) : d))
  if (!resolved.every((d) => Number.isInteger(d) && d >= 0)) {
    failShape(
      `reshape: ${formatShape(x.shape)} has ${x.size} elements and cannot become ${formatShape(shape)}`,
      'the number of elements must stay the same; one dimension may be -1',
    )
  }
  return sameShape(resolved, x.shape) ? x : apply(view.reshape, [x], { shape: resolved })
}

function broadcastInDim(x: Tensor, shape: readonly number[], dims: readonly number[]): Tensor {
  return sameShape(x.shape, shape) ? x : apply(view.broadcast, [x], { shape, dims })
}

function broadcastTo(x: Tensor, shape: readonly number[]): Tensor {
  const offset = shape.length - x.rank
  if (offset < 0 || x.shape.some((n, a) => n !== 1 && n !== shape[a + offset])) {
    failShape(
      `broadcastTo: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`,
      'dimensions are matched from the right; each must be 1 or equal',
    )
  }
  return broadcastInDim(
    x,
    shape,
    x.shape.map((_, a) => a + offset),
  )
}

function transpose(x: Tensor, perm?: readonly number[]): Tensor {
  const order = perm?.map((a) => normAxis('transpose', a, x.rank)) ?? range(x.rank).reverse()
  return order.length === x.rank && order.every((a, i) => a === i) ? x : apply(view.transpose, [x], { perm: order })
}

function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const source = normAxis('moveAxis', from, x.rank)
  const order = range(x.rank).filter((a) => a !== source)
  order.splice(normAxis('moveAxis', to, x.rank), 0, source)
  return transpose(x, order)
}

function expandDims(x: Tensor, axes: number | readonly number[]): Tensor {
  const count = typeof axes === 'number' ? 1 : axes.length
  const added = normAxes('expandDims', axes, x.rank + count)
  let next = 0
  return reshape(
    x,
    range(x.rank + count).map((a) => (added.includes(a) ? 1 : x.shape[next++]!)),
  )
}

function squeeze(x: Tensor, axes: number | readonly number[]): Tensor {
  const removed = normAxes('squeeze', axes, x.rank)
  for (const a of removed) {
    if (x.shape[a] !== 1)
      failShape(`squeeze: axis ${a} of ${formatShape(x.shape)} has size ${x.shape[a]}`, 'only axes of size 1 can go')
  }
  return reshape(
    x,
    x.shape.filter((_, a) => !removed.includes(a)),
  )
}

const zeros = (x: Tensor): number[] => x.shape.map(() => 0)

function pad(
  x: Tensor,
  low: readonly number[],
  high: readonly number[],
  { value = 0, interior = zeros(x) }: { value?: number; interior?: readonly number[] } = {},
): Tensor {
  const nothing = [low, high, interior].every((list) => list.length === x.rank && list.every((n) => n === 0))
  return nothing ? x : apply(piecewise.pad, [x], { low, high, interior, value })
}

function slice(x: Tensor, starts: readonly number[], stops: readonly number[], steps = x.shape.map(() => 1)): Tensor {
  const whole = starts.every((s) => s === 0) && sameShape(stops, x.shape) && steps.every((s) => s === 1)
  return whole ? x : apply(view.slice, [x], { starts, stops, steps })
}

function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  requireTensor('where', condition)
  const shapes = [condition, a, b].map((t) => (isTensor(t) ? t.shape : []))
  const shape = shapes.reduce((s, t) => broadcastShapes('where', s, t), [] as readonly number[])
  const dtype = isTensor(a) ? a.dtype : isTensor(b) ? b.dtype : 'f32'
  const operand = (x: Operand): Tensor => (isTensor(x) ? broadcastTo(x, shape) : full(dtype, shape, x))
  return apply(binary.select, [broadcastTo(condition, shape), operand(a), operand(b)])
}

/** Devices bind at least 8 buffers to a kernel: longer lists are joined in stages. */
const CONCAT_AT_ONCE = 6

function concat(xs: readonly Tensor[], axis: number): Tensor {
  if (xs.length === 0) failShape('concat: no tensors given', 'give at least one')
  if (xs.length === 1) return xs[0]!
  if (xs.length > CONCAT_AT_ONCE) {
    const parts = range(Math.ceil(xs.length / CONCAT_AT_ONCE)).map((i) =>
      concat(xs.slice(i * CONCAT_AT_ONCE, (i + 1) * CONCAT_AT_ONCE), axis),
    )
    return concat(parts, axis)
  }
  return apply(piecewise.concat, xs, { axis: normAxis('concat', axis, xs[0]!.rank) })
}

export const rawOps: Ops = {
  neg: unaryOp(unary.neg),
  abs: unaryOp(unary.abs),
  sign: unaryOp(unary.sign),
  floor: unaryOp(unary.floor),
  ceil: unaryOp(unary.ceil),
  round: unaryOp(unary.round),
  exp: unaryOp(unary.exp),
  log: unaryOp(unary.log),
  sqrt: unaryOp(unary.sqrt),
  rsqrt: unaryOp(unary.rsqrt),
  sin: unaryOp(unary.sin),
  cos: unaryOp(unary.cos),
  tanh: unaryOp(unary.tanh),
  erf: unaryOp(unary.erf),
  sigmoid: unaryOp(unary.sigmoid),
  not: unaryOp(unary.not),
  stopGradient: unaryOp(unary.stopGradient),
  barrier: unaryOp(unary.barrier),
  cast: (x, dtype) => (x.dtype === dtype ? x : apply(unary.cast, [x], { dtype })),
  add: binaryOp(binary.add),
  sub: binaryOp(binary.sub),
  mul: binaryOp(binary.mul),
  div: binaryOp(binary.div),
  pow: binaryOp(binary.pow),
  rem: binaryOp(binary.rem),
  maximum: binaryOp(binary.maximum),
  minimum: binaryOp(binary.minimum),
  and: binaryOp(binary.and),
  or: binaryOp(binary.or),
  xor: binaryOp(binary.xor),
  shiftLeft: binaryOp(binary.shiftLeft),
  shiftRight: binaryOp(binary.shiftRight),
  eq: binaryOp(binary.eq),
  ne: binaryOp(binary.ne),
  lt: binaryOp(binary.lt),
  le: binaryOp(binary.le),
  gt: binaryOp(binary.gt),
  ge: binaryOp(binary.ge),
  where,
  sum: reduction(reduce.sum, 'sum'),
  max: reduction(reduce.max, 'max'),
  min: reduction(reduce.min, 'min'),
  cumsum: (x, axis, reverse = false) =>
    apply(cumulative.cumsum, [x], { axis: normAxis('cumsum', axis, x.rank), reverse }),
  dot: (a, b, axes) => apply(contract.dot, [a, b], { ...axes }),
  reshape,
  transpose,
  moveAxis,
  expandDims,
  squeeze,
  broadcastTo,
  broadcastInDim,
  slice,
  flip: (x, axes) => apply(view.flip, [x], { axes: normAxes('flip', axes, x.rank) }),
  pad,
  concat,
  gather: (x, indices, axes) => apply(index.gather, [x, indices], { ...axes }),
  scatterAdd: (x, indices, updates, axes) => apply(update.scatterAdd, [x, indices, updates], { ...axes }),
  dynamicSlice: (x, starts, sizes) => apply(index.dynamicSlice, [x, starts], { sizes }),
  dynamicUpdateSlice: (x, part, starts) => apply(update.dynamicUpdateSlice, [x, part, starts]),
  full,
  zerosLike: (x) => full(x.dtype, x.shape, 0),
  iota: (dtype, shape, axis) => apply(constant.iota, [], { dtype, shape, axis: normAxis('iota', axis, shape.length) }),
  randomBits: (key, shape) => apply(random.randomBits, [key], { shape }),
  bind,
}

/** Elements of a shape, as used by callers that average. */
export const countOf = (x: Tensor, axes: readonly number[]): number => sizeOf(axes.map((a) => x.shape[a]!))
