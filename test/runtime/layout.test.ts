import { describe, expect, test } from 'vitest'
import { deviceBytes } from '../../src/codegen/program.ts'
import { DTYPES } from '../../src/ir/dtype.ts'
import { decode, encode, tensorBytes } from '../../src/runtime/layout.ts'
import { packParams } from '../../src/runtime/params.ts'
import { sizeText } from '../../src/runtime/size-text.ts'

test('the runtime and the compiler agree on the bytes of a tensor', () => {
  for (const dtype of DTYPES) {
    for (const n of [0, 1, 2, 3, 64, 65]) expect(tensorBytes(dtype, [n]), `${dtype}[${n}]`).toBe(deviceBytes(dtype, n))
  }
})

describe('encode', () => {
  test('bools become words of 0 or 1', () => {
    const bytes = encode({ dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 7) }, 'x')
    expect([...new Uint32Array(bytes.buffer)]).toEqual([0, 1, 1])
  })

  test('an odd number of halves is padded with zero', () => {
    const bytes = encode({ dtype: 'f16', shape: [3], data: Uint16Array.of(1, 2, 3) }, 'x')
    expect([...bytes]).toEqual([1, 0, 2, 0, 3, 0, 0, 0])
  })

  test('a view keeps its own range, and is not copied without need', () => {
    const whole = Float32Array.of(1, 2, 3, 4)
    const bytes = encode({ dtype: 'f32', shape: [2], data: whole.subarray(1, 3) }, 'x')
    expect(bytes.buffer).toBe(whole.buffer)
    expect([bytes.byteOffset, bytes.byteLength]).toEqual([4, 8])
  })

  test('shared memory is copied', () => {
    const data = new Float32Array(new SharedArrayBuffer(8))
    data.set([5, 6])
    const bytes = encode({ dtype: 'f32', shape: [2], data }, 'x')
    expect(bytes.buffer).toBeInstanceOf(ArrayBuffer)
    expect([...new Float32Array(bytes.buffer)]).toEqual([5, 6])
  })

  test('data that does not fill the shape is refused by name', () => {
    expect(() => encode({ dtype: 'f32', shape: [2, 3], data: new Float32Array(5) }, 'params.w')).toThrow(
      'upload: params.w is f32[2,3], 6 elements, but its data has 5',
    )
  })
})

test('decode takes what encode made', () => {
  const array = { dtype: 'bool', shape: [2, 2], data: Uint8Array.of(1, 0, 0, 1) } as const
  expect(decode('bool', [2, 2], encode(array, 'x'))).toEqual(array)
  const halves = { dtype: 'f16', shape: [3], data: Uint16Array.of(9, 8, 7) } as const
  expect(decode('f16', [3], encode(halves, 'x'))).toEqual(halves)
  expect(decode('f32', [0], new Uint8Array(4)).data).toEqual(new Float32Array(0))
})

test('params are aligned, and equal ones are stored once', () => {
  const step = (...params: number[]) =>
    ({
      kind: 'dispatch',
      kernel: 0,
      buffers: [],
      params,
      workgroups: [1, 1, 1],
      scratchBytes: 0,
      label: '',
      flops: 0,
      bytes: 0,
    }) as const
  const steps = [step(1, 2, 3, 4), step(), step(5, 6, 7, -1), step(1, 2, 3, 4)]
  const [a, none, b, again] = steps
  const { words, offsets } = packParams([a!, none!, { kind: 'loop', count: 9, steps: [b!], label: '' }, again!], 32)
  expect([...words]).toEqual([1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 0xffffffff, 0, 0, 0, 0])
  expect(steps.map((s) => offsets.get(s))).toEqual([0, undefined, 32, 0])
})

test('sizes read as people write them', () => {
  expect([12, 1536, 128 * 2 ** 20, 1.26e9].map(sizeText)).toEqual(['12 B', '1.50 KiB', '128 MiB', '1.17 GiB'])
})
