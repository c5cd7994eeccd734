import { getElement, setElement } from '../dtype.ts'
import { definePrim, type UpdatePrim } from '../prim.ts'
import { failShape, formatShape, range, sameShape } from '../shape.ts'
import { updateBatchedStarts } from './batched-starts.ts'
import { ensureBatched, failDType, formatTypes, INTS, NUMBERS, requireDType } from './common.ts'
import {
  checkGather,
  checkWindow,
  forEachGathered,
  forEachWindow,
  type GatherAttrs,
  gatheredIndex,
  gatherShape,
  windowIndex,
} from './index-prims.ts'

/** Updates: input 0 with a part rewritten. A device writes in place where input 0 is not needed any more. */

/** x[b, p, indices[b, i], q] += updates[b, p, i, q]; repeated indices add up, out of range ones are clamped. */
export const scatterAdd = definePrim<UpdatePrim<GatherAttrs>>({
  name: 'scatter_add',
  kind: 'update',
  infer([x, indices, updates], attrs) {
    requireDType('scatterAdd', x!, NUMBERS)
    requireDType('scatterAdd indices', indices!, INTS)
    checkGather('scatterAdd', x!.shape, indices!.shape, attrs)
    const wanted = gatherShape(x!.shape, indices!.shape, attrs)
    if (!sameShape(wanted, updates!.shape)) {
      failShape(
        `scatterAdd: updates ${formatShape(updates!.shape)} into ${formatShape(x!.shape)} by indices ${formatShape(indices!.shape)}`,
        `updates must be ${formatShape(wanted)}`,
      )
    }
    if (x!.dtype !== updates!.dtype) failDType(`scatterAdd: dtypes differ: ${formatTypes([x!, updates!])}`)
    return [x!]
  },
  evaluate([x, indices, updates], attrs) {
    const out = { ...x!, data: x!.data.slice() }
    const source = { shape: indices!.shape, at: (i: number) => getElement(indices!, i) }
    forEachGathered(x!.shape, source, attrs, (from, to) => {
      setElement(out, to, getElement(out, to) + getElement(updates!, from))
    })
    return [out]
  },
  combine: 'add',
  updates: 2,
  target: (math, index, inputs, attrs) => gatheredIndex(math, index, inputs[1]!.shape.length, 1, attrs),
  collidingAxes: ([, indices], { axis, batch }) => range(indices!.shape.length - batch).map((a) => a + axis),
  vjp: ({ o, inputs: [, indices], cts, attrs }) => [cts[0]!, null, o.gather(cts[0]!, indices!, attrs)],
  jvp: ({ o, inputs: [x, indices, updates], tangents: [tx, , tu], attrs }) => [
    o.scatterAdd(tx ?? o.zerosLike(x!), indices!, tu ?? o.zerosLike(updates!), attrs),
  ],
  batch({ o, inputs, batched, size, attrs: { axis, batch } }) {
    const [x, indices, updates] = inputs.map((t, i) => ensureBatched(o, t, batched[i]!, size))
    return [o.scatterAdd(x!, indices!, updates!, { axis: axis + 1, batch: batch + 1 })]
  },
})

/** x with the window at `starts` (i32[rank]) replaced by `update`; the window is moved inside x. */
export const dynamicUpdateSlice = definePrim<UpdatePrim>({
  name: 'dynamic_update_slice',
  kind: 'update',
  infer([x, update, starts]) {
    checkWindow('dynamicUpdateSlice', x!.shape, update!.shape, starts!.shape)
    requireDType('dynamicUpdateSlice starts', starts!, ['i32'])
    if (x!.dtype !== update!.dtype) failDType(`dynamicUpdateSlice: dtypes differ: ${formatTypes([x!, update!])}`)
    return [x!]
  },
  evaluate([x, update, starts]) {
    const out = { ...x!, data: x!.data.slice() }
    forEachWindow(
      x!.shape,
      update!.shape,
      (a) => getElement(starts!, a),
      (inWindow, inX) => {
        out.data[inX] = update!.data[inWindow]!
      },
    )
    return [out]
  },
  combine: 'set',
  updates: 1,
  target: (math, index, inputs) => windowIndex(math, index, 2, inputs[1]!.shape),
  collidingAxes: () => [],
  vjp: ({ o, inputs: [, update, starts], cts }) => [
    o.dynamicUpdateSlice(cts[0]!, o.zerosLike(update!), starts!),
    o.dynamicSlice(cts[0]!, starts!, update!.shape),
    null,
  ],
  jvp: ({ o, inputs: [x, update, starts], tangents: [tx, tu] }) => [
    o.dynamicUpdateSlice(tx ?? o.zerosLike(x!), tu ?? o.zerosLike(update!), starts!),
  ],
  batch({ o, inputs: [x, update, starts], batched, size }) {
    const [wholeX, wholeUpdate] = [x!, update!].map((t, i) => ensureBatched(o, t, batched[i]!, size))
    if (batched[2]) return [updateBatchedStarts(o, wholeX!, wholeUpdate!, starts!)]
    return [o.dynamicUpdateSlice(wholeX!, wholeUpdate!, o.pad(starts!, [1], [0]))]
  },
})
