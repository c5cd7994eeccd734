import v8 from 'node:v8'
import vm from 'node:vm'
import { describe, expect, test } from 'vitest'
import { loadModel } from '../../src/checkpoint/load-model.ts'
import type { RowRange, TensorInfo, TensorSource } from '../../src/data/tensor-source.ts'
import { type HostArray, numberToF16 } from '../../src/ir/dtype.ts'
import { isTensor, type Tensor } from '../../src/ir/tensor.ts'
import { linearSpec } from '../../src/nn/linear.ts'
import type { Weight } from '../../src/nn/weight.ts'
import { openDevice } from '../../src/runtime/registry.ts'
import { CheckpointError, FileError } from '../../src/util/errors.ts'

/** A source of numbers that count up, as if read from a file of this type. */
function counting(shapes: Record<string, readonly number[]>, dtype: 'f32' | 'f16' = 'f32') {
  const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)
  const reads: { readonly name: string; readonly rows: RowRange | undefined }[] = []
  const tensors = new Map<string, TensorInfo>(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { shape, stored: dtype.toUpperCase(), bytes: 4 * size(shape) },
    ]),
  )
  const source: TensorSource = {
    path: 'counting',
    tensors,
    async read(name, rows): Promise<HostArray> {
      reads.push({ name, rows })
      const { shape } = tensors.get(name)!
      const [height = 1, ...rest] = shape
      const { from, to } = rows ?? { from: 0, to: height }
      const begin = from * size(rest)
      const length = (to - from) * size(rest)
      const part = shape.length === 0 ? [] : [to - from, ...rest]
      return dtype === 'f32'
        ? { dtype, shape: part, data: Float32Array.from({ length }, (_, i) => begin + i) }
        : { dtype, shape: part, data: Uint16Array.from({ length }, (_, i) => numberToF16(begin + i)) }
    },
    close: async () => {},
  }
  return { source, reads }
}

function dense(weight: Weight): Tensor {
  if (isTensor(weight)) return weight
  throw new Error('not a tensor')
}

const spec = { fc: [linearSpec(2, 3), linearSpec(3, 1)] }
const shapes = { 'fc.0.weight': [3, 2], 'fc.1.weight': [1, 3] }

describe('loadModel', () => {
  test('gives the parameters in the type asked for, by name', async () => {
    const { source } = counting(shapes, 'f16')
    const params = await loadModel(spec, source, { device: 'reference' })
    expect(dense(params.fc[0]!.weight).dtype).toBe('f32')
    expect([...(await dense(params.fc[0]!.weight).read())]).toEqual([0, 1, 2, 3, 4, 5])
    const store = (name: string) => (name === 'fc.1.weight' ? ('f16' as const) : ('f32' as const))
    const mixed = await loadModel(spec, source, { device: 'reference', store })
    expect(mixed.fc.map(({ weight }) => dense(weight).dtype)).toEqual(['f32', 'f16'])
    expect([...(await dense(mixed.fc[1]!.weight).read())]).toEqual([0, 1, 2].map(numberToF16))
  })

  test('takes names with a prefix, renamed, and passes over those that are ignored', async () => {
    const { source } = counting({ 'a.fc.0.W': [3, 2], 'a.fc.1.W': [1, 3], 'a.extra': [1], 'b.other': [1] })
    const params = await loadModel(spec, source, {
      device: 'reference',
      rename: (name) => name.replace(/W$/, 'weight'),
      prefix: 'a.',
      ignore: (name) => name === 'a.extra',
    })
    expect([...(await dense(params.fc[1]!.weight).read())]).toEqual([0, 1, 2])
    const both = loadModel(spec, source, { device: 'reference', rename: () => 'same' })
    await expect(both).rejects.toThrow(/"a.fc.0.W" and "a.fc.1.W" would both be "same"/)
  })

  test('reads nothing before all names, shapes and types fit', async () => {
    const { source, reads } = counting({ 'fc.0.weight': [2, 3], 'fc.2.weight': [1] })
    await expect(loadModel(spec, source, { device: 'reference' })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [CheckpointError: the checkpoint does not fit the model: 3 tensors do not match
        wrong shape fc.0.weight: [2,3], not [3,2]
        missing fc.1.weight [1,3]
        unexpected fc.2.weight [1]
        hint: compare the configuration (layers, widths, vocabulary) and the prefix of the names with the checkpoint]
    `)
    expect(reads).toEqual([])
  })

  test('tells of the tensors of all layers in one line', async () => {
    const deep = { layers: Array.from({ length: 34 }, () => ({ up: linearSpec(2, 2), down: linearSpec(2, 2) })) }
    const { source } = counting({ 'layers.3.down.weight': [2, 2] })
    await expect(loadModel(deep, source, { device: 'reference' })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [CheckpointError: the checkpoint does not fit the model: 67 tensors do not match
        missing layers.{0..33}.up.weight [2,2] (34 tensors)
        missing layers.{0..2,4..33}.down.weight [2,2] (33 tensors)
        hint: compare the configuration (layers, widths, vocabulary) and the prefix of the names with the checkpoint]
    `)
  })

  test('reads large tensors by rows, and no tensor twice', async () => {
    const large = { w: linearSpec(1024, 3000) }
    const { source, reads } = counting({ 'w.weight': [3000, 1024] })
    const { w } = await loadModel(large, source, { device: 'reference' })
    const data = await dense(w.weight).read()
    expect([data[0], data[1_500_000], data.at(-1)]).toEqual([0, 1_500_000, 3000 * 1024 - 1])
    expect(reads.map(({ rows }) => rows)).toEqual([
      { from: 0, to: 1024 },
      { from: 1024, to: 2048 },
      { from: 2048, to: 3000 },
    ])
  })

  test('tells how far it is', async () => {
    const told: [number, number][] = []
    const onProgress = (done: number, total: number) => void told.push([done, total])
    await loadModel(spec, counting(shapes).source, { device: 'reference', onProgress })
    expect(told).toEqual([
      [24, 36],
      [36, 36],
    ])
  })

  test('refuses a number that f16 has not', async () => {
    const { source } = counting({ 'w.weight': [70_000, 1] })
    const loading = loadModel({ w: linearSpec(1, 70_000) }, source, { device: 'reference', store: 'f16' })
    await expect(loading).rejects.toThrow(CheckpointError)
    await expect(loading).rejects.toThrow(/w.weight holds 65520, and the largest f16 is 65504/)
  })

  test('frees what the device was given when a later tensor cannot be read', async () => {
    const { source } = counting(shapes)
    const broken: TensorSource = {
      ...source,
      async read(name, rows) {
        if (name === 'fc.1.weight') throw new FileError('gone')
        return source.read(name, rows)
      },
    }
    const device = await openDevice('wasm')
    const before = device.memory().buffers
    await expect(loadModel(spec, broken, { device })).rejects.toThrow('gone')
    await device.finish()
    expect(device.memory().buffers).toBe(before)
  })
})

describe('memory of the host', () => {
  test('has given up every tensor when the next is read', async () => {
    v8.setFlagsFromString('--expose-gc')
    const collect = vm.runInNewContext('gc') as () => void
    const { source } = counting({ 'fc.0.weight': [300, 200], 'fc.1.weight': [100, 300], 'fc.2.weight': [50, 100] })
    const given: WeakRef<object>[] = []
    const alive: number[] = []
    const watched: TensorSource = {
      ...source,
      async read(name, rows) {
        await new Promise((resolve) => setImmediate(resolve))
        collect()
        alive.push(given.filter((array) => array.deref() !== undefined).length)
        const array = await source.read(name, rows)
        given.push(new WeakRef(array.data))
        return array
      },
    }
    const three = { fc: [linearSpec(200, 300), linearSpec(300, 100), linearSpec(100, 50)] }
    const params = await loadModel(three, watched, { device: 'wasm' })
    expect(alive).toEqual([0, 0, 0])
    expect((await dense(params.fc[2]!.weight).read()).at(-1)).toBe(4999)
  })
})
