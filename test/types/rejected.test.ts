import { expect, test } from 'vitest'
import { compileAll, sentence } from './compiler.ts'

/** What must not compile: the text that is underlined, and the sentence that the editor shows. */
function complaints(...expressions: readonly string[]): string {
  return compileAll(expressions)
    .map((v) => `${v.expression}\n  ${v.flagged}: ${v.type === null ? sentence(v) : 'compiles'}`)
    .join('\n')
}

test('the whole of what TypeScript prints', () => {
  expect(compileAll(['matmul(x, wrong)'])[0]!.diagnostic).toMatchInlineSnapshot(`
    "Argument of type 'Tensor<readonly [128, 256], "f32">' is not assignable to parameter of type 'Tensor<readonly [128, 256], "f32"> & ShapeMismatch<"matmul: [B,T,64] x [128,256] - inner dims 64 and 128 differ">'.
      Property '[shapeMismatch]' is missing in type 'Tensor<readonly [128, 256], "f32">' but required in type 'ShapeMismatch<"matmul: [B,T,64] x [128,256] - inner dims 64 and 128 differ">'."
  `)
})

test('matmul and einsum', () => {
  expect(
    complaints(
      'matmul(x, wrong)',
      'matmul(part, wrong)',
      'matmul(x, half)',
      'matmul(ids, w)',
      'matmul(x, zeros([65]))',
      'matmul(zeros([2, 3, 4]), zeros([5, 4, 6]))',
      "einsum('b t i, i o -> b o', x, wrong)",
      "einsum('bti,io->bo', x, wrong)",
      "einsum('b t, t o -> b o', x, w)",
      "einsum('b t i, i o, o p -> b p', x, w, zeros([255, 2]))",
      "einsum('b t i, i o -> b o', x, half)",
      "einsum('b t i, i o', x, w)",
      "einsum('b t i, i o -> b z', x, w)",
      "einsum('b t i, i o -> b o', x)",
    ),
  ).toMatchInlineSnapshot(`
    "matmul(x, wrong)
      wrong: matmul: [B,T,64] x [128,256] - inner dims 64 and 128 differ
    matmul(part, wrong)
      wrong: matmul: [_,_,64] x [128,256] - inner dims 64 and 128 differ
    matmul(x, half)
      half: matmul: operands differ in dtype: f32 and f16
    matmul(ids, w)
      ids: matmul: takes f32, f16, got i32
    matmul(x, zeros([65]))
      zeros([65]): matmul: [B,T,64] x [65] - inner dims 64 and 65 differ
    matmul(zeros([2, 3, 4]), zeros([5, 4, 6]))
      zeros([5, 4, 6]): matmul: [2,3,4] x [5,4,6] - leading dims 2 and 5 differ
    einsum('b t i, i o -> b o', x, wrong)
      wrong: einsum: index i is 64 before and 128 in [128,256]
    einsum('bti,io->bo', x, wrong)
      wrong: einsum: index i is 64 before and 128 in [128,256]
    einsum('b t, t o -> b o', x, w)
      x: einsum: [B,T,64] has 3 dims, its term has 2 indices
    einsum('b t i, i o, o p -> b p', x, w, zeros([255, 2]))
      zeros([255, 2]): einsum: index o is 256 before and 255 in [255,2]
    einsum('b t i, i o -> b o', x, half)
      half: einsum: operands differ in dtype: f32 and f16
    einsum('b t i, i o', x, w)
      'b t i, i o': einsum: 'b t i, i o' has no '->'
    einsum('b t i, i o -> b z', x, w)
      'b t i, i o -> b z': einsum: 'z' of the result is in no operand of 'b t i, i o -> b z'
    einsum('b t i, i o -> b o', x)
      'b t i, i o -> b o': einsum: 'b t i, i o -> b o' has 2 terms for 1 operands"
  `)
})

test('elementwise operations', () => {
  expect(
    complaints(
      'add(x, zeros([63]))',
      'add(zeros([3, 64]), zeros([2, 64]))',
      'add(x, ids)',
      'add(mask, mask)',
      'add(2, mask)',
      'pow(ids, 2)',
      'exp(ids)',
      'gelu(ids)',
      'not(x)',
      'shiftLeft(x, 2)',
      'where(x, x, 0)',
      'where(mask, x, 0)',
      'where(mask, ids, zeros([2, 3]))',
      'where(mask, ids, cast(ids, "f32"))',
      'clip(x, zeros([63]), 1)',
      "is(part, 'B', 'T', 64) satisfies Tensor<readonly ['B', 'T', 32]>",
    ),
  ).toMatchInlineSnapshot(`
    "add(x, zeros([63]))
      zeros([63]): add: cannot broadcast [B,T,64] with [63] - 64 and 63 differ
    add(zeros([3, 64]), zeros([2, 64]))
      zeros([2, 64]): add: cannot broadcast [3,64] with [2,64] - 3 and 2 differ
    add(x, ids)
      ids: add: operands differ in dtype: f32 and i32
    add(mask, mask)
      mask: add: takes f32, f16, i32, u32, got bool
    add(2, mask)
      mask: add: takes f32, f16, i32, u32, got bool
    pow(ids, 2)
      ids: pow: takes f32, f16, got i32
    exp(ids)
      ids: exp: takes f32, f16, got i32
    gelu(ids)
      ids: gelu: takes f32, f16, got i32
    not(x)
      x: not: takes bool, i32, u32, got f32
    shiftLeft(x, 2)
      x: shiftLeft: takes i32, u32, got f32
    where(x, x, 0)
      x: where: takes bool, got f32
    where(mask, x, 0)
      x: where: cannot broadcast [B,T] with [B,T,64] - T and 64 differ
    where(mask, ids, zeros([2, 3]))
      zeros([2, 3]): where: operands differ in dtype: i32 and f32
    where(mask, ids, cast(ids, "f32"))
      cast(ids, "f32"): where: operands differ in dtype: i32 and f32
    clip(x, zeros([63]), 1)
      zeros([63]): clip: cannot broadcast [B,T,64] with [63] - 64 and 63 differ
    is(part, 'B', 'T', 64) satisfies Tensor<readonly ['B', 'T', 32]>
      satisfies: Type 'Tensor<readonly ["B", "T", 64], "f32">' does not satisfy the expected type 'Tensor<readonly ["B", "T", 32], DType>'.
      Type 'readonly ["B", "T", 64]' is not assignable to type 'readonly ["B", "T", 32]'.
        Type at position 2 in source is not compatible with type at position 2 in target.
          Type '64' is not assignable to type '32'."
  `)
})

test('axes', () => {
  expect(
    complaints(
      'sum(x, 3)',
      'sum(x, -4)',
      'sum(x, [0, 5])',
      'mean(ids)',
      'any(x)',
      'softmax(x, 3)',
      'argmax(x, 3)',
      'transpose(x, [0, 1])',
      'transpose(x, [0, 1, 1])',
      'moveAxis(x, 0, 3)',
      'expandDims(x, 5)',
      'squeeze(x, 1)',
      'squeeze(x, 4)',
      'broadcastTo(w, [3, 64, 255])',
      'concat([w, wrong], 1)',
      'concat([w, half])',
      'concat([x, w])',
      'concat([w, w], 2)',
      'stack([w, wrong])',
      'split(x, 2, 3)',
    ),
  ).toMatchInlineSnapshot(`
    "sum(x, 3)
      3: sum: axis 3 is out of range for [B,T,64]
    sum(x, -4)
      -4: sum: axis -4 is out of range for [B,T,64]
    sum(x, [0, 5])
      [0, 5]: sum: axes 0, 5 are out of range for [B,T,64]
    mean(ids)
      ids: mean: takes f32, f16, got i32
    any(x)
      x: any: takes bool, got f32
    softmax(x, 3)
      3: softmax: axis 3 is out of range for [B,T,64]
    argmax(x, 3)
      3: argmax: axis 3 is out of range for [B,T,64]
    transpose(x, [0, 1])
      [0, 1]: transpose: [0,1] does not permute the axes of [B,T,64]
    transpose(x, [0, 1, 1])
      [0, 1, 1]: transpose: [0,1,1] does not permute the axes of [B,T,64]
    moveAxis(x, 0, 3)
      3: moveAxis: axis 3 is out of range for [B,T,64]
    expandDims(x, 5)
      5: expandDims: axis 5 is out of range for the result of [B,T,64]
    squeeze(x, 1)
      1: squeeze: axis 1 is not of size 1 in [B,T,64]
    squeeze(x, 4)
      4: squeeze: axis 4 is out of range for [B,T,64]
    broadcastTo(w, [3, 64, 255])
      [3, 64, 255]: broadcastTo: [64,256] does not broadcast to [3,64,255] - 256 and 255 differ
    concat([w, wrong], 1)
      wrong: concat: [64,256] and [128,256] differ besides axis 1
    concat([w, half])
      half: concat: operands differ in dtype: f32 and f16
    concat([x, w])
      w: concat: [B,T,64] and [64,256] differ besides axis 0
    concat([w, w], 2)
      2: concat: axis 2 is out of range for [64,256]
    stack([w, wrong])
      wrong: stack: [64,256] and [128,256] differ
    split(x, 2, 3)
      3: split: axis 3 is out of range for [B,T,64]"
  `)
})

test('indexing, random numbers, convolution and control', () => {
  expect(
    complaints(
      'take(w, x)',
      'take(w, ids, 2)',
      'takeAlongAxis(x, part, 1)',
      'oneHot(x, 3)',
      'sort(x, 3)',
      'normal(ids, [3])',
      'dropout(key(0), ids, 0.1)',
      'conv2d(zeros([1, 3, 8, 8]), zeros([16, 4, 3, 3]))',
      'cond(x, (t) => t, (t) => t, x)',
      'cond(yes, (t) => t, (t) => matmul(t, w), x)',
    ),
  ).toMatchInlineSnapshot(`
    "take(w, x)
      x: take: takes i32, u32, got f32
    take(w, ids, 2)
      2: take: axis 2 is out of range for [64,256]
    takeAlongAxis(x, part, 1)
      part: takeAlongAxis: takes i32, u32, got f32
    oneHot(x, 3)
      x: oneHot: takes i32, u32, got f32
    sort(x, 3)
      3: sort: axis 3 is out of range for [B,T,64]
    normal(ids, [3])
      ids: normal: takes u32, got i32
    dropout(key(0), ids, 0.1)
      ids: dropout: takes f32, f16, got i32
    conv2d(zeros([1, 3, 8, 8]), zeros([16, 4, 3, 3]))
      zeros([16, 4, 3, 3]): conv2d: [1,3,8,8] by [16,4,3,3] - channels 3 and 4 differ
    cond(x, (t) => t, (t) => t, x)
      x: cond: takes bool, got f32
    cond(yes, (t) => t, (t) => matmul(t, w), x)
      matmul(t, w): Type 'Tensor<readonly ["B", "T", 256], "f32">' is not assignable to type 'Tensor<readonly ["B", "T", 64], "f32">'.
      Type 'readonly ["B", "T", 256]' is not assignable to type 'readonly ["B", "T", 64]'.
        Type at position 2 in source is not compatible with type at position 2 in target.
          Type '256' is not assignable to type '64'."
  `)
})
