import { describe, expect, test } from 'vitest'
import { grad } from '../../src/autodiff/index.ts'
import { tensor, zeros } from '../../src/ir/ops.ts'
import { fromHost, type Tensor } from '../../src/ir/tensor.ts'
import { layOut } from '../../src/models/layout.ts'
import { checkLabels, nextTokenLoss } from '../../src/models/loss.ts'
import { splice } from '../../src/models/splice.ts'
import { IGNORE } from '../../src/nn/losses.ts'
import { ShapeError, ValueError } from '../../src/util/errors.ts'
import { randomTensors } from '../nn/oracle.ts'

const IMG = 9
const options = { imageToken: IMG, featuresPerImage: 2, padToken: 0 }
const X = IGNORE

describe('layOut', () => {
  test('expands images in the order of their tokens, pads, and labels neither images nor padding', () => {
    const layout = layOut(
      [
        { inputIds: [5, IMG, 6, IMG], labels: [X, 1, 6, 1], imageCount: 2 },
        { inputIds: [IMG, 7], labels: [X, 7] },
      ],
      options,
    )
    expect([...layout.tokenIds.data]).toEqual([5, IMG, IMG, 6, IMG, IMG, 0, 0, IMG, IMG, 7, 0, 0, 0, 0, 0])
    expect([...layout.imageSlot.data]).toEqual([-1, 0, 1, -1, 2, 3, -1, -1, 4, 5, -1, -1, -1, -1, -1, -1])
    expect([...layout.modality.data]).toEqual([1, 2, 2, 1, 2, 2, 0, 0, 2, 2, 1, 0, 0, 0, 0, 0])
    expect([...layout.labels.data]).toEqual([X, X, X, 6, X, X, X, X, X, X, 7, X, X, X, X, X])
    expect(layout.lengths).toEqual([6, 3])
    expect(layout.tokenIds.shape).toEqual([2, 8])
  })

  test('another multiple, and no labels', () => {
    const layout = layOut([{ inputIds: [1, 2, 3] }], { ...options, multipleOf: 2 })
    expect(layout.tokenIds.shape).toEqual([1, 4])
    expect([...layout.labels.data]).toEqual([X, X, X, X])
  })

  test.each([
    ['more images than tokens', { inputIds: [IMG], imageCount: 2 }, {}],
    ['more tokens than images', { inputIds: [IMG, IMG], imageCount: 1 }, {}],
    ['labels of another length', { inputIds: [1, 2], labels: [1] }, {}],
    ['too long once expanded', { inputIds: [1, IMG, IMG] }, { maxLength: 4 }],
  ])('%s is refused, naming the sample', (_, sample, more) => {
    expect(() => layOut([{ inputIds: [1] }, sample], { ...options, ...more })).toThrow(ValueError)
    expect(() => layOut([{ inputIds: [1] }, sample], { ...options, ...more })).toThrow(/sample 1/)
  })
})

describe('splice', () => {
  const tokens = tensor([
    [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
    ],
  ])
  const features = tensor([
    [
      [10, 11],
      [12, 13],
    ],
    [
      [20, 21],
      [22, 23],
    ],
  ])
  const slots = (list: number[]): Tensor => tensor([list], { dtype: 'i32' })

  test('image 1 lands in the first slot', async () => {
    const { imageSlot } = layOut([{ inputIds: [IMG, 5, IMG] }], { ...options, multipleOf: 1 })
    const out = await splice(tokens, features, fromHost(imageSlot)).read()
    expect([...out]).toEqual([10, 11, 12, 13, 3, 3, 20, 21, 22, 23])
  })

  test('without images every position keeps its token', async () => {
    for (const none of [undefined, zeros([0, 2, 2])]) {
      expect(await splice(tokens, none, slots([-1, -1, -1, -1, -1])).read()).toEqual(await tokens.read())
    }
  })

  test('features of another width are refused', () => {
    expect(() => splice(tokens, zeros([1, 2, 3]), slots([0, 1, -1, -1, -1]))).toThrow(ShapeError)
  })
})

describe('the loss', () => {
  const [logits] = randomTensors(1, [2, 3, 5]) as [Tensor]
  const labelled = (rows: number[][]): Tensor => tensor(rows, { dtype: 'i32' })

  test('is the mean over labelled positions of the next token', async () => {
    const labels = [
      [4, 2, X],
      [X, X, 3],
    ]
    const flat = Array.from(await logits.read())
    const nll = (row: number, label: number): number => {
      const x = flat.slice(row * 5, row * 5 + 5)
      return Math.log(x.reduce((s, v) => s + Math.exp(v), 0)) - x[label]!
    }
    // The first label of a row has nothing before it.
    expect(await nextTokenLoss(logits, labelled(labels)).item()).toBeCloseTo((nll(0, 2) + nll(4, 3)) / 2, 5)
  })

  test('without a label it is 0 with zero gradients, and the host says so', async () => {
    const none = [
      [1, X, X],
      [2, X, X],
    ]
    expect(await nextTokenLoss(logits, labelled(none)).item()).toBe(0)
    const g = await grad((l: Tensor) => nextTokenLoss(l, labelled(none)))(logits).read()
    expect([...g].every((x) => x === 0)).toBe(true)
    expect(() => checkLabels({ dtype: 'i32', shape: [2, 3], data: Int32Array.from(none.flat()) })).toThrow(ValueError)
    checkLabels({ dtype: 'i32', shape: [2, 3], data: Int32Array.from([X, 1, X, X, X, X]) })
  })
})
