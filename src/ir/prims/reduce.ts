import type { DType } from '../dtype.ts'
import { getElement, setElement } from '../dtype.ts'
import type { Ops } from '../ops-interface.ts'
import { definePrim, type MonoidName, type ReducePrim } from '../prim.ts'
import { range, stridesOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { emptyArray, forEachIndex, NUMBERS, requireDType } from './common.ts'

/** Folds over `axes`, which vanish from the shape. attrs: {axes}, sorted. */
type Axes = { readonly axes: readonly number[] }
type Rules = Pick<ReducePrim<Axes>, 'vjp' | 'jvp'>

/** The identity of each monoid, per dtype. */
export function monoidIdentity(monoid: MonoidName, dtype: DType): number {
  if (monoid === 'sum') return 0
  const sign = monoid === 'max' ? -1 : 1
  if (dtype === 'f32' || dtype === 'f16') return sign * Infinity
  if (dtype === 'i32') return sign < 0 ? -2147483648 : 2147483647
  return sign < 0 ? 0 : dtype === 'bool' ? 1 : 4294967295
}

const combine: Record<MonoidName, (a: number, b: number) => number> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
}

function defineReduce(name: string, monoid: MonoidName, takes: readonly DType[], rules: Rules): ReducePrim<Axes> {
  const prim: ReducePrim<Axes> = {
    name,
    kind: 'reduce',
    monoid,
    infer([x], { axes }) {
      requireDType(name, x!, takes)
      return [{ dtype: x!.dtype, shape: x!.shape.filter((_, a) => !axes.includes(a)) }]
    },
    evaluate([x], { axes }, [type]) {
      const out = emptyArray(type!)
      const outStrides = stridesOf(type!.shape)
      let kept = 0
      const strides = x!.shape.map((_, a) => (axes.includes(a) ? 0 : outStrides[kept++]!))
      // Accumulates in double precision and rounds once, whatever the dtype.
      const accumulator = new Float64Array(out.data.length).fill(monoidIdentity(monoid, x!.dtype))
      forEachIndex(x!.shape, (index, linear) => {
        let at = 0
        for (let k = 0; k < index.length; k++) at += index[k]! * strides[k]!
        accumulator[at] = combine[monoid](accumulator[at]!, getElement(x!, linear))
      })
      for (let i = 0; i < accumulator.length; i++) setElement(out, i, accumulator[i]!)
      return [out]
    },
    ...rules,
    batch: ({ o, inputs, attrs: { axes } }) =>
      o.bind(prim as unknown as ReducePrim, inputs, { axes: axes.map((a) => a + 1) }),
  }
  return definePrim(prim)
}

/** The reduced tensor, broadcast back over the axes that vanished. */
function spreadBack(o: Ops, reduced: Tensor, shape: readonly number[], axes: readonly number[]): Tensor {
  return o.broadcastInDim(
    reduced,
    shape,
    range(shape.length).filter((a) => !axes.includes(a)),
  )
}

/** The subgradient of max and min: the share of each element among those that reach the extremum. */
function extremumShare(o: Ops, x: Tensor, out: Tensor, axes: readonly number[]): Tensor {
  const hit = o.cast(o.eq(x, spreadBack(o, out, x.shape, axes)), x.dtype)
  return o.div(hit, spreadBack(o, o.sum(hit, axes), x.shape, axes))
}

const extremumRules: Rules = {
  vjp: ({ o, inputs: [x], outputs: [out], cts, attrs: { axes } }) => [
    o.mul(spreadBack(o, cts[0]!, x!.shape, axes), extremumShare(o, x!, out!, axes)),
  ],
  jvp: ({ o, inputs: [x], outputs: [out], tangents, attrs: { axes } }) => [
    o.sum(o.mul(tangents[0]!, extremumShare(o, x!, out!, axes)), axes),
  ],
}

export const sum = defineReduce('sum', 'sum', NUMBERS, {
  vjp: ({ o, inputs, cts, attrs: { axes } }) => [spreadBack(o, cts[0]!, inputs[0]!.shape, axes)],
  jvp: ({ o, tangents, attrs: { axes } }) => [o.sum(tangents[0]!, axes)],
})
export const max = defineReduce('max', 'max', [...NUMBERS, 'bool'], extremumRules)
export const min = defineReduce('min', 'min', [...NUMBERS, 'bool'], extremumRules)
