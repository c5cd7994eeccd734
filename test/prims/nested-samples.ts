import { tensorType } from '../../src/ir/graph.ts'
import { nested } from '../../src/ir/prims/index.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import { trace } from '../../src/ir/trace.ts'
import { plain, type SampleRow } from './sample.ts'

/** x, y of one shape -> (sin(x * y), x + y). */
function body(shape: readonly number[]) {
  const type = tensorType('f32', shape)
  return trace('body', [type, type], (x, y) => [o.sin(o.mul(x!, y!)), o.add(x!, y!)]).graph
}

/** x * x * y with residuals x and y, and its true derivative. */
function squareTimes(shape: readonly number[]) {
  const type = tensorType('f32', shape)
  const forward = trace('forward', [type, type], (x, y) => [o.mul(o.mul(x!, x!), y!), x!, y!]).graph
  const backward = trace('backward', [type, type, type], (x, y, ct) => [
    o.mul(ct!, o.mul(o.mul(x!, y!), 2)),
    o.mul(ct!, o.mul(x!, x!)),
  ]).graph
  return { forward, backward, outputs: 1 }
}

/** consts [w], carries [h, count: i32], xs [x]: h' = sin(w * h) + x * count / 8, count' = count + 1, y = h' * x. */
function step(shape: readonly number[]) {
  const type = tensorType('f32', shape)
  return trace('step', [type, type, tensorType('i32', []), type], (w, h, count, x) => {
    const scale = o.broadcastTo(o.div(o.cast(count!, 'f32'), 8), shape)
    const next = o.add(o.sin(o.mul(w!, h!)), o.mul(x!, scale))
    return [next, o.add(count!, 1), o.mul(next, x!)]
  }).graph
}

export const nestedSamples: readonly SampleRow[] = [
  {
    prim: nested.checkpoint,
    dtypes: ['f32'],
    tolerance: 1e-4,
    make({ form, values }) {
      const shape = form.shape()
      return { inputs: [plain('f32', shape, values), plain('f32', shape, values)], attrs: { body: body(shape) } }
    },
  },
  {
    prim: nested.customVjp,
    dtypes: ['f32'],
    tolerance: 1e-5,
    make({ form, values }) {
      const shape = form.shape()
      return { inputs: [plain('f32', shape, values), plain('f32', shape, values)], attrs: squareTimes(shape) }
    },
  },
  {
    prim: nested.scan,
    dtypes: ['f32'],
    tolerance: 1e-4,
    make({ form, values }) {
      const shape = form.shape(0, 2)
      const length = form.int(0, 3)
      const inputs = [
        plain('f32', shape, values),
        plain('f32', shape, values),
        plain('i32', [], values),
        plain('f32', [length, ...shape], values),
      ]
      return { inputs, attrs: { body: step(shape), length, consts: 1, carries: 2, reverse: form.flip() } }
    },
  },
]
