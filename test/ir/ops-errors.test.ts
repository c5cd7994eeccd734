import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'

/** Messages as a user meets them, inside a traced function; lines and columns of this file are left out. */
function messages(...wrong: readonly ((x: w.Tensor, y: w.Tensor, ids: w.Tensor) => unknown)[]): string {
  return wrong
    .map((f) => {
      try {
        w.traceGraph(
          (x: w.Tensor, y: w.Tensor, ids: w.Tensor) => [f(x, y, ids)],
          [w.spec([2, 128, 64]), w.spec([128, 256]), w.spec([2, 3], 'i32')],
        )
      } catch (error) {
        if (!(error instanceof w.WeftError)) throw error
        return `${error.name}: ${error.message}`.replace(/(ops-errors\.test\.ts):\d+:\d+/g, '$1:LINE')
      }
      return 'no error'
    })
    .join('\n')
}

describe('messages name the operation, the shapes, the line and what to do', () => {
  test('contractions', () => {
    expect(
      messages(
        (x, y) => w.matmul(x, y),
        (x) => w.matmul(w.zeros([3, 4, 64]), w.transpose(x, [0, 2, 1])),
        (_, y) => w.matmul(w.zeros([256]), y),
        (x) => w.matmul(x, w.sum(x)),
        (x, _, ids) => w.matmul(ids, x),
        (x) => w.matmul(x, w.cast(w.zeros([64, 2]), 'f16')),
        (x, y) => w.einsum('b t i, i o -> b t o', x, y),
        (x, y) => w.einsum('b i, i o -> b o', x, y),
        (x) => w.einsum('bti' as string, x),
        (x) => w.einsum('b t t -> b', x),
        (x) => w.einsum('b t i -> z' as string, x),
        (x) => w.einsum('b ? i -> b', x),
        (x, y) => w.einsum('b t i -> b' as string, x, y),
        (x, y) => w.dotGeneral(x, y, { lhsContract: [2], rhsContract: [0] }),
      ),
    ).toMatchInlineSnapshot(`
      "ShapeError: matmul: inner dimensions differ: [2,128,64] x [128,256]
        at test/ir/ops-errors.test.ts:LINE
        hint: the left operand's last dimension (64) must equal the right's second-to-last (128)
      ShapeError: matmul: leading dimensions do not broadcast: [3,4,64] x [2,64,128]
        at test/ir/ops-errors.test.ts:LINE
        hint: 3 and 2 differ and neither is 1
      ShapeError: matmul: inner dimensions differ: [256] x [128,256]
        at test/ir/ops-errors.test.ts:LINE
        hint: the left operand's last dimension (256) must equal the right's second-to-last (128)
      ShapeError: matmul: [2,128,64] x []
        at test/ir/ops-errors.test.ts:LINE
        hint: a scalar is no matrix; use mul
      DTypeError: matmul: takes f32, f16, got i32[2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: cast it first: cast(x, 'f32')
      DTypeError: matmul: operands differ in dtype: f32[2,128,64] x f16[64,2]
        at test/ir/ops-errors.test.ts:LINE
        hint: cast one of them
      ShapeError: einsum: index 'i' of 'b t i, i o -> b t o' is 64 and 128: [2,128,64], [128,256]
        at test/ir/ops-errors.test.ts:LINE
        hint: an index must have one size in all operands
      ShapeError: einsum: operand 0 of 'b i, i o -> b o' is [2,128,64], its term 'b i' has 2 indices
        at test/ir/ops-errors.test.ts:LINE
        hint: name each axis once; write it as 'b i k, b k j -> b i j', or with single letters as 'bik,bkj->bij'
      ShapeError: einsum: 'bti' has no single '->'
        at test/ir/ops-errors.test.ts:LINE
        hint: write it as 'b i k, b k j -> b i j', or with single letters as 'bik,bkj->bij'
      ShapeError: einsum: 't' stands twice in one term of 'b t t -> b'
        at test/ir/ops-errors.test.ts:LINE
        hint: diagonals are not supported; name each axis once
      ShapeError: einsum: 'z' of the result is in no operand of 'b t i -> z'
        at test/ir/ops-errors.test.ts:LINE
        hint: write it as 'b i k, b k j -> b i j', or with single letters as 'bik,bkj->bij'
      ShapeError: einsum: '?' in 'b ? i -> b' is not the name of an index
        at test/ir/ops-errors.test.ts:LINE
        hint: write it as 'b i k, b k j -> b i j', or with single letters as 'bik,bkj->bij'
      ShapeError: einsum: 'b t i -> b' has 1 terms for 2 operands
        at test/ir/ops-errors.test.ts:LINE
        hint: give one term per operand
      ShapeError: dot: [2,128,64] and [128,256] do not agree over axes [2] and [0], batch [] and []
        at test/ir/ops-errors.test.ts:LINE
        hint: contracted and batch dimensions must be equal pairwise"
    `)
  })

  test('elementwise operations', () => {
    expect(
      messages(
        (x, y) => w.add(x, y),
        (x, _, ids) => w.mul(x, ids),
        (_, __, ids) => w.add(ids, 0.5),
        (_, __, ids) => w.exp(ids),
        (_, __, ids) => w.gelu(ids),
        (x) => w.and(x, x),
        (x) => w.where(x, x, 0),
        () => w.exp(3 as never),
        (x) => w.add(x, '3' as never),
      ),
    ).toMatchInlineSnapshot(`
      "ShapeError: add: cannot broadcast [2,128,64] with [128,256]
        at test/ir/ops-errors.test.ts:LINE
        hint: dimensions 64 and 256 differ and neither is 1
      ShapeError: mul: cannot broadcast [2,128,64] with [2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: dimensions 128 and 2 differ and neither is 1
      DTypeError: add: the number 0.5 with a tensor of i32
        at test/ir/ops-errors.test.ts:LINE
        hint: cast the tensor first: cast(x, 'f32')
      DTypeError: exp: takes f32, f16, got i32[2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: cast it first: cast(x, 'f32')
      DTypeError: gelu: takes f32, f16, got i32[2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: cast it first: cast(x, 'f32')
      DTypeError: and: takes bool, i32, u32, got f32[2,128,64]
        at test/ir/ops-errors.test.ts:LINE
        hint: cast it first: cast(x, 'bool')
      DTypeError: where: needs a bool condition and two operands of one dtype, got f32[2,128,64], f32[2,128,64], f32[2,128,64]
        at test/ir/ops-errors.test.ts:LINE
        hint: compare to get a bool, and cast the operands to one dtype
      DTypeError: exp: expected a tensor, got number
        at test/ir/ops-errors.test.ts:LINE
        hint: wrap numbers with tensor(...)
      DTypeError: add: expected a tensor or a number, got string
        at test/ir/ops-errors.test.ts:LINE"
    `)
  })

  test('axes and shapes', () => {
    expect(
      messages(
        (x) => w.sum(x, 3),
        (x) => w.sum(x, [0, 0]),
        (_, __, ids) => w.mean(ids),
        (x) => w.softmax(x, -4),
        (x) => w.transpose(x, [0, 1]),
        (x) => w.reshape(x, [2, 100]),
        (x) => w.broadcastTo(x, [3, 128, 64]),
        (x) => w.squeeze(x, 0),
        (x, y) => w.concat([x, y]),
        (_, y) => w.slice(y, [0, 0], [128, 257]),
        (x) => w.is(x, 'B', 'T', 32),
        (x) => w.split(x, 3, -1),
        (x) => w.topK(x, 65),
      ),
    ).toMatchInlineSnapshot(`
      "ShapeError: sum: axis 3 is out of range for rank 3
        at test/ir/ops-errors.test.ts:LINE
        hint: use an axis from -3 to 2
      ShapeError: sum: axes [0,0] repeat
        at test/ir/ops-errors.test.ts:LINE
        hint: name each axis once
      DTypeError: mean: takes f32, f16, got i32[2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: cast it first: cast(x, 'f32')
      ShapeError: softmax: axis -4 is out of range for rank 3
        at test/ir/ops-errors.test.ts:LINE
        hint: use an axis from -3 to 2
      ShapeError: transpose: [0,1] does not permute the axes of [2,128,64]
        at test/ir/ops-errors.test.ts:LINE
        hint: name each of the axes 0 to 2 once
      ShapeError: reshape: [2,128,64] has 16384 elements, [2,100] has 200
        at test/ir/ops-errors.test.ts:LINE
        hint: the number of elements must stay the same; one dimension may be -1
      ShapeError: broadcastTo: [2,128,64] does not broadcast to [3,128,64]
        at test/ir/ops-errors.test.ts:LINE
        hint: dimensions are matched from the right; each must be 1 or equal
      ShapeError: squeeze: axis 0 of [2,128,64] has size 2
        at test/ir/ops-errors.test.ts:LINE
        hint: only axes of size 1 can go
      ShapeError: concat: [2,128,64], [128,256] along axis 0
        at test/ir/ops-errors.test.ts:LINE
        hint: all dimensions but axis 0 must be equal
      ShapeError: slice: [0,0] to [128,257] by [1,1] is not within [128,256]
        at test/ir/ops-errors.test.ts:LINE
        hint: give a start, stop and step for every axis, with 0 <= start <= stop <= size and step >= 1
      ShapeError: is: expected [B,T,32], got [2,128,64]
        at test/ir/ops-errors.test.ts:LINE
        hint: mend the shape or the statement
      ShapeError: split: axis 2 of [2,128,64] into 3 equal parts
        at test/ir/ops-errors.test.ts:LINE
        hint: the parts must make up 64
      ShapeError: topK: 65 of the last axis of [2,128,64]
        at test/ir/ops-errors.test.ts:LINE
        hint: k must be from 0 to 64"
    `)
  })

  test('indexing and random numbers', () => {
    expect(
      messages(
        (x, y) => w.take(x, y),
        (x, _, ids) => w.takeAlongAxis(x, ids, 0),
        (x, _, ids) => w.scatterAdd(x, ids, x, { axis: 0 }),
        (x) => w.dynamicSlice(x, [0, 0], [1, 1, 1]),
        (x) => w.dynamicSlice(x, [0, 0, 0], [1, 129, 1]),
        (x) => w.normal(x, [3]),
        (_, __, ids) => w.normal(w.cast(ids, 'u32'), [3]),
        (x) => w.dropout(w.key(0), x, 1.5),
      ),
    ).toMatchInlineSnapshot(`
      "DTypeError: take: takes i32, u32, got f32[128,256]
        at test/ir/ops-errors.test.ts:LINE
        hint: cast it first: cast(x, 'i32')
      ShapeError: takeAlongAxis: [2,128,64] by indices [2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: both must have one rank; take gives whole slices
      ShapeError: scatterAdd: updates [2,128,64] into [2,128,64] by indices [2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: updates must be [2,3,128,64]
      ShapeError: dynamicSlice: a window of [1,1,1] in [2,128,64], starts of shape [2]
        at test/ir/ops-errors.test.ts:LINE
        hint: sizes must fit, and starts must be i32[3]
      ShapeError: dynamicSlice: a window of [1,129,1] in [2,128,64], starts of shape [3]
        at test/ir/ops-errors.test.ts:LINE
        hint: sizes must fit, and starts must be i32[3]
      DTypeError: normal: a key is u32[2], got f32[2,128,64]
        at test/ir/ops-errors.test.ts:LINE
        hint: make one with key(seed)
      ShapeError: normal: a key is u32[2], got u32[2,3]
        at test/ir/ops-errors.test.ts:LINE
        hint: make one with key(seed)
      ValueError: dropout: rate 1.5
        at test/ir/ops-errors.test.ts:LINE
        hint: use a rate from 0 to less than 1"
    `)
  })

  test('a compiled function sees only what is traced', () => {
    let escaped: w.Tensor | undefined
    expect(
      messages(
        (x) => {
          escaped = x
          return 3
        },
        (x) => x.read().catch(() => 0),
        () => w.neg(escaped!),
      ),
    ).toMatchInlineSnapshot(`
      "TraceError: main: the result at [0] is the number 3, not a tensor
        hint: trees are nested arrays and plain objects of tensors; wrap numbers with tensor(...)
      TraceError: main: the result at [0] is a Promise, not a tensor
        hint: trees are nested arrays and plain objects of tensors; wrap numbers with tensor(...)
      TraceError: neg: a tensor has escaped from the function in which it was traced
        at test/ir/ops-errors.test.ts:LINE
        hint: return tensors from the traced function instead of storing them outside it"
    `)
  })
})
