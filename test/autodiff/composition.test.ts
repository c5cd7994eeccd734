import { describe, expect, it } from 'vitest'
import { checkpoint, grad, jvp, valueAndGrad, vjp, vmap } from '../../src/autodiff/index.ts'
import { evaluate } from '../../src/ir/evaluate.ts'
import { tensorType } from '../../src/ir/graph.ts'
import { embedCaptures } from '../../src/ir/make-graph.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import { fromHost, hostArrayOf, type Tensor } from '../../src/ir/tensor.ts'
import { trace } from '../../src/ir/trace.ts'
import { verify } from '../../src/ir/verify.ts'
import { runPasses } from '../../src/passes/pipeline.ts'
import { type Loss, losses } from './functions.ts'
import { expectClose, f32, noise, numbersOf } from './helpers.ts'

const w = noise([3], 11)
const x = noise([4, 3], 12)
const ws = noise([2, 3], 13)
const xs = noise([2, 4, 3], 14)
const both = { argnums: [0, 1] } as const

/** The derivative of f along v, by Richardson's extrapolation of central differences. */
function differences(f: (t: Tensor) => Tensor, at: Tensor, v: Tensor): Tensor {
  const central = (h: number): Tensor => o.div(o.sub(f(o.add(at, o.mul(v, h))), f(o.sub(at, o.mul(v, h)))), 2 * h)
  return o.div(o.sub(o.mul(central(1 / 64), 4), central(1 / 32)), 3)
}

const inner = (a: Tensor, b: Tensor): Tensor => o.sum(o.mul(a, b))
const row = (t: Tensor, i: number): Tensor =>
  o.squeeze(o.slice(t, [i, ...t.shape.slice(1).map(() => 0)], [i + 1, ...t.shape.slice(1)]), 0)
const stack = (ts: readonly Tensor[]): Tensor =>
  o.concat(
    ts.map((t) => o.expandDims(t, 0)),
    0,
  )

describe.each(losses)('%s', (_, f) => {
  it('grad agrees with finite differences in both arguments', () => {
    const [value, [gw, gx]] = valueAndGrad(f, both)(w, x)
    expectClose(value, f(w, x), 1e-6, 'value')
    const [vw, vx] = [noise([3], 21), noise([4, 3], 22)]
    expectClose(
      inner(gw, vw),
      differences((t) => f(t, x), w, vw),
      5e-3,
      'w',
    )
    expectClose(
      inner(gx, vx),
      differences((t) => f(w, t), x, vx),
      5e-3,
      'x',
    )
  })

  it('Hessian-vector products agree: jvp of grad, grad of grad, and finite differences of grad', () => {
    const v = noise([3], 23)
    const g = (t: Tensor): Tensor => grad(f)(t, x)
    const [, forwardOverReverse] = jvp(g, [w], [v])
    const reverseOverReverse = grad((t: Tensor) => inner(g(t), v))(w)
    expectClose(reverseOverReverse, forwardOverReverse, 1e-3, 'grad of grad')
    expectClose(forwardOverReverse, differences(g, w, v), 1e-2, 'jvp of grad')
  })

  it('vmap of grad is a loop of grads', () => {
    const one = grad(f, both)
    const [gw, gx] = vmap(one)(ws, xs)
    const each = [0, 1].map((i) => one(row(ws, i), row(xs, i)))
    expectClose(gw, stack(each.map(([a]) => a)), 1e-4, 'w')
    expectClose(gx, stack(each.map(([, b]) => b)), 1e-4, 'x')
  })

  it('grad of vmap adds up what examples share', () => {
    const total = (a: Tensor, b: Tensor): Tensor => o.sum(vmap(f, { inAxes: [null, 0] })(a, b))
    const [gw, gx] = grad(total, both)(w, xs)
    const each = [0, 1].map((i) => grad(f, both)(w, row(xs, i)))
    expectClose(gw, o.add(each[0]![0], each[1]![0]), 1e-4, 'w')
    expectClose(gx, stack(each.map(([, b]) => b)), 1e-4, 'x')
  })

  it('vmaps nest', () => {
    const table = vmap(vmap(f, { inAxes: [null, 0] }), { inAxes: [0, null] })(ws, xs)
    const each = [0, 1].map((i) => stack([0, 1].map((j) => f(row(ws, i), row(xs, j)))))
    expectClose(table, stack(each), 1e-4)
  })

  it('a checkpoint changes no derivative of first or second order', () => {
    const kept = checkpoint(f)
    expectClose(grad(kept)(w, x), grad(f)(w, x), 1e-5)
    const second = (g: Loss): Tensor => grad((t: Tensor) => inner(grad(g)(t, x), w))(w)
    expectClose(second(kept), second(f), 1e-4)
    expectClose(vmap(grad(kept))(ws, xs), vmap(grad(f))(ws, xs), 1e-5)
  })

  it('traced, verified and optimised, the derivatives are what they are outside a trace', () => {
    const derivatives = (a: Tensor, b: Tensor): Tensor[] => [
      grad(f)(a, b),
      vmap(grad(f), { inAxes: [0, null] })(stack([a, o.mul(a, 2)]), b),
      grad((t: Tensor) => inner(grad(f)(t, b), t))(a),
    ]
    const types = [w, x].map((t) => tensorType(t.dtype, t.shape))
    const { graph, captures } = trace('derivatives', types, (a, b) => derivatives(a!, b!))
    const whole = embedCaptures(graph, captures)
    verify(whole, 'autodiff')
    const got = evaluate(
      runPasses(whole),
      [w, x].map((t) => hostArrayOf(t, 'test')),
    )
    derivatives(w, x).forEach((e, i) => expectClose(fromHost(got[i]!), e, 1e-3, `result ${i}`))
  })
})

describe('closures', () => {
  it('gradients flow to tensors of an outer trace, through grad, vmap and jvp', () => {
    const f = (a: Tensor): Tensor => {
      const byGrad = grad((b: Tensor) => o.sum(o.mul(square(a), square(b))))(w)
      const byMap = vmap((b: Tensor) => o.mul(a, b))(ws)
      const [, byJvp] = jvp((b: Tensor) => o.mul(square(a), b), [w], [w])
      return o.add(o.add(o.sum(byGrad), o.sum(byMap)), o.sum(byJvp))
    }
    const v = noise([3], 24)
    expectClose(inner(grad(f)(w), v), differences(f, w, v), 1e-2)
  })

  const square = (t: Tensor): Tensor => o.mul(t, t)

  it('third derivatives of x^4 are 24 x', () => {
    const fourth = (t: Tensor): Tensor => o.sum(square(square(t)))
    const second = grad((t: Tensor) => o.sum(grad(fourth)(t)))
    const third = grad((t: Tensor) => o.sum(second(t)))
    expectClose(third(f32([1, -2])), f32([24, -48]))
  })

  it('a pullback made in one trace can be used in one inside it', () => {
    const f = (a: Tensor): Tensor => {
      const [, pull] = vjp((b: Tensor) => o.mul(b, a), a)
      return o.sum(vmap((ct: Tensor) => pull(ct)[0])(stack([a, a])))
    }
    // pull(a) = a * a, twice.
    expectClose(grad(f)(w), o.mul(w, 4))
  })
})

describe('what is built', () => {
  const MATMUL = { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] }
  const layer = (a: Tensor, b: Tensor): Tensor => o.sum(o.tanh(o.dot(b, a, MATMUL)))
  const count = (
    fn: (...args: Tensor[]) => readonly Tensor[],
    shapes: readonly (readonly number[])[],
    name: string,
  ) => {
    const { graph } = trace(
      'g',
      shapes.map((s) => tensorType('f32', s)),
      fn,
    )
    return runPasses(graph).equations.filter((e) => e.prim.name === name).length
  }

  it('products stay products under grad and vmap: one forward, one per wanted gradient', () => {
    const shapes = [
      [3, 4],
      [5, 3],
    ]
    expect(count((a, b) => [grad(layer)(a!, b!)], shapes, 'dot')).toBe(2)
    expect(count((a, b) => grad(layer, both)(a!, b!), shapes, 'dot')).toBe(3)
    const batched = [
      [3, 4],
      [2, 5, 3],
    ]
    const perExample = vmap(grad(layer), { inAxes: [null, 0] })
    expect(count((a, b) => [perExample(a!, b!)], batched, 'dot')).toBe(2)
  })

  it('no cotangents are made for what is not asked for, even before any pass', () => {
    const expensive = (a: Tensor, b: Tensor): Tensor => o.sum(o.mul(a, o.sin(o.exp(b))))
    const { graph } = trace('g', [tensorType('f32', [3]), tensorType('f32', [3])], (a, b) => [grad(expensive)(a!, b!)])
    expect(graph.equations.map((e) => e.prim.name)).not.toContain('cos')
    const stopped = (a: Tensor, b: Tensor): Tensor => o.sum(o.mul(a, o.stopGradient(o.exp(o.mul(a, b)))))
    const { graph: second } = trace('g', [tensorType('f32', [3]), tensorType('f32', [3])], (a, b) => [
      grad(stopped)(a!, b!),
    ])
    expect(second.equations.filter((e) => e.prim.name === 'mul')).toHaveLength(3)
  })

  it('what a batch shares is computed once', () => {
    const f = (a: Tensor, b: Tensor): Tensor => o.mul(o.exp(a), b)
    const { graph } = trace('g', [tensorType('f32', [3]), tensorType('f32', [2, 3])], (a, b) => [
      vmap(f, { inAxes: [null, 0] })(a!, b!),
    ])
    expect(graph.equations.find((e) => e.prim.name === 'exp')!.outputs[0]!.type.shape).toEqual([3])
  })
})

describe('sizes of zero', () => {
  it('gradients and maps of empty tensors are empty', () => {
    const empty = f32([], [0, 3])
    expectClose(grad((t: Tensor) => o.sum(o.exp(t)))(empty), empty)
    expectClose(vmap((t: Tensor) => o.exp(t))(empty), empty)
    const [, gx] = grad(losses[0]![1], both)(w, empty)
    expect(gx.shape).toEqual([0, 3])
  })

  it('a loop of no steps passes its carry and its cotangent through', () => {
    const recurrent = losses.find(([name]) => name === 'scan with an integer carry')![1]
    expectClose(grad(recurrent)(w, f32([], [0, 3])), o.mul(o.mul(o.sin(w), o.cos(w)), 2))
    expect(numbersOf(recurrent(w, f32([], [0, 3])))).toHaveLength(1)
  })
})
