import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { at, build, expectClose, numbers, type Plain, read, toTensor } from './arrays.ts'

/** Convolution by its definition. */
function direct(x: Plain, k: Plain, [sh, sw]: readonly number[], [ph, pw]: readonly number[]): Plain {
  const [n, c, h, width] = x.shape as [number, number, number, number]
  const [o, , kh, kw] = k.shape as [number, number, number, number]
  const out = [n, o, Math.floor((h + 2 * ph! - kh) / sh!) + 1, Math.floor((width + 2 * pw! - kw) / sw!) + 1]
  return build(out, ([b, f, p, q]) => {
    let sum = 0
    for (let d = 0; d < c; d++) {
      for (let i = 0; i < kh; i++) {
        for (let j = 0; j < kw; j++) {
          const [row, column] = [p! * sh! + i - ph!, q! * sw! + j - pw!]
          if (row < 0 || row >= h || column < 0 || column >= width) continue
          sum += at(x, [b!, d, row, column]) * at(k, [f!, d, i, j])
        }
      }
    }
    return sum
  })
}

const small = fc.integer({ min: 1, max: 3 })

describe('conv2d', () => {
  test('equals direct loops, for any stride and padding', async () => {
    const padding = fc.integer({ min: 0, max: 2 })
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.nat(2), fc.nat(2), fc.nat(5), fc.nat(5)),
        fc.tuple(small, small, small),
        fc.tuple(small, small),
        fc.tuple(padding, padding),
        async ([n, c, h, width], [o, kh, kw], stride, pad) => {
          fc.pre(h + 2 * pad[0] >= kh && width + 2 * pad[1] >= kw)
          const [x, k] = [numbers([n, c, h, width], 1), numbers([o, c, kh, kw], 2)]
          await expectClose(w.conv2d(toTensor(x), toTensor(k), { stride, padding: pad }), direct(x, k, stride, pad))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('patches, where the stride is the kernel, are one product', async () => {
    const [x, k] = [numbers([2, 3, 7, 8], 1), numbers([4, 3, 2, 3], 2)]
    await expectClose(w.conv2d(toTensor(x), toTensor(k), { stride: [2, 3] }), direct(x, k, [2, 3], [0, 0]))
    const graph = w.traceGraph(
      (a: w.Tensor, b: w.Tensor) => w.conv2d(a, b, { stride: 4 }),
      [w.spec([1, 3, 8, 8]), w.spec([16, 3, 4, 4])],
    )
    expect(graph.equations.map((e) => e.prim.name)).toEqual(['reshape', 'dot', 'transpose'])
  })

  test('refuses other shapes', () => {
    const [x, k]: w.Tensor[] = [w.zeros([1, 3, 4, 4]), w.zeros([2, 1, 3, 3])]
    expect(() => w.conv2d(x!, k!)).toThrow(/^conv2d: \[1,3,4,4\] by \[2,1,3,3\]/)
    expect(() => w.conv2d(x!, w.zeros([2, 3, 5, 5]))).toThrow(/the kernel must not be greater/)
  })
})

/**
 * The formula of PyTorch's upsample_bicubic2d: four taps per axis with its two branches of the cubic kernel, each
 * index clamped to the border, across then down.
 */
function torchBicubic(x: Plain, [height, width]: readonly [number, number]): Plain {
  const [n, c, h, v] = x.shape as [number, number, number, number]
  const A = -0.75
  const near = (d: number): number => ((A + 2) * d - (A + 3)) * d * d + 1
  const far = (d: number): number => ((A * d - 5 * A) * d + 8 * A) * d - 4 * A
  const taps = (i: number, input: number, output: number): { at: number; weight: number }[] => {
    const source = (input / output) * (i + 0.5) - 0.5
    const base = Math.floor(source)
    const t = source - base
    return [far(t + 1), near(t), near(1 - t), far(2 - t)].map((weight, k) => ({
      at: Math.max(0, Math.min(input - 1, base - 1 + k)),
      weight,
    }))
  }
  return build([n, c, height, width], ([b, d, i, j]) =>
    taps(i!, h, height).reduce(
      (sum, row) =>
        sum +
        row.weight *
          taps(j!, v, width).reduce((s, column) => s + column.weight * at(x, [b!, d!, row.at, column.at]), 0),
      0,
    ),
  )
}

describe('resizeBicubic', () => {
  test("equals PyTorch's formula, up and down", async () => {
    const side = fc.integer({ min: 1, max: 9 })
    await fc.assert(
      fc.asyncProperty(fc.tuple(side, side), fc.tuple(side, side), async (from, to) => {
        const x = numbers([2, 1, ...from])
        await expectClose(w.resizeBicubic(toTensor(x), to), torchBicubic(x, to))
      }),
      { numRuns: 60 },
    )
  })

  test('the same size is the same image', async () => {
    const x = numbers([1, 2, 4, 5])
    await expectClose(w.resizeBicubic(toTensor(x), [4, 5]), await read(toTensor(x)))
    expect(() => w.resizeBicubic(w.zeros([1, 1, 0, 2]), [2, 2])).toThrow(/^resizeBicubic: \[1,1,0,2\] to \[2,2\]/)
  })
})
