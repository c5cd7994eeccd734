import { describe, expect, test } from 'vitest'
import * as w from '../../src/index.ts'
import { numberToF16 } from '../../src/ir/dtype.ts'
import { read } from './arrays.ts'

describe('tensor', () => {
  test('takes shape and dtype from nested arrays', async () => {
    const x = w.tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(x).toMatchObject({ dtype: 'f32', shape: [2, 3] })
    expect(await read(x)).toEqual({ shape: [2, 3], data: [1, 2, 3, 4, 5, 6] })
    expect(w.tensor([[true], [false]])).toMatchObject({ dtype: 'bool', shape: [2, 1] })
    expect(w.tensor(3)).toMatchObject({ dtype: 'f32', shape: [] })
    expect(w.tensor([[], []])).toMatchObject({ dtype: 'f32', shape: [2, 0] })
  })

  test('takes the dtype that a typed array stores', async () => {
    expect(w.tensor(Int32Array.of(1)).dtype).toBe('i32')
    expect(w.tensor(Uint32Array.of(1)).dtype).toBe('u32')
    expect(w.tensor(Float32Array.of(1, 2, 3, 4), { shape: [2, 2] })).toMatchObject({ dtype: 'f32', shape: [2, 2] })
    const half = w.tensor(Uint16Array.of(numberToF16(1.5)))
    expect(half.dtype).toBe('f16')
    expect(await half.item()).toBe(1.5)
    expect(await w.tensor(Float32Array.of(1.5), { dtype: 'f16' }).item()).toBe(1.5)
    expect(await read(w.tensor(Uint8Array.of(0, 1), { dtype: 'bool' }))).toEqual({ shape: [2], data: [0, 1] })
  })

  test('copies, so that later writes do not reach it', async () => {
    const data = Float32Array.of(1, 2)
    const x = w.tensor(data)
    data[0] = 9
    expect([...(await x.read())]).toEqual([1, 2])
  })

  test('refuses what it cannot hold', () => {
    expect(() => w.tensor([[1, 2], [3]])).toThrow(/^tensor: nested arrays are ragged/)
    expect(() => w.tensor([1.5], { dtype: 'i32' })).toThrow(/^tensor: 1.5 is not an element of i32/)
    expect(() => w.tensor([1, 2, 3], { shape: [2, 2] })).toThrow(/^tensor: 3 elements do not fill \[2,2\]/)
    expect(() => w.tensor(Uint8Array.of(1))).toThrow(/^tensor: a Uint8Array may hold bytes or booleans/)
  })
})

test('constants', async () => {
  expect(await read(w.zeros([2, 1]))).toEqual({ shape: [2, 1], data: [0, 0] })
  expect(await read(w.ones([2], 'i32'))).toEqual({ shape: [2], data: [1, 1] })
  expect(await read(w.full([], 7))).toEqual({ shape: [], data: [7] })
  expect(await read(w.onesLike(w.zeros([0, 3], 'u32')))).toEqual({ shape: [0, 3], data: [] })
  expect(w.onesLike(w.zeros([1], 'u32')).dtype).toBe('u32')
  expect(await read(w.arange(4))).toEqual({ shape: [4], data: [0, 1, 2, 3] })
  expect(await read(w.iota([2, 3], -1))).toEqual({ shape: [2, 3], data: [0, 1, 2, 0, 1, 2] })
  expect(await read(w.eye(2))).toEqual({ shape: [2, 2], data: [1, 0, 0, 1] })
  expect(() => w.zeros([-1])).toThrow(/^zeros: \[-1\] is not a shape/)
  expect(() => w.arange(1.5)).toThrow(/^arange: \[1.5\] is not a shape/)
})

test('specs are plain data', () => {
  expect(w.spec(['B', 3], 'i32')).toEqual({ kind: 'spec', shape: ['B', 3], dtype: 'i32' })
  expect(w.isSpec(w.spec([2]))).toBe(true)
  expect(w.isSpec({ shape: [2] })).toBe(false)
  expect(w.isSpec(w.zeros([2]))).toBe(false)
  expect(w.specOf(w.zeros([2], 'bool'))).toEqual({ kind: 'spec', shape: [2], dtype: 'bool' })
})
