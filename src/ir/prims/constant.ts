import { type DType, type HostArray, setElement } from '../dtype.ts'
import type { AttrValue } from '../graph.ts'
import { type ConstantPrim, definePrim } from '../prim.ts'
import { emptyArray, forEachIndex } from './common.ts'

/** Values that depend on no input. Without inputs there is nothing to batch or to differentiate. */
type Full = { readonly dtype: DType; readonly shape: readonly number[]; readonly value: number }
const neverBatched = (): never => {
  throw new Error('a constant has no batched input')
}

export const full = definePrim<ConstantPrim<Full>>({
  name: 'full',
  kind: 'constant',
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
  evaluate(_, { value }, [type]) {
    const out = emptyArray(type!)
    for (let i = 0; i < out.data.length; i++) setElement(out, i, value)
    return [out]
  },
  element: ({ value }) => ({ kind: 'value', value }),
  batch: neverBatched,
})

type Iota = { readonly dtype: DType; readonly shape: readonly number[]; readonly axis: number }

/** 0, 1, 2, ... along one axis. */
export const iota = definePrim<ConstantPrim<Iota>>({
  name: 'iota',
  kind: 'constant',
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
  evaluate(_, { axis }, [type]) {
    const out = emptyArray(type!)
    forEachIndex(type!.shape, (index, linear) => setElement(out, linear, index[axis]!))
    return [out]
  },
  element: ({ axis }) => ({ kind: 'axis', axis }),
  batch: neverBatched,
})

type Literal = { readonly data: AttrValue & HostArray }

/** An array written into the graph itself: what `makeGraph` does with concrete tensors that a function captures. */
export const literal = definePrim<ConstantPrim<Literal>>({
  name: 'literal',
  kind: 'constant',
  infer: (_, { data }) => [{ dtype: data.dtype, shape: data.shape }],
  evaluate: (_, { data }) => [data],
  element: ({ data }) => ({ kind: 'array', data }),
  batch: neverBatched,
})
