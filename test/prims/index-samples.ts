import type { DType } from '../../src/ir/dtype.ts'
import { index, update } from '../../src/ir/prims/index.ts'
import { gatherShape } from '../../src/ir/prims/index-prims.ts'
import { fill, type Random } from './random.ts'
import { ALL, indices, NUMBERS, plain, type SampleRow } from './sample.ts'

/** Shapes of a gather: a tensor B+P+[n]+Q and indices B+I. */
function gatherForm(form: Random) {
  const batchShape = form.shape(0, 1)
  const before = form.shape(0, 1)
  const n = form.positive()
  const shape = [...batchShape, ...before, n, ...form.shape(0, 1)]
  const indexShape = [...batchShape, ...form.shape(0, 2)]
  const indexDType: DType = form.pick(['i32', 'u32'])
  return {
    shape,
    indexShape,
    indexDType,
    n,
    attrs: { axis: batchShape.length + before.length, batch: batchShape.length },
  }
}

/** A window that fits, with starts that may stick out. */
function windowForm(form: Random, values: Random) {
  const shape = form.shape()
  const sizes = shape.map((n) => form.int(0, n))
  const starts = fill('i32', [shape.length], (a) => values.int(-1, shape[a]!))
  return { shape, sizes, starts }
}

export const indexSamples: readonly SampleRow[] = [
  {
    prim: index.gather,
    dtypes: ALL,
    tolerance: 0,
    make({ form, values, dtype }) {
      const g = gatherForm(form)
      const inputs = [plain(dtype, g.shape, values), indices(g.indexDType, g.indexShape, g.n, values)]
      return { inputs, attrs: g.attrs }
    },
  },
  {
    prim: index.dynamicSlice,
    dtypes: ALL,
    tolerance: 0,
    make({ form, values, dtype }) {
      const { shape, sizes, starts } = windowForm(form, values)
      return { inputs: [plain(dtype, shape, values), starts], attrs: { sizes } }
    },
  },
  {
    prim: update.scatterAdd,
    dtypes: NUMBERS,
    tolerance: 1e-5,
    make({ form, values, dtype }) {
      const g = gatherForm(form)
      const updates = plain(dtype, gatherShape(g.shape, g.indexShape, g.attrs), values)
      const at = indices(g.indexDType, g.indexShape, g.n, values)
      return { inputs: [plain(dtype, g.shape, values), at, updates], attrs: g.attrs }
    },
  },
  {
    prim: update.dynamicUpdateSlice,
    dtypes: NUMBERS,
    tolerance: 0,
    make({ form, values, dtype }) {
      const { shape, sizes, starts } = windowForm(form, values)
      return { inputs: [plain(dtype, shape, values), plain(dtype, sizes, values), starts], attrs: {} }
    },
  },
]
