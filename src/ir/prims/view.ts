import type { HostArray } from '../dtype.ts'
import type { Attrs, TensorType } from '../graph.ts'
import { type AxisMap, definePrim, type JvpRule, type PlainPrim, type ViewPrim } from '../prim.ts'
import { failShape, formatShape, range, sizeOf, stridesOf } from '../shape.ts'
import { emptyArray, forEachIndex } from './common.ts'

/** Views: every input axis is indexed by start + step * one output axis. Linear, so that jvp is the view itself. */
function defineView<A extends Attrs>(view: Omit<ViewPrim<A>, 'kind' | 'evaluate' | 'jvp'>): ViewPrim<A> {
  const prim: ViewPrim<A> = {
    ...view,
    kind: 'view',
    evaluate: ([x], attrs, [type]) => [copyView(x!, view.axisMaps(x!, attrs), type!)],
    jvp: ({ o, tangents, attrs }: JvpRule<A>) => o.bind(prim as unknown as ViewPrim, [tangents[0]!], attrs),
  }
  return definePrim(prim)
}

function copyView(x: HostArray, maps: readonly AxisMap[], type: TensorType): HostArray {
  const out = emptyArray(type)
  const inStrides = stridesOf(x.shape)
  const strides = type.shape.map(() => 0)
  let offset = 0
  maps.forEach((m, axis) => {
    offset += m.start * inStrides[axis]!
    if (m.from !== null) strides[m.from]! += m.step * inStrides[axis]!
  })
  forEachIndex(type.shape, (index, linear) => {
    let at = offset
    for (let k = 0; k < index.length; k++) at += index[k]! * strides[k]!
    out.data[linear] = x.data[at]!
  })
  return out
}

type Perm = { readonly perm: readonly number[] }
export const transpose = defineView<Perm>({
  name: 'transpose',
  infer([x], { perm }) {
    const { dtype, shape } = x!
    if (perm.length !== shape.length || range(shape.length).some((a) => !perm.includes(a))) {
      failShape(
        `transpose: ${formatShape(perm)} does not permute the axes of ${formatShape(shape)}`,
        `name each of the axes 0 to ${shape.length - 1} once`,
      )
    }
    return [{ dtype, shape: perm.map((a) => shape[a]!) }]
  },
  axisMaps: (x, { perm }) => x.shape.map((_, axis) => ({ start: 0, step: 1, from: perm.indexOf(axis) })),
  vjp: ({ o, cts, attrs: { perm } }) => [
    o.transpose(
      cts[0]!,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  batch: ({ o, inputs, attrs: { perm } }) => [o.transpose(inputs[0]!, [0, ...perm.map((a) => a + 1)])],
})

type Broadcast = { readonly shape: readonly number[]; readonly dims: readonly number[] }
export const broadcast = defineView<Broadcast>({
  name: 'broadcast',
  infer([x], { shape, dims }) {
    const ok =
      dims.length === x!.shape.length &&
      dims.every((d, i) => d >= 0 && d < shape.length && (i === 0 || d > dims[i - 1]!)) &&
      dims.every((d, i) => x!.shape[i] === 1 || x!.shape[i] === shape[d])
    if (!ok) {
      failShape(
        `broadcast: ${formatShape(x!.shape)} does not fit ${formatShape(shape)} at axes ${formatShape(dims)}`,
        'each dimension must be 1 or equal to the one it is broadcast to, in increasing order of axes',
      )
    }
    return [{ dtype: x!.dtype, shape }]
  },
  axisMaps: (x, { dims, shape }) =>
    x.shape.map((n, axis) =>
      n === 1 && shape[dims[axis]!] !== 1
        ? { start: 0, step: 0, from: null }
        : { start: 0, step: 1, from: dims[axis]! },
    ),
  vjp({ o, inputs, cts, attrs: { shape, dims } }) {
    const x = inputs[0]!.shape
    const summed = range(shape.length).filter((a) => {
      const axis = dims.indexOf(a)
      return axis < 0 || (x[axis] === 1 && shape[a] !== 1)
    })
    return [o.reshape(o.sum(cts[0]!, summed), x)]
  },
  batch: ({ o, inputs, size, attrs: { shape, dims } }) => [
    o.broadcastInDim(inputs[0]!, [size, ...shape], [0, ...dims.map((d) => d + 1)]),
  ],
})

type Slice = {
  readonly starts: readonly number[]
  readonly stops: readonly number[]
  readonly steps: readonly number[]
}
export const slice = defineView<Slice>({
  name: 'slice',
  infer([x], { starts, stops, steps }) {
    const { dtype, shape } = x!
    const rank = shape.length
    const ok =
      [starts, stops, steps].every((list) => list.length === rank) &&
      shape.every((n, a) => starts[a]! >= 0 && starts[a]! <= stops[a]! && stops[a]! <= n && steps[a]! >= 1)
    if (!ok) {
      failShape(
        `slice: ${formatShape(starts)} to ${formatShape(stops)} by ${formatShape(steps)} is not within ${formatShape(shape)}`,
        'give a start, stop and step for every axis, with 0 <= start <= stop <= size and step >= 1',
      )
    }
    return [{ dtype, shape: shape.map((_, a) => Math.ceil((stops[a]! - starts[a]!) / steps[a]!)) }]
  },
  axisMaps: (x, { starts, steps }) => x.shape.map((_, a) => ({ start: starts[a]!, step: steps[a]!, from: a })),
  vjp({ o, inputs, cts, attrs: { starts, steps } }) {
    const ct = cts[0]!
    const high = inputs[0]!.shape.map((n, a) => n - starts[a]! - spread(ct.shape[a]!, steps[a]!))
    return [o.pad(ct, starts, high, { interior: steps.map((s) => s - 1) })]
  },
  batch: ({ o, inputs, attrs: { starts, stops, steps } }) => [
    o.slice(inputs[0]!, [0, ...starts], [inputs[0]!.shape[0]!, ...stops], [1, ...steps]),
  ],
})

/** Length of n elements with step - 1 gaps between them. */
const spread = (n: number, step: number): number => (n === 0 ? 0 : (n - 1) * step + 1)

type Axes = { readonly axes: readonly number[] }
export const flip = defineView<Axes>({
  name: 'flip',
  infer: ([x]) => [x!],
  axisMaps: (x, { axes }) =>
    x.shape.map((n, a) => (axes.includes(a) ? { start: n - 1, step: -1, from: a } : { start: 0, step: 1, from: a })),
  vjp: ({ o, cts, attrs: { axes } }) => [o.flip(cts[0]!, axes)],
  batch: ({ o, inputs, attrs: { axes } }) => [
    o.flip(
      inputs[0]!,
      axes.map((a) => a + 1),
    ),
  ],
})

type Target = { readonly shape: readonly number[] }
export const reshape = definePrim<PlainPrim<Target>>({
  name: 'reshape',
  kind: 'reshape',
  infer([x], { shape }) {
    if (sizeOf(shape) !== sizeOf(x!.shape)) {
      failShape(
        `reshape: ${formatShape(x!.shape)} has ${sizeOf(x!.shape)} elements, ${formatShape(shape)} has ${sizeOf(shape)}`,
        'the number of elements must stay the same; one dimension may be -1',
      )
    }
    return [{ dtype: x!.dtype, shape }]
  },
  evaluate: ([x], { shape }) => [{ ...x!, shape }],
  vjp: ({ o, inputs, cts }) => [o.reshape(cts[0]!, inputs[0]!.shape)],
  jvp: ({ o, tangents, attrs: { shape } }) => [o.reshape(tangents[0]!, shape)],
  batch: ({ o, inputs, size, attrs: { shape } }) => [o.reshape(inputs[0]!, [size, ...shape])],
})
