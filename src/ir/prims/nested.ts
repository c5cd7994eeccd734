import { type DType, getElement, type HostArray, setElement } from '../dtype.ts'
import { evaluate } from '../evaluate.ts'
import { formatType, type Graph, type TensorType } from '../graph.ts'
import { definePrim, type PlainPrim } from '../prim.ts'
import { failShape, sizeOf } from '../shape.ts'
import { emptyArray, formatTypes } from './common.ts'

/** Primitives that hold graphs. Their derivatives and batching are in src/autodiff, by kind. */

const outputTypes = (graph: Graph): TensorType[] => graph.outputs.map((v) => v.type)

type CustomVjp = { readonly forward: Graph; readonly backward: Graph; readonly outputs: number }

/**
 * A function with a backward pass of its own. forward: inputs -> outputs, residuals; backward: residuals,
 * cotangents of the outputs -> cotangents of the inputs. The equation gives the outputs only.
 */
export const customVjp = definePrim<PlainPrim<CustomVjp>>({
  name: 'custom_vjp',
  kind: 'customVjp',
  infer: (_, { forward, outputs }) => outputTypes(forward).slice(0, outputs),
  evaluate: (inputs, { forward, outputs }) => evaluate(forward, inputs).slice(0, outputs),
})

type Checkpoint = { readonly body: Graph }

/** A function whose inner values are not kept for the backward pass but computed again. */
export const checkpoint = definePrim<PlainPrim<Checkpoint>>({
  name: 'checkpoint',
  kind: 'checkpoint',
  infer: (_, { body }) => outputTypes(body),
  evaluate: (inputs, { body }) => evaluate(body, inputs),
})

export type ScanAttrs = {
  readonly body: Graph
  readonly length: number
  readonly consts: number
  readonly carries: number
  readonly reverse: boolean
}

/**
 * A loop of fixed length. Inputs: consts, carries, xs (each [length, ...]). body: consts, carries, one slice of each
 * x -> carries, one slice of each y. Outputs: the last carries, then ys (each [length, ...]).
 */
export const scan = definePrim<PlainPrim<ScanAttrs>>({
  name: 'scan',
  kind: 'loop',
  infer(inputs, { body, length, consts, carries }) {
    const expected = body.inputs.map((v, i) =>
      i < consts + carries ? v.type : { dtype: v.type.dtype, shape: [length, ...v.type.shape] },
    )
    const results = outputTypes(body)
    const carryTypes = expected.slice(consts, consts + carries)
    if (formatTypes(expected) !== formatTypes(inputs)) {
      failShape(`scan: the body takes ${formatTypes(expected)}, got ${formatTypes(inputs)}`)
    }
    carryTypes.forEach((t, i) => {
      if (formatType(t) !== formatType(results[i]!)) {
        failShape(
          `scan: carry ${i} starts as ${formatType(t)} and the body returns ${formatType(results[i]!)}`,
          'a carry must keep its dtype and shape from one step to the next',
        )
      }
    })
    return [
      ...results.slice(0, carries),
      ...results.slice(carries).map((t) => ({ dtype: t.dtype, shape: [length, ...t.shape] })),
    ]
  },
  evaluate(inputs, { body, length, consts, carries, reverse }, types) {
    const fixed = inputs.slice(0, consts)
    let carry = inputs.slice(consts, consts + carries)
    const xs = inputs.slice(consts + carries)
    const ys = types.slice(carries).map(emptyArray)
    for (let step = 0; step < length; step++) {
      const i = reverse ? length - 1 - step : step
      const results = evaluate(body, [...fixed, ...carry, ...xs.map((x) => sliceLeading(x, i))])
      carry = results.slice(0, carries)
      results.slice(carries).forEach((y, k) => writeLeading(ys[k]!, i, y))
    }
    return [...carry, ...ys]
  },
})

function sliceLeading(x: HostArray, i: number): HostArray {
  const shape = x.shape.slice(1)
  const n = sizeOf(shape)
  return { dtype: x.dtype satisfies DType, shape, data: x.data.slice(i * n, (i + 1) * n) }
}

function writeLeading(out: HostArray, i: number, y: HostArray): void {
  const n = y.data.length
  for (let k = 0; k < n; k++) setElement(out, i * n + k, getElement(y, k))
}
