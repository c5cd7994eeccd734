import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { oneHot, tensor } from '../../src/ir/ops.ts'
import { accuracy, crossEntropy, IGNORE, softCrossEntropy } from '../../src/nn/losses.ts'

const row = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 5, maxLength: 5 })
const label = fc.oneof(fc.constant(IGNORE), fc.integer({ min: 0, max: 4 }))
const batches = fc.array(fc.tuple(row, label), { minLength: 1, maxLength: 6 })

describe('losses', () => {
  it('are the means of a plain loop', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        const logits = tensor(batch.map(([x]) => x))
        const labels = tensor(
          batch.map(([, y]) => y),
          { dtype: 'i32' },
        )
        const counted = batch.filter(([, y]) => y !== IGNORE)
        const each = counted.map(([x, y]) => {
          const greatest = Math.max(...x)
          return greatest + Math.log(x.reduce((sum, v) => sum + Math.exp(v - greatest), 0)) - x[y]!
        })
        const wanted = each.reduce((a, b) => a + b, 0) / Math.max(1, counted.length)
        expect(await crossEntropy(logits, labels).item()).toBeCloseTo(wanted, 3)
        const f32 = counted.map(([x, y]) => ({ x: Array.from(new Float32Array(x)), y }))
        const right = f32.filter(({ x, y }) => x.indexOf(Math.max(...x)) === y).length
        expect(await accuracy(logits, labels).item()).toBeCloseTo(right / Math.max(1, counted.length), 5)
      }),
      { numRuns: 50 },
    )
  })

  it('agree where a distribution is one label', async () => {
    const logits = tensor([
      [1, 2, 0],
      [0, -1, 3],
    ])
    const labels = tensor([1, 0], { dtype: 'i32' })
    const soft = await softCrossEntropy(logits, oneHot(labels, 3)).item()
    expect(soft).toBeCloseTo(await crossEntropy(logits, labels).item(), 6)
  })

  it('leave rows out whose target sums to 0', async () => {
    const one = await softCrossEntropy(tensor([[1, 2]]), tensor([[0.5, 0.5]])).item()
    const two = await softCrossEntropy(
      tensor([
        [1, 2],
        [9, -9],
      ]),
      tensor([
        [0.5, 0.5],
        [0, 0],
      ]),
    ).item()
    expect(two).toBeCloseTo(one, 6)
  })

  it('are 0, and so are their gradients, where nothing is to be learned', async () => {
    const logits = tensor([[1, 2, 3]])
    const labels = tensor([IGNORE], { dtype: 'i32' })
    expect(await crossEntropy(logits, labels).item()).toBe(0)
    expect([...(await grad((x: typeof logits) => crossEntropy(x, labels))(logits).read())]).toEqual([0, 0, 0])
  })

  it('name the shapes that do not fit', () => {
    expect(() => crossEntropy(tensor([[1, 2]]), tensor([0, 0], { dtype: 'i32' }))).toThrow('logits [1,2], labels [2]')
    expect(() => softCrossEntropy(tensor([[1, 2]]), tensor([1, 2]))).toThrow('logits [1,2], target [2]')
  })
})
