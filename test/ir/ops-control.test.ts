import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { read } from './arrays.ts'

const data = async (t: w.Tensor): Promise<readonly number[]> => (await read(t)).data

describe('scan', () => {
  const xs = w.tensor([1, 2, 3, 4])

  test('carries a value over the leading axis and stacks what each step gives', async () => {
    const [last, sums] = w.scan((c, x) => [w.add(c, x), w.add(c, x)], w.tensor(0), xs)
    expect(await last.item()).toBe(10)
    expect(await data(sums)).toEqual([1, 3, 6, 10])
  })

  test('in reverse, ys keep the order of xs', async () => {
    const [, sums] = w.scan((c, x) => [w.add(c, x), w.add(c, x)], w.tensor(0), xs, { reverse: true })
    expect(await data(sums)).toEqual([10, 9, 7, 4])
  })

  test('takes trees, captures tensors, and captures them again when nested', async () => {
    const scale = w.tensor(2)
    const [carry, ys] = w.scan(
      (c, x) => {
        const [inner] = w.scan((d, _) => [w.add(d, w.mul(scale, x.a)), null], w.tensor(0), null, { length: 3 })
        return [{ total: w.add(c.total, inner), steps: w.add(c.steps, 1) }, [inner, { b: x.b }]]
      },
      { total: w.tensor(0), steps: w.tensor(0, { dtype: 'i32' }) },
      { a: xs, b: w.ones([4, 2]) },
    )
    expect(await carry.total.item()).toBe(60)
    expect(await carry.steps.item()).toBe(4)
    expect(Array.isArray(ys)).toBe(true)
    const [inner, { b }] = ys as unknown as [w.Tensor, { b: w.Tensor }]
    expect(await data(inner)).toEqual([6, 12, 18, 24])
    expect(b.shape).toEqual([4, 2])
  })

  test('without xs it takes a length, which may be 0', async () => {
    const [power, nothing] = w.scan((c) => [w.mul(c, 2), null], w.tensor(1), null, { length: 5 })
    expect(await power.item()).toBe(32)
    expect(nothing).toBeNull()
    const [same, none] = w.scan((c) => [w.mul(c, 2), c], w.tensor(1), null, { length: 0 })
    expect(await same.item()).toBe(1)
    expect(none.shape).toEqual([0])
  })

  test('is one equation, however long', () => {
    const graph = w.traceGraph((t: w.Tensor) => w.scan((c, x) => [w.add(c, x), c], w.zeros([]), t), [w.spec([1000])])
    expect(graph.equations.map((e) => e.prim.name)).toEqual(['full', 'scan'])
  })

  test('refuses a carry that changes, and axes that differ', () => {
    expect(() => w.scan((c, x) => [w.concat([c, c]), x], w.zeros([2]), xs)).toThrow(
      /^scan: carry 0 starts as f32\[2\] and the body returns f32\[4\]/,
    )
    expect(() => w.scan((c, x) => [{ b: c.a } as never, x], { a: xs }, xs)).toThrow(
      /^scan: the body returns a carry of another/,
    )
    expect(() => w.scan((c, x) => [c, x.a], xs, { a: w.ones([4]), b: w.ones([3]) })).toThrow(/^scan: xs \[4\], \[3\]/)
    expect(() => w.scan((c) => [c, null], xs, null)).toThrow(/^scan: xs none/)
    expect(() => w.scan((c, x) => [c, x], xs, xs, { length: 5 })).toThrow(/^scan: xs \[4\], length 5/)
  })
})

describe('cond', () => {
  const yes = w.is(w.tensor([true, false]), 2)
  const pick = (i: number) => w.index(yes, i)

  test('chooses between trees leaf by leaf', async () => {
    const run = (pred: w.Tensor<readonly [], 'bool'>) =>
      w.cond(
        pred,
        (x) => ({ a: w.neg(x), b: [x] }),
        (x) => ({ a: w.mul(x, 2), b: [w.add(x, 1)] }),
        w.tensor([1, 2]),
      )
    expect(await data(run(pick(0)).a)).toEqual([-1, -2])
    expect(await data(run(pick(0)).b[0]!)).toEqual([1, 2])
    expect(await data(run(pick(1)).a)).toEqual([2, 4])
    expect(await data(run(pick(1)).b[0]!)).toEqual([2, 3])
  })

  test('refuses a predicate per element, and branches that differ', () => {
    const x: w.Tensor = w.ones([2])
    expect(() =>
      w.cond(
        yes,
        () => x,
        () => x,
      ),
    ).toThrow(/^cond: the predicate is bool\[2\]/)
    expect(() =>
      w.cond(
        pick(0),
        () => x,
        () => w.ones([3]) as w.Tensor,
      ),
    ).toThrow(/^cond: the branches return \[2\] and \[3\]/)
    const one = (): Record<string, w.Tensor> => ({ a: x })
    expect(() => w.cond(pick(0), one, () => ({ b: x }))).toThrow(
      /^cond: the branches return trees of different structure/,
    )
  })
})
