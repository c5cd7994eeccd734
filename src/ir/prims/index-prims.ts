import { getElement } from '../dtype.ts'
import type { GatherAxes } from '../ops-interface.ts'
import { definePrim, type IndexMath, type IndexPrim } from '../prim.ts'
import { failShape, formatShape, range, sameShape, stridesOf } from '../shape.ts'
import { gatherBatchedStarts } from './batched-starts.ts'
import { emptyArray, ensureBatched, forEachIndex, INTS, requireDType } from './common.ts'

type Dims = readonly number[]
export type GatherAttrs = { readonly [K in keyof GatherAxes]: number }

export const clamp = (i: number, low: number, high: number): number => Math.min(Math.max(i, low), high)

/** @throws ShapeError unless x = B+P+[n]+Q and indices = B+I, where B has `batch` axes and P fills up to `axis`. */
export function checkGather(op: string, x: Dims, indices: Dims, { axis, batch }: GatherAxes): void {
  if (batch > axis || axis >= x.length || !sameShape(x.slice(0, batch), indices.slice(0, batch))) {
    failShape(
      `${op}: ${formatShape(x)} at axis ${axis} with indices ${formatShape(indices)}, ${batch} batch axes`,
      'the leading batch dimensions must be equal, and the axis must lie behind them',
    )
  }
}

/** x = B+P+[n]+Q, indices = B+I: the result is B+P+I+Q. */
export const gatherShape = (x: Dims, indices: Dims, { axis, batch }: GatherAxes): number[] => [
  ...x.slice(0, axis),
  ...indices.slice(batch),
  ...x.slice(axis + 1),
]

/** Visits every (element of the gathered result, element of x it stands for), both as linear offsets. */
export function forEachGathered(
  x: Dims,
  indices: { readonly shape: Dims; at(i: number): number },
  { axis, batch }: GatherAxes,
  visit: (gathered: number, source: number) => void,
): void {
  const n = x[axis]!
  const indexRank = indices.shape.length - batch
  const xStrides = stridesOf(x)
  const indexStrides = stridesOf(indices.shape)
  forEachIndex(gatherShape(x, indices.shape, { axis, batch }), (index, linear) => {
    let at = 0
    let which = 0
    for (let a = 0; a < axis; a++) at += index[a]! * xStrides[a]!
    for (let a = 0; a < batch; a++) which += index[a]! * indexStrides[a]!
    for (let k = 0; k < indexRank; k++) which += index[axis + k]! * indexStrides[batch + k]!
    for (let a = axis + 1; a < x.length; a++) at += index[a - 1 + indexRank]! * xStrides[a]!
    visit(linear, at + clamp(indices.at(which), 0, n - 1) * xStrides[axis]!)
  })
}

/** Index into x of an element of the gathered result; the index tensor is input `input`. */
export function gatheredIndex<E>(
  math: IndexMath<E>,
  index: readonly E[],
  indicesRank: number,
  input: number,
  { axis, batch }: GatherAxes,
): E[] {
  const span = indicesRank - batch
  const which = math.lookup(input, [...index.slice(0, batch), ...index.slice(axis, axis + span)])
  const last = math.add(math.size(0, axis), math.constant(-1))
  return [...index.slice(0, axis), math.clamp(which, math.constant(0), last), ...index.slice(axis + span)]
}

/** Index into the whole of an element of a window; the starts are input `input`. */
export function windowIndex<E>(math: IndexMath<E>, index: readonly E[], input: number, sizes: Dims): E[] {
  return index.map((i, axis) => {
    const start = math.lookup(input, [math.constant(axis)])
    return math.add(math.clamp(start, math.constant(0), math.room(0, axis, sizes[axis]!)), i)
  })
}

/** out[b, p, i, q] = x[b, p, indices[b, i], q]. Indices out of range are clamped. */
export const gather = definePrim<IndexPrim<GatherAttrs>>({
  name: 'gather',
  kind: 'index',
  infer([x, indices], attrs) {
    requireDType('gather indices', indices!, INTS)
    checkGather('gather', x!.shape, indices!.shape, attrs)
    const shape = gatherShape(x!.shape, indices!.shape, attrs)
    if (x!.shape[attrs.axis] === 0 && !shape.includes(0)) failShape('gather: the indexed axis is empty')
    return [{ dtype: x!.dtype, shape }]
  },
  evaluate([x, indices], attrs, [type]) {
    const out = emptyArray(type!)
    const source = { shape: indices!.shape, at: (i: number) => getElement(indices!, i) }
    forEachGathered(x!.shape, source, attrs, (to, from) => {
      out.data[to] = x!.data[from]!
    })
    return [out]
  },
  locate: (math, index, inputs, attrs) => gatheredIndex(math, index, inputs[1]!.shape.length, 1, attrs),
  vjp: ({ o, inputs: [x, indices], cts, attrs }) => [o.scatterAdd(o.zerosLike(x!), indices!, cts[0]!, attrs), null],
  jvp: ({ o, inputs, tangents, attrs }) => [tangents[0] ? o.gather(tangents[0], inputs[1]!, attrs) : null],
  batch({ o, inputs: [x, indices], batched, size, attrs: { axis, batch } }) {
    if (!batched[1] && batch === 0) return [o.gather(x!, indices!, { axis: axis + 1, batch })]
    if (!batched[0] && batch === 0) return [o.moveAxis(o.gather(x!, indices!, { axis, batch }), axis, 0)]
    return [
      o.gather(ensureBatched(o, x!, batched[0]!, size), ensureBatched(o, indices!, batched[1]!, size), {
        axis: axis + 1,
        batch: batch + 1,
      }),
    ]
  },
})

type Sizes = { readonly sizes: Dims }

/** A window of the given sizes at run-time starts (i32[rank]), moved inside where it would stick out. */
export const dynamicSlice = definePrim<IndexPrim<Sizes>>({
  name: 'dynamic_slice',
  kind: 'index',
  infer([x, starts], { sizes }) {
    checkWindow('dynamicSlice', x!.shape, sizes, starts!.shape)
    requireDType('dynamicSlice starts', starts!, ['i32'])
    return [{ dtype: x!.dtype, shape: sizes }]
  },
  evaluate([x, starts], { sizes }, [type]) {
    const out = emptyArray(type!)
    forEachWindow(
      x!.shape,
      sizes,
      (a) => getElement(starts!, a),
      (inWindow, inX) => {
        out.data[inWindow] = x!.data[inX]!
      },
    )
    return [out]
  },
  locate: (math, index, _, { sizes }) => windowIndex(math, index, 1, sizes),
  vjp: ({ o, inputs: [x, starts], cts }) => [o.dynamicUpdateSlice(o.zerosLike(x!), cts[0]!, starts!), null],
  jvp: ({ o, inputs, tangents, attrs }) => [tangents[0] ? o.dynamicSlice(tangents[0], inputs[1]!, attrs.sizes) : null],
  batch({ o, inputs: [x, starts], batched, size, attrs: { sizes } }) {
    if (batched[1]) return [gatherBatchedStarts(o, ensureBatched(o, x!, batched[0]!, size), starts!, sizes)]
    return [o.dynamicSlice(x!, o.pad(starts!, [1], [0]), [size, ...sizes])]
  },
})

/** @throws ShapeError unless a window of `sizes` fits into `shape` and there is a start for each axis. */
export function checkWindow(op: string, shape: Dims, sizes: Dims, starts: Dims): void {
  const fits = sizes.length === shape.length && sizes.every((n, a) => n >= 0 && n <= shape[a]!)
  if (!fits || starts.length !== 1 || starts[0] !== shape.length) {
    failShape(
      `${op}: a window of ${formatShape(sizes)} in ${formatShape(shape)}, starts of shape ${formatShape(starts)}`,
      `sizes must fit, and starts must be i32[${shape.length}]`,
    )
  }
}

/** Visits every (linear offset in the window, linear offset in the whole). */
export function forEachWindow(
  shape: Dims,
  sizes: Dims,
  start: (axis: number) => number,
  visit: (inWindow: number, inWhole: number) => void,
): void {
  const strides = stridesOf(shape)
  const offset = range(shape.length).reduce(
    (sum, a) => sum + clamp(start(a), 0, shape[a]! - sizes[a]!) * strides[a]!,
    0,
  )
  forEachIndex(sizes, (index, linear) => {
    let at = offset
    for (let a = 0; a < index.length; a++) at += index[a]! * strides[a]!
    visit(linear, at)
  })
}
