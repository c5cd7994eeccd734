import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'

interface Params {
  readonly layers: readonly { readonly w: w.Tensor }[]
}
const params = { layers: [{ w: w.spec(['I', 3]) }, { w: w.spec([3, 2]) }] }
const mlp = (p: Params, x: w.Tensor): w.Tensor => p.layers.reduce((h, layer) => w.relu(w.matmul(h, layer.w)), x)

describe('traceGraph', () => {
  test('names inputs by their paths behind the position or name of the parameter', () => {
    const graph = w.traceGraph(mlp, [params, w.spec([4, 'I'])], 'mlp', { sizes: { I: 5 } })
    expect(graph.name).toBe('mlp')
    expect(graph.inputs.map((v) => v.name)).toEqual(['0.layers[0].w', '0.layers[1].w', '1'])
    expect(graph.inputs.map((v) => v.type.shape)).toEqual([
      [5, 3],
      [3, 2],
      [4, 5],
    ])
    expect(graph.outputs.map((v) => v.type.shape)).toEqual([[4, 2]])
    const named = w.traceGraph(mlp, [params, w.spec([4, 5])], 'mlp', { sizes: { I: 5 }, argNames: ['params', 'x'] })
    expect(named.inputs.map((v) => v.name)).toEqual(['params.layers[0].w', 'params.layers[1].w', 'x'])
  })

  test('makes captured tensors literals, each one once', () => {
    const c = w.tensor([1, 2])
    const graph = w.traceGraph((x: w.Tensor) => w.add(w.mul(x, c), c), [w.spec([2])])
    expect(graph.equations.map((e) => e.prim.name)).toEqual(['literal', 'mul', 'add'])
    const [out] = w.evaluate(graph, [{ dtype: 'f32', shape: [2], data: Float32Array.of(3, 4) }])
    expect([...out!.data]).toEqual([4, 10])
  })

  test('takes tensors as examples of their types', () => {
    const graph = w.traceGraph((x: w.Tensor) => w.neg(x), [w.ones([3], 'i32')])
    expect(graph.inputs[0]!.type).toEqual({ dtype: 'i32', shape: [3] })
  })

  test('knows the line of each equation', () => {
    const graph = w.traceGraph((x: w.Tensor) => w.neg(x), [w.spec([1])])
    expect(graph.equations[0]!.source?.location()).toMatch(/^test\/ir\/ops-trace\.test\.ts:\d+:\d+$/)
  })

  test('refuses a name without a size, and a tensor of another trace', () => {
    expect(() => w.traceGraph(mlp, [params, w.spec([4, 5])])).toThrow(
      /^trace: dimension 'I' of 0.layers\[0\].w has no size/,
    )
    const outer = (x: w.Tensor): w.Tensor => {
      w.traceGraph((y: w.Tensor) => w.add(x, y), [w.spec([1])], 'inner')
      return x
    }
    expect(() => w.traceGraph(outer, [w.spec([1])])).toThrow(/^inner: the function uses a tensor of another function/)
  })

  test('every operation gives the same outside and inside a trace', async () => {
    const x = w.normal(w.key(1), [3, 4])
    const f = (t: w.Tensor): w.Tensor[] => [
      w.softmax(t),
      w.topK(t, 2).values,
      w.einsum('a b, c b -> a c', t, t),
      w.scan((c, row) => [w.add(c, w.sum(row)), w.cumsum(row, 0)], w.zeros([]), t)[1],
      w.cond(
        w.lt(w.sum(t), 0),
        () => t,
        () => w.neg(t),
      ),
      w.dropout(w.key(2), t, 0.5),
    ]
    const traced = w.evaluate(w.traceGraph(f, [x]), [await x.readHost()])
    const eager = await Promise.all(f(x).map((t) => t.readHost()))
    expect(traced).toEqual(eager)
  })
})
