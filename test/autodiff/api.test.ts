import { describe, expect, expectTypeOf, it } from 'vitest'
import { checkpoint, customVjp, grad, jvp, valueAndGrad, vjp, vmap } from '../../src/autodiff/index.ts'
import { tensorType } from '../../src/ir/graph.ts'
import { sum } from '../../src/ir/ops.ts'
import { rawOps as o } from '../../src/ir/raw-ops.ts'
import { fromHost, hostFromNumbers, type Tensor } from '../../src/ir/tensor.ts'
import { trace } from '../../src/ir/trace.ts'
import type { _, Shape } from '../../src/ir/types.ts'
import { DTypeError, TraceError, UnsupportedError } from '../../src/util/errors.ts'
import { expectClose, f32, i32, numbersOf, scalar } from './helpers.ts'

const a = f32([1, 2])
const b = f32([3, 4])
const product = (x: Tensor, y: Tensor): Tensor => o.sum(o.mul(x, y))

describe('grad', () => {
  it('takes and gives trees', () => {
    const loss = (p: { w: Tensor; layers: Tensor[] }, x: Tensor): Tensor =>
      o.sum(o.mul(o.mul(p.w, x), o.add(p.layers[0]!, p.layers[1]!)))
    const g = grad(loss)({ w: a, layers: [a, b] }, b)
    expectTypeOf(g).toEqualTypeOf<{ w: Tensor; layers: Tensor[] }>()
    expect(numbersOf(g.w)).toEqual([12, 24])
    expect(g.layers.map(numbersOf)).toEqual([
      [3, 8],
      [3, 8],
    ])
  })

  it('follows argnums: one argument, or a tuple', () => {
    expect(numbersOf(grad(product, { argnums: 1 })(a, b))).toEqual([1, 2])
    const [gy, gx] = grad(product, { argnums: [1, 0] })(a, b)
    expectTypeOf(gy).toEqualTypeOf<Tensor>()
    expect([gy, gx].map(numbersOf)).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it('gives zeros for what the loss does not depend on', () => {
    const [ga, gb] = grad((x: Tensor, _: Tensor) => o.sum(x), { argnums: [0, 1] })(a, b)
    expect([ga, gb].map(numbersOf)).toEqual([
      [1, 1],
      [0, 0],
    ])
  })

  it('passes aux through', () => {
    const loss = (x: Tensor) => [o.sum(o.mul(x, x)), { rounded: o.cast(x, 'i32') }] as const
    const [g, aux] = grad(loss, { hasAux: true })(a)
    expectTypeOf(aux).toExtend<{ rounded: Tensor }>()
    expect(numbersOf(g)).toEqual([2, 4])
    expect(aux.rounded.dtype).toBe('i32')
    const [[value, same], gradient] = valueAndGrad(loss, { hasAux: true })(a)
    expect([value, same.rounded, gradient].map(numbersOf)).toEqual([[5], [1, 2], [2, 4]])
  })

  it('works in f16', () => {
    const x = fromHost(hostFromNumbers('f16', [2], [1.5, -2]))
    const g = grad((t: Tensor) => o.sum(o.mul(t, t)))(x)
    expect([g.dtype, ...numbersOf(g)]).toEqual(['f16', 3, -4])
  })

  it('halves the gradient at ties, and shares it among extrema', () => {
    expect(numbersOf(grad((t: Tensor) => o.sum(o.maximum(t, 1)))(f32([1, 2, 0])))).toEqual([0.5, 1, 0])
    expect(numbersOf(grad((t: Tensor) => o.max(t))(f32([2, 1, 2])))).toEqual([0.5, 0, 0.5])
  })

  it('is finite where a power has base and exponent 0', () => {
    expect(numbersOf(grad((t: Tensor) => o.sum(o.pow(t, 0)))(f32([0, 2])))).toEqual([0, 0])
  })

  it('refuses a loss that is no float scalar, an integer argument, a missing argument', () => {
    expect(() => grad((t: Tensor) => t)(a)).toThrow(TraceError)
    expect(() => grad((t: Tensor) => t)(a)).toThrow(/must return one scalar tensor .* got f32\[2\]/)
    expect(() => grad((t: Tensor) => o.sum(o.cast(t, 'i32')))(a)).toThrow(/got i32\[\]/)
    expect(() => grad(product, { argnums: 2 })(a, b)).toThrow(/argnums 2, but the function was called with 2 arguments/)
    const counts = { w: a, step: i32([1]) }
    const loss = (p: { w: Tensor; step: Tensor }): Tensor => o.sum(o.mul(p.w, o.cast(p.step, 'f32')))
    expect(() => grad(loss)(counts)).toThrow(DTypeError)
    expect(() => grad(loss)(counts)).toThrow(/argument\[0\]\.step is i32\[1\], which has no gradient/)
    const allowed = grad(loss, { allowInt: true })(counts)
    expect([allowed.w, allowed.step].map(numbersOf)).toEqual([[1, 1], [0]])
    // @ts-expect-error a number is no tensor, whatever the compiler thinks of it
    expect(() => grad((t: Tensor) => o.sum(t))(3)).toThrow(/argument at \[0\] is the number 3, not a tensor/)
  })

  it("points at the user's line", () => {
    try {
      grad((t: Tensor) => t)(a)
      expect.fail('no error')
    } catch (e) {
      expect(e).toMatchObject({ at: expect.stringMatching(/test\/autodiff\/api\.test\.ts/) })
    }
  })
})

describe('vjp and jvp', () => {
  it('map cotangents and tangents of trees', () => {
    const f = (p: { x: Tensor }, y: Tensor) => ({ both: [o.mul(p.x, y), o.sum(y)] })
    const [value, pull] = vjp(f, { x: a }, b)
    expect(value.both.map(numbersOf)).toEqual([[3, 8], [7]])
    const [gp, gy] = pull({ both: [f32([1, 10]), scalar(100)] })
    expect([gp.x, gy].map(numbersOf)).toEqual([
      [3, 40],
      [101, 120],
    ])
    const [same, along] = jvp(f, [{ x: a }, b], [{ x: f32([1, 0]) }, f32([0, 1])])
    expect(same.both.map(numbersOf)).toEqual([[3, 8], [7]])
    expect(along.both.map(numbersOf)).toEqual([[3, 2], [1]])
  })

  it('give integer leaves zeros', () => {
    const [, pull] = vjp((x: Tensor, n: Tensor) => o.mul(x, o.cast(n, 'f32')), a, i32([2, 3]))
    const [gx, gn] = pull(f32([1, 1]))
    expect([gx, gn].map(numbersOf)).toEqual([
      [2, 3],
      [0, 0],
    ])
    expect(gn.dtype).toBe('i32')
  })

  it('refuse derivatives of another structure, shape or dtype', () => {
    const [, pull] = vjp((x: Tensor) => ({ y: o.sin(x) }), a)
    expect(() => pull({ y: f32([1]) })).toThrow(/the derivative at y is f32\[1\], the value f32\[2\]/)
    expect(() => jvp((x: Tensor) => x, [a], [i32([1, 2])])).toThrow(/is i32\[2\], the value f32\[2\]/)
    // @ts-expect-error the structure differs
    expect(() => pull(a)).toThrow(/has the structure \*, the value \{"y":\*\}/)
  })
})

describe('vmap', () => {
  const rows = f32([1, 2, 3, 4, 5, 6], [3, 2])

  it('takes axes per argument and per leaf, negative ones too, and places the batch in results', () => {
    const f = (p: { m: Tensor; s: Tensor }, y: Tensor) => [o.mul(p.m, y), o.add(p.s, 1)] as const
    const args = [{ m: rows, s: scalar(1) }, f32([1, 2, 3, 4, 5, 6], [2, 3])] as const
    const [m, s] = vmap(f, { inAxes: [{ m: 0, s: null }, -1], outAxes: [1, null] })(...args)
    expectClose(m, f32([1, 6, 15, 8, 20, 36], [2, 3]))
    expectClose(s, scalar(2))
    const [, spread] = vmap(f, { inAxes: [{ m: 0, s: null }, 1] })(...args)
    expectClose(spread, f32([2, 2, 2]))
  })

  it('adds the batch to types', () => {
    type Norm = (x: Tensor<[3], 'f32'>, y: Tensor<['B', 3]>) => { n: Tensor<readonly [], 'f32'>; y: Tensor<['B', 3]> }
    const norm: Norm = (x, y) => ({ n: sum(x), y })
    const mapped = vmap(norm)
    expectTypeOf(mapped).returns.toEqualTypeOf<{
      n: Tensor<readonly [_], 'f32'>
      y: Tensor<readonly [_, 'B', 3]>
    }>()
    expectTypeOf(mapped).parameter(0).toEqualTypeOf<Tensor<Shape, 'f32'>>()
  })

  it('refuses axes that do not fit', () => {
    const f = (x: Tensor, y: Tensor): Tensor => o.add(x, y)
    expect(() => vmap(f)(rows, a)).toThrow(/argument\[0\] has a batch of 3, argument\[1\] one of 2/)
    expect(() => vmap(f, { inAxes: [2, null] })(rows, a)).toThrow(/argument\[0\] has rank 2 and no axis 2/)
    expect(() => vmap(f, { inAxes: null })(rows, rows)).toThrow(/no argument is batched/)
    expect(() => vmap(f, { inAxes: [0] })(rows, rows)).toThrow(/inAxes: \[0\] does not fit an array with 0, 1/)
    expect(() => vmap(f, { inAxes: [0, null], outAxes: null })(rows, a)).toThrow(
      /depends on the batch, but outAxes is null/,
    )
  })

  it('gives every example random bits of its own key', () => {
    const keys = fromHost(hostFromNumbers('u32', [2, 2], [1, 2, 3, 4]))
    const bits = vmap((key: Tensor) => o.randomBits(key, [3]))(keys)
    const one = o.randomBits(fromHost(hostFromNumbers('u32', [2], [3, 4])), [3])
    expect(numbersOf(bits).slice(3)).toEqual(numbersOf(one))
  })
})

describe('customVjp', () => {
  /** The identity, whose gradient is clipped to [-1, 1]. */
  const clipped = customVjp(
    (x: Tensor) => [x, {}] as const,
    (_, ct) => [o.minimum(o.maximum(ct, -1), 1)],
  )

  it('uses the backward pass given, also under vmap', () => {
    const loss = (x: Tensor): Tensor => o.sum(o.mul(clipped(x), f32([5, 0.5])))
    expect(numbersOf(clipped(a))).toEqual([1, 2])
    expect(numbersOf(grad(loss)(a))).toEqual([1, 0.5])
    expect(numbersOf(vmap(grad(loss))(f32([1, 2, 3, 4], [2, 2])))).toEqual([1, 0.5, 1, 0.5])
    const total = (x: Tensor): Tensor => o.sum(o.mul(vmap(clipped)(x), 7))
    expect(numbersOf(grad(total)(f32([1, 2, 3, 4], [2, 2])))).toEqual([1, 1, 1, 1])
  })

  it('sums over the batch what an unbatched argument gets', () => {
    const scaled = customVjp(
      (x: Tensor, k: Tensor) => [o.mul(x, k), [x, k]] as const,
      ([x, k], ct) => [o.mul(ct, k!), o.mul(ct, x!)],
    )
    const total = (x: Tensor, k: Tensor): Tensor => o.sum(vmap(scaled, { inAxes: [0, null] })(x, k))
    const [gx, gk] = grad(total, { argnums: [0, 1] })(f32([1, 2, 3]), scalar(4))
    expect([gx, gk].map(numbersOf)).toEqual([[4, 4, 4], [6]])
  })

  it('takes null for zero, integer arguments, and tensors closed over by forward and backward', () => {
    const table = f32([10, 20, 30])
    const pick = (factor: Tensor) =>
      customVjp(
        (x: Tensor, n: Tensor) => [o.mul(o.mul(x, factor), o.gather(table, n, { axis: 0, batch: 0 })), n] as const,
        (n, ct) => [o.mul(ct, o.mul(o.gather(table, n, { axis: 0, batch: 0 }), factor)), null],
      )
    const loss = (x: Tensor, n: Tensor, factor: Tensor): Tensor => o.sum(pick(factor)(x, n))
    expect(numbersOf(grad(loss)(a, i32([2, 0]), scalar(3)))).toEqual([90, 30])
    const { graph } = trace(
      'g',
      [tensorType('f32', [2]), tensorType('i32', [2]), tensorType('f32', [])],
      (x, n, factor) => [grad(loss)(x!, n!, factor!)],
    )
    expect(graph.outputs[0]!.type.shape).toEqual([2])
  })

  it('refuses a gradient for a tensor closed over, and forward mode', () => {
    const closing = (k: Tensor): Tensor =>
      customVjp(
        (x: Tensor) => [o.mul(x, k), []] as const,
        (_, ct) => [ct],
      )(scalar(2))
    expect(() => grad(closing)(scalar(3))).toThrow(/closes over a tensor that is being differentiated/)
    const stopped = (k: Tensor): Tensor => o.mul(closing(o.stopGradient(k)), k)
    expect(numbersOf(grad(stopped)(scalar(3)))).toEqual([6])
    expect(() => jvp(clipped, [a], [a])).toThrow(UnsupportedError)
    expect(() => jvp(clipped, [a], [a])).toThrow(/no forward-mode rule/)
    const [, second] = jvp(
      grad((x: Tensor) => o.sum(o.mul(clipped(x), x))),
      [a],
      [f32([0.1, 0])],
    )
    expect(second.shape).toEqual([2])
  })

  it('refuses cotangents unlike the arguments', () => {
    const bad = (back: () => readonly (Tensor | null)[]) => () =>
      // @ts-expect-error a list is not the tuple of cotangents asked for
      customVjp((x: Tensor) => [o.sin(x), x] as const, back)(a)
    expect(bad(() => [])).toThrow(/backward did not return 1 cotangents/)
    expect(bad(() => [f32([1])])).toThrow(/backward returned f32\[1\] for argument\[0\], which is f32\[2\]/)
    // @ts-expect-error no residuals
    const single = customVjp((x: Tensor) => [x], bad)
    expect(() => single(a)).toThrow(/must return \[result, residuals\]/)
  })
})

describe('checkpoint', () => {
  it('keeps trees and integers, and closes over traced tensors', () => {
    const f = (k: Tensor): Tensor => {
      const block = checkpoint((p: { x: Tensor; n: Tensor }) => ({ y: o.mul(o.sin(p.x), k), n: o.add(p.n, 1) }))
      const out = block({ x: a, n: i32([1]) })
      return o.sum(o.mul(out.y, o.cast(out.n, 'f32')))
    }
    expectClose(grad(f)(scalar(3)), o.mul(o.sum(o.sin(a)), 2))
  })
})
