import { setElement } from '../dtype.ts'
import { definePrim, type PiecewisePrim } from '../prim.ts'
import { failShape, formatShape, sameShape, sizeOf, stridesOf } from '../shape.ts'
import { emptyArray, ensureBatched, failDType, forEachIndex, formatTypes } from './common.ts'

type Dims = readonly number[]

type Pad = { readonly low: Dims; readonly high: Dims; readonly interior: Dims; readonly value: number }

/** `low` elements before, `high` after, `interior` between neighbours along every axis, all set to `value`. */
export const pad = definePrim<PiecewisePrim<Pad>>({
  name: 'pad',
  kind: 'piecewise',
  infer([x], { low, high, interior }) {
    const rank = x!.shape.length
    if ([low, high, interior].some((list) => list.length !== rank || list.some((n) => n < 0))) {
      failShape(
        `pad: low ${formatShape(low)}, high ${formatShape(high)}, interior ${formatShape(interior)} on ${formatShape(x!.shape)}`,
        'give a count of 0 or more for every axis',
      )
    }
    const shape = x!.shape.map((n, a) => low[a]! + high[a]! + (n === 0 ? 0 : n + (n - 1) * interior[a]!))
    return [{ dtype: x!.dtype, shape }]
  },
  evaluate([x], { low, interior, value }, [type]) {
    const out = emptyArray(type!)
    for (let i = 0; i < out.data.length; i++) setElement(out, i, value)
    const strides = stridesOf(type!.shape)
    forEachIndex(x!.shape, (index, linear) => {
      let at = 0
      for (let a = 0; a < index.length; a++) at += (low[a]! + index[a]! * (interior[a]! + 1)) * strides[a]!
      out.data[at] = x!.data[linear]!
    })
    return [out]
  },
  pieces: (_, { low, interior }) => [{ input: 0, low, step: interior.map((n) => n + 1) }],
  fill: ({ value }) => value,
  vjp({ o, inputs, cts, attrs: { low, interior } }) {
    const stops = inputs[0]!.shape.map((n, a) => low[a]! + (n === 0 ? 0 : (n - 1) * (interior[a]! + 1) + 1))
    return [
      o.slice(
        cts[0]!,
        low,
        stops,
        interior.map((n) => n + 1),
      ),
    ]
  },
  jvp: ({ o, tangents, attrs: { low, high, interior } }) => [o.pad(tangents[0]!, low, high, { interior })],
  batch: ({ o, inputs, attrs: { low, high, interior, value } }) => [
    o.pad(inputs[0]!, [0, ...low], [0, ...high], { interior: [0, ...interior], value }),
  ],
})

type Concat = { readonly axis: number }

export const concat = definePrim<PiecewisePrim<Concat>>({
  name: 'concat',
  kind: 'piecewise',
  infer(inputs, { axis }) {
    const [first] = inputs
    const rest = (shape: Dims): Dims => shape.filter((_, a) => a !== axis)
    if (inputs.some((t) => t.shape.length !== first!.shape.length || !sameShape(rest(t.shape), rest(first!.shape)))) {
      failShape(
        `concat: ${inputs.map((t) => formatShape(t.shape)).join(', ')} along axis ${axis}`,
        `all dimensions but axis ${axis} must be equal`,
      )
    }
    if (inputs.some((t) => t.dtype !== first!.dtype)) {
      failDType(`concat: operands differ in dtype: ${formatTypes(inputs)}`, 'cast them to one dtype')
    }
    const total = inputs.reduce((n, t) => n + t.shape[axis]!, 0)
    return [{ dtype: first!.dtype, shape: first!.shape.map((n, a) => (a === axis ? total : n)) }]
  },
  evaluate(inputs, { axis }, [type]) {
    const out = emptyArray(type!)
    const outer = sizeOf(type!.shape.slice(0, axis))
    let at = 0
    for (let n = 0; n < outer; n++) {
      for (const x of inputs) {
        const run = sizeOf(x.shape.slice(axis))
        out.data.set(x.data.subarray(n * run, (n + 1) * run), at)
        at += run
      }
    }
    return [out]
  },
  pieces(inputs, { axis }) {
    let at = 0
    return inputs.map((t, input) => {
      const low = t.shape.map((_, a) => (a === axis ? at : 0))
      at += t.shape[axis]!
      return { input, low, step: t.shape.map(() => 1) }
    })
  },
  fill: () => 0,
  vjp({ o, inputs, cts, attrs: { axis } }) {
    let at = 0
    return inputs.map((x) => {
      const starts = x.shape.map((_, a) => (a === axis ? at : 0))
      at += x.shape[axis]!
      return o.slice(
        cts[0]!,
        starts,
        x.shape.map((n, a) => n + starts[a]!),
      )
    })
  },
  jvp: ({ o, inputs, tangents, attrs: { axis } }) => [
    o.concat(
      tangents.map((t, i) => t ?? o.zerosLike(inputs[i]!)),
      axis,
    ),
  ],
  batch: ({ o, inputs, batched, size, attrs: { axis } }) => [
    o.concat(
      inputs.map((x, i) => ensureBatched(o, x, batched[i]!, size)),
      axis + 1,
    ),
  ],
})
