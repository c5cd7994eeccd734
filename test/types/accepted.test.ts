import { expect, test } from 'vitest'
import { compileAll } from './compiler.ts'

/** What must compile, and the type that it has. `x` is [B,T,64], `part` is [_,_,64], `wide` is a plain Tensor. */
function typesOf(...expressions: readonly string[]): string {
  return compileAll(expressions)
    .map((v) => `${v.expression}: ${v.type?.replace(/readonly /g, '') ?? v.diagnostic}`)
    .join('\n')
}

test('matmul and einsum', () => {
  expect(
    typesOf(
      'matmul(x, w)',
      'matmul(part, w)',
      'matmul(wide, w)',
      'matmul(x, wide)',
      'matmul(x, transpose(x, [0, 2, 1]))',
      'matmul(zeros([5, 1, 3, 2]), zeros([7, 2, 4]))',
      'matmul(zeros([3]), zeros([3]))',
      'matmul(zeros([3]), zeros([5, 3, 2]))',
      'matmul(x, zeros([64]))',
      "einsum('b t i, i o -> b o t', x, w)",
      "einsum('bti,io->bot', x, w)",
      "einsum('b t i, i o, o p -> b p', x, w, zeros([256, 2]))",
      "einsum('b t i -> b', x)",
      "einsum('b t i, i o -> b t o', wide, w)",
      "einsum('b t i, b t j -> i j', part, x)",
      'einsum(n > 0 ? "i j -> j" : "i j -> i", w)',
    ),
  ).toMatchInlineSnapshot(`
    "matmul(x, w): Tensor<["B", "T", 256], "f32">
    matmul(part, w): Tensor<[Dim, Dim, 256], "f32">
    matmul(wide, w): Tensor<Shape, "f32">
    matmul(x, wide): Tensor<Shape, "f32">
    matmul(x, transpose(x, [0, 2, 1])): Tensor<["B", "T", "T"], "f32">
    matmul(zeros([5, 1, 3, 2]), zeros([7, 2, 4])): Tensor<[5, 7, 3, 4], "f32">
    matmul(zeros([3]), zeros([3])): Tensor<[], "f32">
    matmul(zeros([3]), zeros([5, 3, 2])): Tensor<[5, 2], "f32">
    matmul(x, zeros([64])): Tensor<["B", "T"], "f32">
    einsum('b t i, i o -> b o t', x, w): Tensor<["B", 256, "T"], "f32">
    einsum('bti,io->bot', x, w): Tensor<["B", 256, "T"], "f32">
    einsum('b t i, i o, o p -> b p', x, w, zeros([256, 2])): Tensor<["B", 2], "f32">
    einsum('b t i -> b', x): Tensor<["B"], "f32">
    einsum('b t i, i o -> b t o', wide, w): Tensor<[Dim, Dim, 256], "f32">
    einsum('b t i, b t j -> i j', part, x): Tensor<[64, 64], "f32">
    einsum(n > 0 ? "i j -> j" : "i j -> i", w): Tensor<[64] | [256], "f32">"
  `)
})

test('elementwise operations broadcast, and take numbers', () => {
  expect(
    typesOf(
      'add(x, x)',
      'add(x, 2)',
      'mul(2, x)',
      'add(1, 2)',
      'add(x, zeros([64]))',
      'add(x, zeros([1, 64]))',
      'add(expandDims(x, 1), zeros([3, 1, 64]))',
      'add(part, x)',
      'add(wide, x)',
      'add(x, wide)',
      'add(wide, operand)',
      'add(x, operand)',
      'maximum(ids, 3)',
      'eq(ids, 2)',
      'lt(x, zeros([64]))',
      'and(mask, not(mask))',
      'where(mask, 1, 0)',
      'where(lt(x, 0), x, 0)',
      'where(expandDims(mask, -1), x, zeros([64]))',
      'where(wide, x, wide)',
      'relu(x)',
      'exp(wide)',
      "cast(ids, 'f16')",
      'clip(x, 0, 1)',
    ),
  ).toMatchInlineSnapshot(`
    "add(x, x): Tensor<["B", "T", 64], "f32">
    add(x, 2): Tensor<["B", "T", 64], "f32">
    mul(2, x): Tensor<["B", "T", 64], "f32">
    add(1, 2): Tensor<[], "f32">
    add(x, zeros([64])): Tensor<["B", "T", 64], "f32">
    add(x, zeros([1, 64])): Tensor<["B", "T", 64], "f32">
    add(expandDims(x, 1), zeros([3, 1, 64])): Tensor<["B", 3, "T", 64], "f32">
    add(part, x): Tensor<["B", "T", 64], "f32">
    add(wide, x): Tensor<Shape, "f32">
    add(x, wide): Tensor<Shape, "f32">
    add(wide, operand): Tensor<Shape, DType>
    add(x, operand): Tensor<Shape, "f32">
    maximum(ids, 3): Tensor<["B", "T"], "i32">
    eq(ids, 2): Tensor<["B", "T"], "bool">
    lt(x, zeros([64])): Tensor<["B", "T", 64], "bool">
    and(mask, not(mask)): Tensor<["B", "T"], "bool">
    where(mask, 1, 0): Tensor<["B", "T"], "f32">
    where(lt(x, 0), x, 0): Tensor<["B", "T", 64], "f32">
    where(expandDims(mask, -1), x, zeros([64])): Tensor<["B", "T", 64], "f32">
    where(wide, x, wide): Tensor<Shape, "f32">
    relu(x): Tensor<["B", "T", 64], "f32">
    exp(wide): Tensor<Shape, DType>
    cast(ids, 'f16'): Tensor<["B", "T"], "f16">
    clip(x, 0, 1): Tensor<["B", "T", 64], "f32">"
  `)
})

test('reductions with literal axes', () => {
  expect(
    typesOf(
      'sum(x)',
      'sum(x, -1)',
      'sum(x, [0, -1])',
      'mean(x, [0, 1], { keepDims: true })',
      'max(x, undefined, { keepDims: true })',
      'sum(x, n)',
      'sum(x, ns)',
      'sum(x, 1, { keepDims: n > 0 })',
      'sum(wide)',
      'sum(wide, 1)',
      'any(mask, 0)',
      'argmax(x)',
      'argmax(x, 1, { keepDims: true })',
      'softmax(part, -1)',
      'logsumexp(x, 2)',
      'variance(x, -1, { keepDims: true, correction: 1 })',
    ),
  ).toMatchInlineSnapshot(`
    "sum(x): Tensor<[], "f32">
    sum(x, -1): Tensor<["B", "T"], "f32">
    sum(x, [0, -1]): Tensor<["T"], "f32">
    mean(x, [0, 1], { keepDims: true }): Tensor<[1, 1, 64], "f32">
    max(x, undefined, { keepDims: true }): Tensor<[1, 1, 1], "f32">
    sum(x, n): Tensor<Shape, "f32">
    sum(x, ns): Tensor<Shape, "f32">
    sum(x, 1, { keepDims: n > 0 }): Tensor<Shape, "f32">
    sum(wide): Tensor<[], DType>
    sum(wide, 1): Tensor<Shape, DType>
    any(mask, 0): Tensor<["T"], "bool">
    argmax(x): Tensor<["B", "T"], "i32">
    argmax(x, 1, { keepDims: true }): Tensor<["B", 1, 64], "i32">
    softmax(part, -1): Tensor<[Dim, Dim, 64], "f32">
    logsumexp(x, 2): Tensor<["B", "T"], "f32">
    variance(x, -1, { keepDims: true, correction: 1 }): Tensor<["B", "T", 1], "f32">"
  `)
})

test('layout', () => {
  expect(
    typesOf(
      'transpose(x)',
      'transpose(x, [2, 0, 1])',
      'transpose(x, [0, -1, 1])',
      'transpose(x, ns)',
      'moveAxis(x, 0, -1)',
      'moveAxis(x, n, 0)',
      'expandDims(x, -1)',
      'expandDims(x, [0, 2])',
      'squeeze(expandDims(x, 1), 1)',
      'squeeze(part, 0)',
      'reshape(x, [2, -1, n, 64])',
      'broadcastTo(w, [3, 64, 256])',
      "is(wide, 'B', 64)",
      'like(wide, x)',
      'index(x, 0, [1, 2])',
      'index(x, null, -1)',
      'index(wide, 0)',
      'slice(x, [0, 0, 0], [1, 1, 1])',
      'flip(x, [0, 1])',
      'concat([x, x], 1)',
      'concat([x, part], -1)',
      'concat(list)',
      'stack([w, w])',
      'stack([w, w, w], -1)',
      'stack(list)',
      'split(x, 2, -1)',
      'tile(w, [1, 2])',
      'repeat(w, 2, 0)',
    ),
  ).toMatchInlineSnapshot(`
    "transpose(x): Tensor<[64, "T", "B"], "f32">
    transpose(x, [2, 0, 1]): Tensor<[64, "B", "T"], "f32">
    transpose(x, [0, -1, 1]): Tensor<["B", 64, "T"], "f32">
    transpose(x, ns): Tensor<[Dim, Dim, Dim], "f32">
    moveAxis(x, 0, -1): Tensor<["T", 64, "B"], "f32">
    moveAxis(x, n, 0): Tensor<[Dim, Dim, Dim], "f32">
    expandDims(x, -1): Tensor<["B", "T", 64, 1], "f32">
    expandDims(x, [0, 2]): Tensor<[1, "B", 1, "T", 64], "f32">
    squeeze(expandDims(x, 1), 1): Tensor<["B", "T", 64], "f32">
    squeeze(part, 0): Tensor<[Dim, 64], "f32">
    reshape(x, [2, -1, n, 64]): Tensor<[2, Dim, number, 64], "f32">
    broadcastTo(w, [3, 64, 256]): Tensor<[3, 64, 256], "f32">
    is(wide, 'B', 64): Tensor<["B", 64], DType>
    like(wide, x): Tensor<["B", "T", 64], DType>
    index(x, 0, [1, 2]): Tensor<[Dim, 64], "f32">
    index(x, null, -1): Tensor<["B", 64], "f32">
    index(wide, 0): Tensor<Shape, DType>
    slice(x, [0, 0, 0], [1, 1, 1]): Tensor<[Dim, Dim, Dim], "f32">
    flip(x, [0, 1]): Tensor<["B", "T", 64], "f32">
    concat([x, x], 1): Tensor<["B", Dim, 64], "f32">
    concat([x, part], -1): Tensor<["B", "T", Dim], "f32">
    concat(list): Tensor<Shape, DType>
    stack([w, w]): Tensor<[2, 64, 256], "f32">
    stack([w, w, w], -1): Tensor<[64, 256, 3], "f32">
    stack(list): Tensor<Shape, DType>
    split(x, 2, -1): Tensor<["B", "T", Dim], "f32">[]
    tile(w, [1, 2]): Tensor<[Dim, Dim], "f32">
    repeat(w, 2, 0): Tensor<[Dim, 256], "f32">"
  `)
})

test('indexing, sorting and random numbers', () => {
  expect(
    typesOf(
      'take(w, ids)',
      'take(w, ids, -1)',
      'take(w, wide)',
      "takeAlongAxis(x, zeros(['B' as never, 1, 64], 'i32'), 1)",
      'dynamicSlice(x, [0, 0, 0], [1, 2, 64])',
      'dynamicUpdateSlice(x, wide, wide)',
      'oneHot(ids, 5)',
      'argsort(x)',
      'topK(x, 5)',
      'key(0)',
      'splitKey(key(0), 3)',
      'index(splitKey(key(0), 3), 1)',
      'normal(key(0), [3, 4])',
      'normal(splitKey(key(0), 8), [4])',
      'uniform(wide, [2])',
      'bernoulli(key(0), 0.5, [3])',
      'bernoulli(key(0), zeros([4]))',
      'categorical(key(0), x)',
      'permutation(key(0), 10)',
    ),
  ).toMatchInlineSnapshot(`
    "take(w, ids): Tensor<["B", "T", 256], "f32">
    take(w, ids, -1): Tensor<[64, "B", "T"], "f32">
    take(w, wide): Tensor<Shape, "f32">
    takeAlongAxis(x, zeros(['B' as never, 1, 64], 'i32'), 1): Tensor<["B", 1, 64], "f32">
    dynamicSlice(x, [0, 0, 0], [1, 2, 64]): Tensor<[1, 2, 64], "f32">
    dynamicUpdateSlice(x, wide, wide): Tensor<["B", "T", 64], "f32">
    oneHot(ids, 5): Tensor<["B", "T", 5], "f32">
    argsort(x): Tensor<["B", "T", 64], "i32">
    topK(x, 5): { values: Tensor<["B", "T", 5], "f32">; indices: Tensor<["B", "T", 5], "i32">; }
    key(0): Key
    splitKey(key(0), 3): Tensor<[3, 2], "u32">
    index(splitKey(key(0), 3), 1): Tensor<[2], "u32">
    normal(key(0), [3, 4]): Tensor<[3, 4], "f32">
    normal(splitKey(key(0), 8), [4]): Tensor<[8, 4], "f32">
    uniform(wide, [2]): Tensor<Shape, "f32">
    bernoulli(key(0), 0.5, [3]): Tensor<[3], "bool">
    bernoulli(key(0), zeros([4])): Tensor<[4], "bool">
    categorical(key(0), x): Tensor<["B", "T"], "i32">
    permutation(key(0), 10): Tensor<[10], "i32">"
  `)
})

test('creation, convolution and control', () => {
  expect(
    typesOf(
      'tensor(1)',
      'tensor([[1, 2], [3, 4]])',
      "tensor([1, 2], { dtype: 'i32' })",
      'tensor([true])',
      'tensor(new Uint32Array(4), { shape: [2, 2] })',
      'zeros(ns)',
      "arange(4, 'f32')",
      'eye(3)',
      "spec(['B', 64], 'i32')",
      'conv2d(zeros([1, 3, 8, 8]), zeros([16, 3, 3, 3]), { padding: 1 })',
      'resizeBicubic(zeros([1, 3, 8, 8]), [4, 4])',
      'scan((c, v) => [add(c, v), mul(c, 2)], zeros([3]), zeros([5, 3]))',
      'scan((c, v) => [{ s: add(c.s, v.a) }, [v.b]], { s: zeros([3]) }, { a: zeros([5, 3]), b: ids })',
      'scan((c) => [c, null], zeros([3]), null, { length: 3 })',
      'cond(yes, (t) => t, (t) => mul(t, 2), x)',
    ),
  ).toMatchInlineSnapshot(`
    "tensor(1): Tensor<[], "f32">
    tensor([[1, 2], [3, 4]]): Tensor<[number, number], "f32">
    tensor([1, 2], { dtype: 'i32' }): Tensor<[number], "i32">
    tensor([true]): Tensor<[number], "bool">
    tensor(new Uint32Array(4), { shape: [2, 2] }): Tensor<[2, 2], "u32">
    zeros(ns): Tensor<number[], "f32">
    arange(4, 'f32'): Tensor<[4], "f32">
    eye(3): Tensor<[3, 3], "f32">
    spec(['B', 64], 'i32'): Spec<["B", 64], "i32">
    conv2d(zeros([1, 3, 8, 8]), zeros([16, 3, 3, 3]), { padding: 1 }): Tensor<[1, 16, Dim, Dim], "f32">
    resizeBicubic(zeros([1, 3, 8, 8]), [4, 4]): Tensor<[1, 3, 4, 4], "f32">
    scan((c, v) => [add(c, v), mul(c, 2)], zeros([3]), zeros([5, 3])): [Tensor<[3], "f32">, Tensor<[5, 3], "f32">]
    scan((c, v) => [{ s: add(c.s, v.a) }, [v.b]], { s: zeros([3]) }, { a: zeros([5, 3]), b: ids }): [{ s: Tensor<[3], "f32">; }, Tensor<[Dim, "T"], "i32">[]]
    scan((c) => [c, null], zeros([3]), null, { length: 3 }): [Tensor<[3], "f32">, null]
    cond(yes, (t) => t, (t) => mul(t, 2), x): Tensor<["B", "T", 64], "f32">"
  `)
})

test('functions generic in a whole shape, and functions of unknown dimensions', () => {
  expect(
    typesOf(
      "<S extends Shape>(y: Tensor<S, 'f32'>) => add(y, mul(relu(mul(2, exp(y))), y))",
      "<S extends readonly [_, _, 64]>(y: Tensor<S, 'f32'>) => like(matmul(matmul(is(y, 'B', 'T', 64), w), transpose(w)), y)",
      "<D extends 'f32' | 'f16'>(y: Tensor<readonly [3], D>) => exp(y)",
      "(y: Tensor<readonly [_, _, 64], 'f32'>) => matmul(relu(matmul(y, w)), transpose(w))",
      "((y: Tensor<readonly [_, _, 64], 'f32'>) => softmax(y, -1))(x)",
    ),
  ).toMatchInlineSnapshot(`
    "<S extends Shape>(y: Tensor<S, 'f32'>) => add(y, mul(relu(mul(2, exp(y))), y)): <S extends Shape>(y: Tensor<S, "f32">) => Tensor<S, "f32">
    <S extends readonly [_, _, 64]>(y: Tensor<S, 'f32'>) => like(matmul(matmul(is(y, 'B', 'T', 64), w), transpose(w)), y): <S extends [_, _, 64]>(y: Tensor<S, "f32">) => Tensor<S, "f32">
    <D extends 'f32' | 'f16'>(y: Tensor<readonly [3], D>) => exp(y): <D extends "f32" | "f16">(y: Tensor<[3], D>) => Tensor<[3], D>
    (y: Tensor<readonly [_, _, 64], 'f32'>) => matmul(relu(matmul(y, w)), transpose(w)): (y: Tensor<[_, _, 64], "f32">) => Tensor<[Dim, Dim, 64], "f32">
    ((y: Tensor<readonly [_, _, 64], 'f32'>) => softmax(y, -1))(x): Tensor<[Dim, Dim, 64], "f32">"
  `)
})
